package windows

import (
	"fmt"
	"slices"
	"strings"

	"farmwall/rules"
)

// others compares what foreign rules do with what ours open: block rules that beat
// ours, rules that open more, and rules that open the same.
func (f *finder) others() {
	p := f.reading.loaded()
	if p.why != "" || len(p.scenes) == 0 {
		return
	}
	var mine []*rules.Rule
	for i := range f.state.Places {
		for j := range f.state.Places[i].Owned {
			if r := &f.state.Places[i].Owned[j]; r.Opaque == "" && r.ID != "" {
				mine = append(mine, r)
			}
		}
	}
	if len(mine) == 0 {
		return
	}
	seen := map[*rule]bool{}
	for _, s := range p.scenes {
		for _, r := range mine {
			list := s.rules(r.Direction)
			for _, m := range list.blocks {
				if !seen[m.rule] && f.beats(p, m, r) {
					seen[m.rule] = true
					f.add(findBlock, "%s closes some of what farmwall opens (%s)", m.rule, r.ID)
				}
			}
		}
	}
	f.wider(p, mine)
}

// beats says whether a block rule surely meets what one of our rules opens.
func (f *finder) beats(p *program, m *matcher, r *rules.Rule) bool {
	for _, port := range meeting(m, r) {
		flow := rules.Flow{Direction: r.Direction, Protocol: r.Protocol, Port: port, Remotes: r.Remotes}
		if m.match(&flow) == yes && !m.hit(p.sources(flow).Minus(p.own)).Empty() {
			return true
		}
	}
	return false
}

// wider finds allow rules for ports that ours open: those that let in more, and those
// that let in all that ours do.
func (f *finder) wider(p *program, mine []*rules.Rule) {
	type found struct {
		ports   []string
		covered []string
	}
	at := map[*rule]*found{}
	var order []*rule
	for _, s := range p.scenes {
		for _, m := range s.in.allows {
			if m.rule.ours() || m.rule.action != allow {
				continue
			}
			for _, r := range mine {
				if r.Direction != rules.In || r.Loopback {
					continue
				}
				more, all := f.compare(p, m, r, mine)
				if len(more) == 0 && !all {
					continue
				}
				x := at[m.rule]
				if x == nil {
					x = &found{}
					at[m.rule] = x
					order = append(order, m.rule)
				}
				x.ports = append(x.ports, more...)
				if all {
					x.covered = append(x.covered, r.ID)
				}
			}
		}
	}
	for _, r := range order {
		x := at[r]
		if len(x.ports) > 0 {
			f.add(findExposed, "%s opens %s to more than farmwall does%s", r, few(x.ports), whose(r))
		}
		if len(x.covered) > 0 {
			f.add(findCovered, "%s opens what farmwall opens as well: %s is covered by it%s", r, few(x.covered), whose(r))
		}
	}
}

// whose names the program of a rule that is for one.
func whose(r *rule) string {
	if b := bindingOf(r); b.bound {
		return " (" + b.words + ")"
	}
	return ""
}

// compare says for which ports of our rule a foreign one lets in more than all of ours do,
// and whether it lets in all that ours does on all of its ports.
func (f *finder) compare(p *program, m *matcher, r *rules.Rule, mine []*rules.Rule) (more []string, all bool) {
	ports := meeting(m, r)
	if len(ports) == 0 {
		return nil, false
	}
	covered := 0
	for _, port := range ports {
		flow := rules.Flow{Direction: rules.In, Protocol: r.Protocol, Port: port}
		sure := m.match(&flow)
		if sure == no || sure == maybe && !m.binding.product {
			continue
		}
		named := rules.NewAddresses(nil)
		for _, o := range mine {
			if rules.Covers(*o, rules.Flow{Direction: rules.In, Protocol: r.Protocol, Port: port, Remotes: rules.NewAddresses(nil)}) {
				named = named.Union(o.Remotes)
			}
		}
		if named != nil && !m.hit(p.outside.Minus(p.list(named))).Empty() {
			more = append(more, flow.String())
		}
		flow.Remotes = r.Remotes
		if theirs := p.sources(flow).Minus(p.own); m.hit(theirs).Covers(theirs) {
			covered++
		}
	}
	return more, covered == len(ports) && wholly(m, r)
}

// wholly says whether a foreign rule is for all ports of ours.
func wholly(m *matcher, r *rules.Rule) bool {
	if m.allPorts {
		return true
	}
	merged := rules.MergePorts(m.ports)
	return len(r.Ports) > 0 && !slices.ContainsFunc(r.Ports, func(q rules.PortRange) bool {
		return !slices.ContainsFunc(merged, func(p rules.PortRange) bool { return p.First <= q.First && q.Last <= p.Last })
	})
}

// meeting is one port of each of our rule's ranges that a foreign rule is for, too.
func meeting(m *matcher, r *rules.Rule) []uint16 {
	if m.rule.protocol != anyProtocol && m.rule.protocol != int(r.Protocol) {
		return nil
	}
	if len(r.Ports) == 0 {
		return []uint16{0}
	}
	var out []uint16
	for _, q := range r.Ports {
		if m.allPorts {
			out = append(out, q.First)
			continue
		}
		for _, p := range m.ports {
			if first := max(p.First, q.First); first <= min(p.Last, q.Last) {
				out = append(out, first)
				break
			}
		}
	}
	return out
}

// few is a list in one line; more than 5 entries are counted.
func few(list []string) string {
	slices.Sort(list)
	list = slices.Compact(list)
	const most = 5
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
