package rules

import (
	"cmp"
	"slices"
	"sort"
)

// Span is First to Last, both included.
type Span struct{ First, Last Number }

// Just is the span of one number.
func Just(n Number) Span { return Span{n, n} }

// Spans is a set of numbers: spans sorted, none empty, none touching another, so equal sets
// are equal slices. It is never changed once made, and results share memory with what they
// were made of. The judges use it and not Addresses: firewalls have ranges that are no
// prefixes, and a verdict makes many short-lived sets that need no hash.
type Spans []Span

// NewSpans sorts and merges.
func NewSpans(in []Span) Spans {
	sorted := append(Spans(nil), in...)
	if len(sorted) < 2 {
		return sorted
	}
	slices.SortFunc(sorted, func(a, b Span) int {
		if c := cmp.Compare(a.First.Hi, b.First.Hi); c != 0 {
			return c
		}
		return cmp.Compare(a.First.Lo, b.First.Lo)
	})
	out := sorted[:1]
	for _, v := range sorted[1:] {
		out = out.with(v)
	}
	return out
}

// with adds a span that begins nowhere before the last one.
func (s Spans) with(v Span) Spans {
	last := &s[len(s)-1]
	if last.Last.Less(v.First) && last.Last.Next().Less(v.First) {
		return append(s, v)
	}
	if last.Last.Less(v.Last) {
		last.Last = v.Last
	}
	return s
}

// Empty says whether no number is in the set.
func (s Spans) Empty() bool { return len(s) == 0 }

// Equal says whether both hold the same numbers.
func (s Spans) Equal(o Spans) bool { return slices.Equal(s, o) }

// Contains says whether the number is in the set.
func (s Spans) Contains(n Number) bool {
	i := sort.Search(len(s), func(i int) bool { return !s[i].Last.Less(n) })
	return i < len(s) && !n.Less(s[i].First)
}

// Touches says whether the two have a number in common.
func (s Spans) Touches(o Spans) bool {
	if len(s) == 0 || len(o) == 0 || s[len(s)-1].Last.Less(o[0].First) || o[len(o)-1].Last.Less(s[0].First) {
		return false
	}
	if len(s) > len(o) {
		s, o = o, s
	}
	for _, v := range s {
		i := sort.Search(len(o), func(i int) bool { return !o[i].Last.Less(v.First) })
		if i < len(o) && !v.Last.Less(o[i].First) {
			return true
		}
	}
	return false
}

// Covers says whether every number of o is in the set.
func (s Spans) Covers(o Spans) bool { return o.Minus(s).Empty() }

// Intersect is the numbers that are in both.
func (s Spans) Intersect(o Spans) Spans {
	var out Spans
	for i, j := 0, 0; i < len(s) && j < len(o); {
		first, last := s[i].First, s[i].Last
		if first.Less(o[j].First) {
			first = o[j].First
		}
		if o[j].Last.Less(last) {
			last = o[j].Last
		}
		if !last.Less(first) {
			out = append(out, Span{first, last})
		}
		if s[i].Last.Less(o[j].Last) {
			i++
		} else {
			j++
		}
	}
	return out
}

// Minus is the numbers of s that are not in o.
func (s Spans) Minus(o Spans) Spans {
	if len(s) == 0 || len(o) == 0 {
		return s
	}
	var out Spans
	j := 0
	for _, v := range s {
		for j < len(o) && o[j].Last.Less(v.First) {
			j++
		}
		first, open := v.First, true
		for k := j; k < len(o) && !v.Last.Less(o[k].First); k++ {
			if first.Less(o[k].First) {
				out = append(out, Span{first, o[k].First.Before()})
			}
			if !o[k].Last.Less(v.Last) {
				open = false
				break
			}
			first = o[k].Last.Next()
		}
		if open {
			out = append(out, Span{first, v.Last})
		}
	}
	return out
}

// Union is the numbers that are in either.
func (s Spans) Union(o Spans) Spans {
	switch {
	case len(o) == 0:
		return s
	case len(s) == 0:
		return o
	}
	out := make(Spans, 0, len(s)+len(o))
	for len(s) > 0 || len(o) > 0 {
		if len(s) == 0 || len(o) > 0 && o[0].First.Less(s[0].First) {
			s, o = o, s
		}
		if len(out) == 0 {
			out = append(out, s[0])
		} else {
			out = out.with(s[0])
		}
		s = s[1:]
	}
	return out
}

// Blocks calls do with the fewest blocks that make up the span, in order, as prefixes make
// up a range: in each the lowest free bits are anything, and first has none of them set.
// width is how many bits a number has here.
func (v Span) Blocks(width int, do func(first Number, free int)) {
	for first := v.First; ; {
		free, end := 0, first // grow the block while it begins here and fits
		for free < width {
			mask := Ones(free + 1)
			wider := first.Or(mask)
			if first.And(mask) != (Number{}) || v.Last.Less(wider) {
				break
			}
			free, end = free+1, wider
		}
		do(first, free)
		if !end.Less(v.Last) {
			return
		}
		first = end.Next()
	}
}
