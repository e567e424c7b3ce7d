package linux

import "slices"

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
	case constant:
		return compareConstants(p, op, sel, f, right)
	}
	return compareShare(p, op, sel, f, right)
}

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

// divide splits the part by addresses or by source ports.
func (p part) divide(by propertyKind, hit numbers) (yes, no part) {
	yes, no = p, p
	if by == remotes {
		yes.remote, no.remote = p.remote.intersect(hit), p.remote.minus(hit)
	} else {
		yes.sports, no.sports = p.sports.intersect(hit), p.sports.minus(hit)
	}
	return yes, no
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
		i := slices.IndexFunc(out, func(o part) bool { return o.sports.equal(p.sports) })
		if i < 0 {
			out = append(out, p)
			continue
		}
		out[i].remote = out[i].remote.union(p.remote)
	}
	return out
}
