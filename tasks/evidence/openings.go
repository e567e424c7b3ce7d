package evidence

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// shownNetworks is how many networks a source names.
const shownNetworks = 4

// members are a farm's hosts by group, to say whom an address list names.
type members struct {
	groups []string // in order of their first host
	hosts  map[string][]*Host
	all    *rules.Addresses
	total  int
}

func (b *builder) takeCensus() {
	b.census, b.asOf = map[string]*members{}, map[sourcesKey]Sources{}
	lists := map[string][]netip.Prefix{}
	for _, h := range b.hosts {
		m := b.census[h.Farm]
		if m == nil {
			m = &members{hosts: map[string][]*Host{}}
			b.census[h.Farm] = m
		}
		g := GroupName(h.Roles)
		if m.hosts[g] == nil {
			m.groups = append(m.groups, g)
		}
		m.hosts[g] = append(m.hosts[g], h)
		m.total++
		for _, ip := range h.addresses {
			lists[h.Farm] = append(lists[h.Farm], netip.PrefixFrom(ip, ip.BitLen()))
		}
	}
	for farm, m := range b.census {
		m.all = rules.NewAddresses(lists[farm])
	}
}

type sourcesKey struct{ farm, list string }

// sources says whom a rule names.
func (b *builder) sources(h *Host, r *rules.Rule) Sources {
	var s Sources
	switch {
	case r.Loopback:
		return Sources{Loopback: true}
	case r.Remotes == nil:
		s = Sources{Anywhere: true}
	default:
		key := sourcesKey{h.Farm, r.Remotes.Hash()}
		known, there := b.asOf[key]
		if !there {
			known = b.named(b.census[h.Farm], r.Remotes)
			b.asOf[key] = known
		}
		s = known
	}
	if r.Why != nil {
		if row := b.rows[r.Why.Row]; row != nil {
			s.Starters = row.Peers
		}
	}
	return s
}

// named is a list of addresses in terms of the farm.
func (b *builder) named(m *members, list *rules.Addresses) Sources {
	var s Sources
	found := 0
	for _, g := range m.groups {
		n := 0
		for _, h := range m.hosts[g] {
			if slices.ContainsFunc(h.addresses, list.Contains) {
				n++
			}
		}
		if n > 0 {
			s.Groups = append(s.Groups, GroupPart{g, n, len(m.hosts[g])})
			found += n
		}
	}
	s.Every = m.total > 1 && found == m.total
	for _, p := range list.Minus(m.all).Prefixes() {
		if len(s.Networks) == shownNetworks {
			s.More++
			continue
		}
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		s.Networks = append(s.Networks, text)
	}
	return s
}

// openings says of each rule of a host what it opens, and what its flows met.
func (b *builder) openings(h *Host) []Opening {
	set := b.sets[h]
	out := make([]Opening, 0, len(set))
	place := map[string]int{}
	for i := range set {
		r := &set[i]
		if r.Opaque != "" {
			continue
		}
		o := Opening{Rule: r.ID, Direction: r.Direction, Protocol: r.Protocol.String(), Ports: rules.PortsText(r.Ports, ","), From: b.sources(h, r), Block: r.Block, ports: r.Ports}
		if y := r.Why; y != nil {
			o.Row, o.Role, o.Why, o.Deciders = y.Row, y.Role, printable(y.Text), y.Deciders
			o.At = decidedAt(y)
		}
		place[r.ID] = len(out)
		out = append(out, o)
	}
	for _, s := range []struct {
		sight *tasks.Sight
		last  bool
	}{{b.before[h], false}, {b.after[h], true}} {
		if s.sight == nil {
			continue
		}
		for i := range s.sight.Flows {
			f := &s.sight.Flows[i]
			at, there := place[f.Rule]
			if !there {
				continue
			}
			out[at].met(f, s.last)
		}
	}
	for i := range h.Probes {
		if at, there := place[h.Probes[i].Rule]; there {
			out[at].Probes.add(&h.Probes[i])
		}
	}
	for i := range out {
		out[i].key = out[i].shown()
	}
	return out
}

// met takes over a verdict on one of the rule's port ranges: of those that it asks
// for the worst, of those of everybody else the most open.
func (o *Opening) met(f *tasks.SeenFlow, last bool) {
	switch {
	case f.Outsider && last:
		if o.Others == "" || badness(f.Answer) < badness(o.Others) {
			o.Others, o.OthersBy = f.Answer, printable(f.By)
		}
	case f.Outsider:
	case last:
		if o.Answer == "" || badness(f.Answer) > badness(o.Answer) {
			o.Answer, o.By, o.Reason = f.Answer, printable(f.By), printable(f.Reason)
		}
	default:
		if o.Before == "" || badness(f.Answer) > badness(o.Before) {
			o.Before = f.Answer
		}
	}
}

// closes says whether a rule of the host closes the opening's ports to everybody else.
func (h *Host) closes(o *Opening) bool {
	for i := range h.Openings {
		b := &h.Openings[i]
		if !b.Block || b.Protocol != o.Protocol {
			continue
		}
		if len(b.ports) == 0 || len(o.ports) > 0 && !slices.ContainsFunc(o.ports, func(p inventory.PortRange) bool {
			return !slices.ContainsFunc(b.ports, func(q inventory.PortRange) bool { return q.First <= p.First && p.Last <= q.Last })
		}) {
			return true
		}
	}
	return false
}

func badness(a rules.Answer) int {
	switch a {
	case rules.Allowed:
		return 0
	case rules.Unknown:
		return 1
	}
	return 2
}

// shown is equal for openings of two hosts that a reader would see as the same.
func (o *Opening) shown() string {
	return fmt.Sprint(o.Rule, "|", o.Protocol, o.Ports, "|", o.From.Words(), "|", o.Deciders, o.Before, o.Answer, o.By, o.Reason, o.Others, o.OthersBy, o.Probes, o.Block)
}

// Words says whom a rule names, in a few words.
func (s Sources) Words() string {
	switch {
	case s.Loopback:
		return "the host itself"
	case s.Anywhere:
		return "anywhere"
	}
	var parts []string
	if s.Every {
		parts = append(parts, "every member")
	} else {
		for _, g := range s.Groups {
			text := g.Group
			if g.Hosts < g.Of {
				text += fmt.Sprintf(" (%d of %d)", g.Hosts, g.Of)
			}
			parts = append(parts, text)
		}
	}
	parts = append(parts, s.Networks...)
	if s.More > 0 {
		parts = append(parts, fmt.Sprintf("%d more networks", s.More))
	}
	if len(parts) == 0 {
		return "nobody"
	}
	return strings.Join(parts, ", ")
}
