package linux

import (
	"slices"
	"sort"

	"farmwall/rules"
)

// blocklist is rules that follow each other in a chain, each for some addresses alone and
// all with one verdict, as programs make them that lock out one address after the other.
// They are taken as one rule: to cut the addresses at each of them would cost their
// number squared.
type blocklist struct {
	v4, source bool
	verdict    string // accept or drop
	rules      []*rule
	total      rules.Spans
	whose      []listed // sorted by address; of one address the first rule
}

// listed says which rule is for an interval.
type listed struct {
	rules.Span
	rule *rule
}

// leastListed is the number of rules from which it is worth it.
const leastListed = 8

// listBlocks finds the blocklists of a chain, by the index of their first rule.
func (c *ruleChain) listBlocks() {
	for i := 0; i < len(c.rules); {
		b := &blocklist{}
		n := i
		for n < len(c.rules) && b.takes(c.rules[n]) {
			n++
		}
		if len(b.rules) >= leastListed {
			b.settle()
			if c.lists == nil {
				c.lists = map[int]*blocklist{}
			}
			c.lists[i] = b
		}
		i = max(n, i+1)
	}
}

// takes adds a rule that belongs to the list.
func (b *blocklist) takes(r *rule) bool {
	if len(r.steps) != 2 || r.own() || r.steps[0].kind != matches || r.steps[1].kind != decides {
		return false
	}
	g, verdict := &r.gate, r.steps[1].verdict.name
	m := r.steps[0].match
	whole := g.family != 0 && !g.shut && g.protocol < 0 && g.sport == nil && g.dport == nil && (g.saddr == nil) != (g.daddr == nil)
	if !whole || m.any != nil || verdict != "accept" && verdict != "drop" {
		return false
	}
	if len(b.rules) == 0 {
		b.v4, b.source, b.verdict = g.family == 4, g.saddr != nil, verdict
	}
	if b.v4 != (g.family == 4) || b.source != (g.saddr != nil) || b.verdict != verdict {
		return false
	}
	b.rules = append(b.rules, r)
	return true
}

func (r *rule) listedAddresses() rules.Spans {
	if r.gate.saddr != nil {
		return r.gate.saddr
	}
	return r.gate.daddr
}

// settle joins the addresses.
func (b *blocklist) settle() {
	var all []rules.Span
	for _, r := range b.rules {
		for _, v := range r.listedAddresses() {
			all = append(all, v)
			b.whose = append(b.whose, listed{v, r})
		}
	}
	b.total = rules.NewSpans(all)
	sort.SliceStable(b.whose, func(i, j int) bool { return b.whose[i].First.Less(b.whose[j].First) })
}

// decide takes parts through the list; ok is false where it is not about the remote end,
// so that its rules have to be asked one after the other.
func (b *blocklist) decide(s *scene, in []part) (ended []outcome, live []part, ok bool) {
	if b.v4 != s.v4 {
		return nil, in, true
	}
	if b.source != s.in || slices.ContainsFunc(in, func(p part) bool { return p.renamed && s.loopback }) {
		return nil, nil, false
	}
	for _, p := range in {
		yes, no := p, p
		yes.remote = p.remote.Intersect(b.total)
		if yes.remote.Empty() {
			live = append(live, p)
			continue
		}
		answer := rules.Denied
		if b.verdict == "accept" {
			answer = rules.Allowed
		}
		ended = append(ended, outcome{yes, answer, cause{by: b.first(yes.remote).said}, false})
		if no.remote = p.remote.Minus(b.total); !no.remote.Empty() {
			live = append(live, no)
		}
	}
	return ended, live, true
}

// first is the first rule of the list that is for one of the addresses.
func (b *blocklist) first(hit rules.Spans) *rule {
	best := b.rules[len(b.rules)-1]
	for _, w := range b.whose {
		if w.rule.index < best.index && (rules.Spans{w.Span}).Touches(hit) {
			best = w.rule
		}
	}
	return best
}
