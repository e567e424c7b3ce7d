package rules

import (
	"math/rand/v2"
	"testing"
)

// at is a place in a small range that lies at an edge of the two words, where carries are.
func at(n byte) Number {
	a := Number{7, ^uint64(0) - 100}
	for range n {
		a = a.Next()
	}
	return a
}

// FuzzSpans holds the operations against those on one bit for each number.
func FuzzSpans(f *testing.F) {
	f.Add([]byte{1, 5, 7, 9}, []byte{3, 8})
	f.Add([]byte{0, 255}, []byte{0, 0, 255, 255})
	r := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		lists := [2][]byte{}
		for i := range lists {
			for range r.IntN(6) {
				first := r.IntN(256)
				lists[i] = append(lists[i], byte(first), byte(min(first+r.IntN(60), 255)))
			}
		}
		f.Add(lists[0], lists[1])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, inX := built(a)
		y, inY := built(b)
		both, either, less := x.Intersect(y), x.Union(y), x.Minus(y)
		covers, touches := true, false
		for n := range 256 {
			v, x1, y1 := at(byte(n)), inX[n], inY[n]
			covers, touches = covers && (x1 || !y1), touches || x1 && y1
			if x.Contains(v) != x1 || both.Contains(v) != (x1 && y1) || either.Contains(v) != (x1 || y1) || less.Contains(v) != (x1 && !y1) {
				t.Fatalf("%v and %v at %d: %v, %v, %v", x, y, n, both, either, less)
			}
		}
		if x.Covers(y) != covers || x.Touches(y) != touches || y.Touches(x) != touches {
			t.Fatalf("%v covers %v: %v, touches it: %v", x, y, !covers, !touches)
		}
		if x.Equal(y) != (inX == inY) || x.Empty() != (inX == [256]bool{}) {
			t.Fatalf("%v equals %v: %v", x, y, x.Equal(y))
		}
		again, _ := built(a)
		if !again.Equal(x) {
			t.Fatalf("%v was changed: %v", again, x)
		}
		for _, s := range []Spans{x, both, either, less} {
			isSorted(t, s)
		}
	})
}

// built makes a set of pairs of ends, and the bits of it.
func built(ends []byte) (Spans, [256]bool) {
	var list []Span
	var in [256]bool
	for i := 0; i+1 < len(ends); i += 2 {
		first, last := min(ends[i], ends[i+1]), max(ends[i], ends[i+1])
		list = append(list, Span{at(first), at(last)})
		for n := int(first); n <= int(last); n++ {
			in[n] = true
		}
	}
	return NewSpans(list), in
}

// isSorted asks what Spans promises, and that the blocks of a set are that set, each as
// large as where it begins and what follows it allow.
func isSorted(t *testing.T, s Spans) {
	t.Helper()
	var back []Span
	for i, v := range s {
		if v.Last.Less(v.First) || i > 0 && !s[i-1].Last.Next().Less(v.First) {
			t.Fatalf("%v is not sorted and merged", s)
		}
		v.Blocks(128, func(first Number, free int) {
			last := first.Or(Ones(free))
			wider := Ones(free + 1)
			if first.And(Ones(free)) != (Number{}) || first.And(wider) == (Number{}) && !v.Last.Less(first.Or(wider)) {
				t.Fatalf("%v has the block %v of %d bits", v, first, free)
			}
			if n := len(back); n > 0 && !back[n-1].Last.Less(first) {
				t.Fatalf("%v has blocks out of order", v)
			}
			back = append(back, Span{first, last})
		})
	}
	if !NewSpans(back).Equal(s) {
		t.Fatalf("%v in blocks is %v", s, back)
	}
}

// The ends of all numbers wrap around and still are one set.
func TestSpansToTheEnds(t *testing.T) {
	all := Spans{{Last: Ones(128)}}
	edges := NewSpans([]Span{Just(Ones(128)), Just(Number{}), {Number{Lo: 5}, Ones(128)}})
	if want := (Spans{Just(Number{}), {Number{Lo: 5}, Ones(128)}}); !edges.Equal(want) {
		t.Errorf("merged to %v", edges)
	}
	rest := all.Minus(edges)
	if want := (Spans{{Number{Lo: 1}, Number{Lo: 4}}}); !rest.Equal(want) {
		t.Errorf("all but these is %v", rest)
	}
	if !rest.Union(edges).Equal(all) || !all.Minus(all).Empty() || !all.Covers(edges) {
		t.Error("the parts do not make up the whole")
	}
	blocks := 0
	all[0].Blocks(128, func(first Number, free int) {
		if blocks++; free != 128 || first != (Number{}) {
			t.Errorf("all is a block of %d bits at %v", free, first)
		}
	})
	if blocks != 1 {
		t.Errorf("all is %d blocks", blocks)
	}
}
