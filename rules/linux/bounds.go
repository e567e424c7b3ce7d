package linux

import (
	"slices"
	"strings"

	"farmwall/rules"
)

// PortBounds returns ports, in order, at which the verdict on a flow may change; it
// implements rules.PortBounder. Every number in the ruleset that could be a port
// counts, whatever it is compared with, so there may be more of them than needed, and
// never fewer. ok is false where a rule looks at single bits of a port: then any two
// ports may fare differently.
func (s *System) PortBounds(st *rules.State) (bounds []uint16, ok bool) {
	r, err := reading(st)
	if err != nil || r.Ruleset == nil {
		return nil, true // no port is known to be open
	}
	b := &bounder{ok: true}
	for _, t := range r.walkable().tables {
		for _, v := range t.sets {
			b.take(v)
		}
		for _, cases := range t.maps {
			b.takeCases(cases)
		}
		for _, c := range t.chains {
			for _, r := range c.rules {
				for i := range r.steps {
					b.takeStep(t, &r.steps[i])
				}
			}
		}
	}
	slices.Sort(b.bounds)
	return slices.Compact(b.bounds), b.ok
}

// bounder collects the ports at which something begins or has ended.
type bounder struct {
	bounds []uint16
	ok     bool
}

func (b *bounder) takeStep(t *ruleTable, s *step) {
	b.takeCases(s.cases)
	if m := s.match; m != nil {
		b.takeMatch(t, m)
	}
	cases := s.cases
	if s.set != "" {
		cases = t.maps[s.set]
	}
	b.takeKey(s.key, slices.ContainsFunc(cases, func(c branch) bool { return c.value.bits }))
}

func (b *bounder) takeMatch(t *ruleTable, m *match) {
	for _, all := range m.any {
		for i := range all {
			b.takeMatch(t, &all[i])
		}
	}
	b.take(&m.right)
	right := &m.right
	if set := t.sets[right.ref]; set != nil {
		right = set
	}
	b.takeKey(m.left, right.bits || m.op == "!" || m.op == "in" && len(m.left) == 1)
}

// takeKey notes where a port is not compared as one number.
func (b *bounder) takeKey(key []selector, bits bool) {
	for _, sel := range key {
		if strings.Contains(sel.name, "port") && (bits || sel.mask != nil) {
			b.ok = false
		}
	}
}

func (b *bounder) takeCases(cases []branch) {
	for i := range cases {
		b.take(&cases[i].value)
	}
}

func (b *bounder) take(v *values) {
	for _, i := range v.nums {
		b.add(i.First)
		b.add(i.Last.Next())
	}
	for _, tuple := range v.tuples {
		for i := range tuple {
			if tuple[i].bits {
				b.ok = false
			}
			b.take(&tuple[i])
		}
	}
}

func (b *bounder) add(n rules.Number) {
	if n.Hi == 0 && n.Lo <= 65535 {
		b.bounds = append(b.bounds, uint16(n.Lo))
	}
}
