package linux

import "slices"

// compareDevice compares an interface's name or index.
func (w *walk) compareDevice(p part, op string, sel selector, f property, right *values) shares {
	if op != "==" && op != "!=" || sel.mask != nil {
		return inDoubt(p, sel.text+" is compared in a way that is not known")
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
		hit = slices.Contains(right.names, f.dev.Name) || right.nums.contains(small(uint64(f.dev.Index)))
	}
	return sure(p, hit == (op == "=="))
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
func compareNumber(op string, n number, sel selector, right *values) (hit, ok bool) {
	if sel.mask != nil {
		n = n.and(*sel.mask)
	}
	state := sel.object == "ct" && sel.name == "state"
	switch op {
	case "in", "!":
		m, plain := right.mask()
		return (n.and(m) != number{}) == (op == "in"), plain
	case "==", "!=":
		if right.bits {
			// A list of bits as one value.
			m, plain := right.mask()
			if state && op == "!=" && n.and(m) != (number{}) {
				return false, false // versions of nft differ
			}
			return (n == m) == (op == "=="), plain
		}
		if right.all {
			return op == "==", true
		}
		if right.nums.contains(n) {
			return op == "==", true
		}
		return op != "==", !right.odd && len(right.tuples) == 0
	}
	r, plain := ranged(op, right)
	return r.contains(n), plain
}

// ranged is what <, >, <= and >= are true of.
func ranged(op string, right *values) (numbers, bool) {
	n, ok := right.single()
	if !ok {
		return nil, false
	}
	most := ones(128)
	switch op {
	case "<":
		if n == (number{}) {
			return nil, true
		}
		return numbers{{number{}, n.before()}}, true
	case "<=":
		return numbers{{number{}, n}}, true
	case ">":
		if n == most {
			return nil, true
		}
		return numbers{{n.next(), most}}, true
	case ">=":
		return numbers{{n, most}}, true
	}
	return nil, false
}

// compareShare splits the part's addresses or source ports.
func compareShare(p part, op string, sel selector, f property, right *values) shares {
	hit := right.nums
	switch op {
	case "==", "!=", "in":
		if right.odd || len(right.tuples) > 0 || right.bits {
			return inDoubt(p, sel.text+" is compared with what is not understood")
		}
		if right.all {
			hit = numbers{{number{}, ones(128)}}
		}
	default:
		var ok bool
		if hit, ok = ranged(op, right); !ok {
			return inDoubt(p, sel.text+" is compared in a way that is not known")
		}
	}
	if sel.mask != nil {
		host, ok := hostBits(*sel.mask, right)
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

// hostBits is the addresses that a mask makes equal to the one number; ok only where the
// mask is a prefix, as it is one interval then.
func hostBits(mask number, right *values) (numbers, bool) {
	n, ok := right.single()
	if !ok {
		return nil, false
	}
	low := number{}
	for i := 0; i <= 128; i++ {
		low = ones(i)
		if mask.and(low) == (number{}) && (i == 128 || mask.and(ones(i+1)) != (number{})) {
			break
		}
	}
	// All bits above the low ones must be set, for 32 or for 128 bits.
	v4 := mask.or(low) == ones(32)
	if !v4 && mask.or(low) != ones(128) {
		return nil, false
	}
	if n.and(low) != (number{}) {
		return nil, true
	}
	return numbers{{n, n.or(low)}}, true
}
