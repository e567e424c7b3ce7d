package linux

import (
	"slices"

	"farmwall/rules"
)

// shares are the three shares of a part at a match.
type shares struct {
	yes, no, unsure []part
	why             string
}

func (s *shares) put(to *[]part, p part) {
	if !p.empty() {
		*to = append(*to, p)
	}
}

// sure gives the whole part to yes or no.
func sure(p part, yes bool) shares {
	if yes {
		return shares{yes: []part{p}}
	}
	return shares{no: []part{p}}
}

func inDoubt(p part, why string) shares { return shares{unsure: []part{p}, why: why} }

// test splits a part by a match.
func (w *walk) test(p part, t *ruleTable, m *match) shares {
	if m.any != nil {
		return w.either(p, t, m)
	}
	right := &m.right
	if right.ref != "" {
		set, ok := t.sets[right.ref]
		if !ok {
			return inDoubt(p, "the set "+brief([]byte(right.ref))+" is not in "+t.Place())
		}
		right = set
		s := w.compare(p, m.op, m.left, right)
		if slices.Contains(p.filled, m.right.ref) {
			outside := &s.no
			if m.op == "!=" {
				outside = &s.yes
			}
			s.unsure = append(s.unsure, *outside...)
			*outside, s.why = nil, "a rule just put packets into the set "+m.right.ref
		}
		return s
	}
	return w.compare(p, m.op, m.left, right)
}

// either splits a part by alternatives, of each of which all comparisons must be true.
func (w *walk) either(p part, t *ruleTable, m *match) shares {
	var out shares
	rest := []part{p}
	for _, all := range m.any {
		var next []part
		for _, q := range rest {
			hits := []part{q}
			for i := range all {
				var keep []part
				for _, h := range hits {
					s := w.test(h, t, &all[i])
					keep, next = append(keep, s.yes...), append(next, s.no...)
					if len(s.unsure) > 0 {
						out.unsure, out.why = append(out.unsure, s.unsure...), s.why
					}
				}
				hits = keep
			}
			out.yes = append(out.yes, hits...)
		}
		rest = next
	}
	out.no = rest
	if m.not {
		out.yes, out.no = out.no, out.yes
	}
	out.yes, out.no, out.unsure = joined(out.yes), joined(out.no), joined(out.unsure)
	return out
}

// compare splits a part by one comparison.
func (w *walk) compare(p part, op string, left []selector, right *values) shares {
	if len(left) > 1 {
		s := w.compareTuple(p, left, right)
		switch op {
		case "==", "in":
			return s
		case "!=":
			return shares{yes: s.no, no: s.yes, unsure: s.unsure, why: s.why}
		}
		return inDoubt(p, "the operator "+brief([]byte(op))+" is not known")
	}
	sel := left[0]
	f := w.scene.lookUp(sel, &p)
	switch f.kind {
	case absent:
		return sure(p, false)
	case unknown:
		return inDoubt(p, f.why)
	case named:
		return w.compareDevice(p, op, sel, f, right)
	case classed:
		return compareClasses(p, op, sel, f, right)
	case constant:
		return compareConstants(p, op, sel, f, right)
	}
	return w.compareShare(p, op, sel, f, right)
}

// divide splits the part by addresses or by source ports.
func (p part) divide(by propertyKind, hit rules.Spans) (yes, no part) {
	yes, no = p, p
	if by == remotes {
		yes.remote, no.remote = p.remote.Intersect(hit), p.remote.Minus(hit)
	} else {
		yes.sports, no.sports = p.sports.Intersect(hit), p.sports.Minus(hit)
	}
	return yes, no
}

// compareTuple compares a concatenation with its elements, one after the other.
func (w *walk) compareTuple(p part, left []selector, right *values) shares {
	if right.odd && len(right.tuples) == 0 || right.ref != "" {
		return inDoubt(p, "a concatenation is compared with what is not understood")
	}
	var out shares
	rest := []part{p}
	if right.all {
		return sure(p, true)
	}
	for _, tuple := range right.tuples {
		var next []part
		for _, q := range rest {
			w.steps++
			if len(tuple) != len(left) {
				out.unsure, out.why = append(out.unsure, q), "a concatenation has another length than its element"
				continue
			}
			hits, doubtful := []part{q}, []part(nil)
			for i := range left {
				var keep []part
				for _, h := range hits {
					s := w.compare(h, "==", left[i:i+1], &tuple[i])
					keep = append(keep, s.yes...)
					next = append(next, s.no...)
					if len(s.unsure) > 0 {
						doubtful, out.why = append(doubtful, s.unsure...), s.why
					}
				}
				hits = keep
			}
			out.yes = append(out.yes, hits...)
			out.unsure = append(out.unsure, doubtful...)
		}
		rest = next
	}
	out.no = rest
	out.yes, out.no, out.unsure = joined(out.yes), joined(out.no), joined(out.unsure)
	return out
}

// joined joins parts that were cut from one part and differ in their addresses only.
func joined(ps []part) []part {
	var out []part
	for _, p := range ps {
		i := slices.IndexFunc(out, func(o part) bool { return o.sports.Equal(p.sports) })
		if i < 0 {
			out = append(out, p)
			continue
		}
		out[i].remote = out[i].remote.Union(p.remote)
	}
	return out
}
