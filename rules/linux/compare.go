package linux

import (
	"slices"

	"farmwall/rules"
)

// compareDevice compares an interface's name or index.
func (w *walk) compareDevice(p part, op string, sel selector, f property, right *values) shares {
	if op != "==" && op != "!=" || sel.mask != nil {
		return inDoubt(p, sel.text+" is compared in a way that is not known")
	}
	if right.truth != nil { // exists, missing
		return sure(p, (f.dev != nil) == *right.truth == (op == "=="))
	}
	if f.dev == nil && f.bare { // iptables compares with the empty name
		return sure(p, right.hasName("") == (op == "=="))
	}
	if f.dev == nil {
		// Kernels differ in what an interface that is not there is unequal to.
		if op == "==" && !right.hasName("") {
			return sure(p, false)
		}
		return inDoubt(p, sel.text+" is asked where the packet has none")
	}
	hit := right.hasName(f.dev.Name)
	if !f.byName {
		// An index: nft prints the name, or the number of an interface that has gone.
		hit = slices.Contains(right.names, f.dev.Name) || right.nums.Contains(small(uint64(f.dev.Index)))
	}
	return sure(p, hit == (op == "=="))
}

// compareClasses splits the part by addresses that differ in the property.
func compareClasses(p part, op string, sel selector, f property, right *values) shares {
	var s shares
	rest := p.remote
	for _, c := range f.classes {
		these := rest.Intersect(c.of)
		if these.Empty() {
			continue
		}
		rest = rest.Minus(these)
		q := p
		q.remote = these
		switch hit, ok := compareNumber(op, small(c.value), sel, right); {
		case !ok:
			s.unsure, s.why = append(s.unsure, q), sel.text+" is compared in a way that is not known"
		case hit:
			s.yes = append(s.yes, q)
		default:
			s.no = append(s.no, q)
		}
	}
	s.yes, s.no, s.unsure = joined(s.yes), joined(s.no), joined(s.unsure)
	return s
}

// compareConstants compares what is known; where several values are possible they
// must agree.
func compareConstants(p part, op string, sel selector, f property, right *values) shares {
	answer, first := false, true
	for _, n := range f.values {
		hit, ok := compareNumber(op, n, sel, right)
		if !ok {
			return inDoubt(p, sel.text+" is compared in a way that is not known")
		}
		if !first && hit != answer {
			if sel.object == "meta" && sel.name == "protocol" {
				// Two spellings of one value: either may be the one that is meant.
				hit = op == "=="
			} else {
				return inDoubt(p, sel.text+" differs from packet to packet")
			}
		}
		answer, first = hit, false
	}
	return sure(p, answer)
}

// compareNumber compares one number; ok is false where nobody can say.
func compareNumber(op string, n rules.Number, sel selector, right *values) (hit, ok bool) {
	if sel.mask != nil {
		n = n.And(*sel.mask)
	}
	state := sel.object == "ct" && sel.name == "state"
	switch op {
	case "in", "!":
		m, plain := right.mask()
		return (n.And(m) != rules.Number{}) == (op == "in"), plain
	case "==", "!=":
		if right.bits {
			// A list of bits as one value.
			m, plain := right.mask()
			if state && op == "!=" && n.And(m) != (rules.Number{}) {
				return false, false // versions of nft differ
			}
			return (n == m) == (op == "=="), plain
		}
		if right.all {
			return op == "==", true
		}
		if right.nums.Contains(n) {
			return op == "==", true
		}
		return op != "==", !right.odd && len(right.tuples) == 0
	}
	r, plain := ranged(op, right)
	return r.Contains(n), plain
}

// ranged is what <, >, <= and >= are true of.
func ranged(op string, right *values) (rules.Spans, bool) {
	n, ok := right.single()
	if !ok {
		return nil, false
	}
	most := rules.Ones(128)
	switch op {
	case "<":
		if n == (rules.Number{}) {
			return nil, true
		}
		return rules.Spans{{Last: n.Before()}}, true
	case "<=":
		return rules.Spans{{Last: n}}, true
	case ">":
		if n == most {
			return nil, true
		}
		return rules.Spans{{First: n.Next(), Last: most}}, true
	case ">=":
		return rules.Spans{{First: n, Last: most}}, true
	}
	return nil, false
}

// compareShare splits the part's addresses or source ports.
func (w *walk) compareShare(p part, op string, sel selector, f property, right *values) shares {
	hit := right.nums
	switch op {
	case "==", "!=", "in":
		if right.odd || len(right.tuples) > 0 || right.bits {
			return inDoubt(p, sel.text+" is compared with what is not understood")
		}
		if right.all {
			hit = rules.Spans{{Last: rules.Ones(128)}}
		}
	default:
		var ok bool
		if hit, ok = ranged(op, right); !ok {
			return inDoubt(p, sel.text+" is compared in a way that is not known")
		}
	}
	if sel.mask != nil {
		width := 128
		switch {
		case f.kind == sports:
			width = 16
		case w.scene.v4:
			width = 32
		}
		host, ok := hostBits(*sel.mask, right, width)
		if !ok || op != "==" && op != "!=" {
			return inDoubt(p, sel.text+" is masked in a way that is not known")
		}
		hit = host
	}
	yes, no := p.divide(f.kind, hit)
	if op == "!=" {
		yes, no = no, yes
	}
	var s shares
	s.put(&s.yes, yes)
	s.put(&s.no, no)
	return s
}

// hostBits is the numbers of so many bits that a mask makes equal to the one number; ok
// only where they are not too many intervals, as a mask with holes makes many.
func hostBits(mask rules.Number, right *values, width int) (rules.Spans, bool) {
	n, ok := right.single()
	if !ok {
		return nil, false
	}
	mask = mask.And(rules.Ones(width))
	if n.And(mask) != n {
		return nil, true
	}
	low := 0
	for low < width && mask.And(bit(low)) == (rules.Number{}) {
		low++
	}
	list := []rules.Span{{First: n, Last: n.Or(rules.Ones(low))}}
	for i := low; i < width; i++ {
		if mask.And(bit(i)) != (rules.Number{}) {
			continue
		}
		if len(list) > 1<<11 {
			return nil, false
		}
		for _, v := range list {
			b := bit(i)
			list = append(list, rules.Span{First: v.First.Or(b), Last: v.Last.Or(b)})
		}
	}
	return rules.NewSpans(list), true
}
