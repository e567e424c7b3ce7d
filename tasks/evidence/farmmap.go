package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// state is what a flow or a host is shown as. Each has a colour, a shape and a word,
// so that none of the three is needed to tell it.
type state string

// The states, from the best.
const (
	stateGood    state = "good"    // open; the host as it should be
	stateUnseen  state = "unseen"  // nobody looked
	stateUnknown state = "unknown" // nobody can say; the host differs
	stateExposed state = "exposed" // open to others too
	stateBad     state = "bad"     // closed, or a probe failed; the host failed
)

func (s state) rank() int {
	return slices.Index([]state{stateGood, stateUnseen, stateUnknown, stateExposed, stateBad}, s)
}

// The sources of a map that are no group.
const (
	fromAnywhere = "anywhere"
	fromEvery    = "every member"
	fromNetworks = "named networks"
	fromOthers   = "everybody else"
)

// farmMap is a farm as it is drawn: groups of hosts with equal roles, and what is
// opened on each.
type farmMap struct {
	farm   string
	groups []*mapGroup
	wider  bool // some pin is marked with a star
}

// mapGroup is hosts with equal roles, or a source of flows that is no host.
type mapGroup struct {
	name   string
	source bool // no hosts: anywhere, every member ...
	column int
	hosts  []*Host
	pins   []*pin
	box    box // filled in by the layout
}

// pin is what is open on a group to the same sources, and how it fares.
type pin struct {
	opens   []string // "tcp 3389"
	from    []string // names of groups and sources
	star    bool     // open to more than those who start the flow
	state   state
	bad, of int // hosts on which it is not good, and all that have it
	probes  ProbeCount
	why     string // one reason, where it is not good
	y       int    // of its middle, by the layout
}

// maps are the report's farms as they are drawn.
func (r *Report) maps() []*farmMap {
	var out []*farmMap
	for _, f := range r.Farms {
		m := &farmMap{farm: f.Farm}
		byName := map[string]*mapGroup{}
		for i := range r.Hosts {
			h := &r.Hosts[i]
			if h.Farm != f.Farm {
				continue
			}
			name := GroupName(h.Roles)
			g := byName[name]
			if g == nil {
				g = &mapGroup{name: name, column: columnOf(h.Roles)}
				byName[name] = g
				m.groups = append(m.groups, g)
			}
			g.hosts = append(g.hosts, h)
		}
		if len(m.groups) == 0 {
			continue
		}
		slices.SortStableFunc(m.groups, func(a, b *mapGroup) int { return cmp.Compare(roleOrder(a), roleOrder(b)) })
		for _, g := range m.groups {
			g.pins = m.pinsOf(g)
		}
		m.addSources()
		out = append(out, m)
	}
	return out
}

// columnOf puts roles where RAS's traffic passes them, from the clients inwards.
func columnOf(roles []inventory.Role) int {
	column := 4
	for _, r := range roles {
		switch r {
		case inventory.Client:
			column = min(column, 3) // beside another role, that one's
		case inventory.Gateway, inventory.HALB:
			column = min(column, 1)
		case inventory.PublishingAgent, inventory.Console, inventory.Reporting, inventory.PerformanceMonitor:
			column = min(column, 2)
		default:
			column = min(column, 3)
		}
	}
	switch {
	case len(roles) == 1 && roles[0] == inventory.Client:
		return 0
	case column == 4:
		return 3
	}
	return column
}

func roleOrder(g *mapGroup) int {
	first := len(inventory.Roles())
	for i, r := range inventory.Roles() {
		if len(g.hosts) > 0 && g.hosts[0].has(r) {
			first = min(first, i)
		}
	}
	return first
}

func (h *Host) has(role inventory.Role) bool { return slices.Contains(h.Roles, role) }

// pinsOf joins what is open on the hosts of a group.
func (m *farmMap) pinsOf(g *mapGroup) []*pin {
	type part struct {
		opens string
		pin   pin
	}
	var parts []*part
	known := map[string]*part{}
	take := func(opens string, from []string, star bool, s state, probes ProbeCount, why string) {
		key := opens + "|" + strings.Join(from, ",")
		p := known[key]
		if p == nil {
			p = &part{opens: opens, pin: pin{from: from, state: s}}
			known[key] = p
			parts = append(parts, p)
		}
		p.pin.star = p.pin.star || star
		p.pin.of++
		if s != stateGood && s != stateUnseen {
			p.pin.bad++
		}
		if p.pin.why == "" || s.rank() > p.pin.state.rank() {
			p.pin.why = why
		}
		if s.rank() > p.pin.state.rank() {
			p.pin.state = s
		}
		p.pin.probes.Right, p.pin.probes.Wrong = p.pin.probes.Right+probes.Right, p.pin.probes.Wrong+probes.Wrong
		p.pin.probes.Nothing, p.pin.probes.PathBlocks = p.pin.probes.Nothing+probes.Nothing, p.pin.probes.PathBlocks+probes.PathBlocks
	}
	for _, h := range g.hosts {
		for i := range h.Openings {
			o := &h.Openings[i]
			if o.Direction != rules.In || o.From.Loopback || o.Block {
				continue
			}
			opens := strings.TrimSpace(o.Protocol + " " + o.Ports)
			from, star := m.starters(g, o)
			take(opens, from, star, o.state(), o.Probes, o.By+o.Reason)
			if o.Others == rules.Allowed {
				take(opens, []string{fromOthers}, false, stateExposed, ProbeCount{}, o.OthersBy)
			}
		}
	}
	var pins []*pin
	joined := map[string]*pin{}
	for _, p := range parts {
		q := &p.pin
		key := fmt.Sprint(q.from, q.star, q.state, q.bad, q.of, q.probes.Wrong > 0, q.probes.Right > 0)
		if same := joined[key]; same != nil {
			same.opens = append(same.opens, p.opens)
			same.probes.Right, same.probes.Wrong = same.probes.Right+q.probes.Right, same.probes.Wrong+q.probes.Wrong
			continue
		}
		q.opens = []string{p.opens}
		joined[key] = q
		pins = append(pins, q)
	}
	slices.SortStableFunc(pins, func(a, b *pin) int { return cmp.Compare(sourceOrder(a), sourceOrder(b)) })
	return pins
}

func sourceOrder(p *pin) int {
	switch {
	case slices.Contains(p.from, fromOthers):
		return 3
	case slices.Contains(p.from, fromEvery):
		return 2
	case slices.Contains(p.from, fromAnywhere):
		return 0
	}
	return 1
}

// starters are who starts a flow, as far as the farm has such hosts; star: more than
// these may.
func (m *farmMap) starters(g *mapGroup, o *Opening) (from []string, star bool) {
	if o.From.Anywhere {
		return []string{fromAnywhere}, false
	}
	named := map[string]bool{}
	for _, part := range o.From.Groups {
		named[part.Group] = true
	}
	for _, other := range m.groups {
		for _, role := range o.From.Starters {
			if named[other.name] && len(other.hosts) > 0 && other.hosts[0].has(role) && !slices.Contains(from, other.name) {
				from = append(from, other.name)
			}
		}
	}
	if len(from) > 0 {
		return from, len(from) < len(named) || len(o.From.Networks) > 0
	}
	switch {
	case o.From.Every:
		from = []string{fromEvery}
	default:
		for _, part := range o.From.Groups {
			from = append(from, part.Group)
		}
	}
	if len(o.From.Networks) > 0 {
		from = append(from, fromNetworks)
	}
	if len(from) == 0 {
		from = []string{fromNetworks}
	}
	return from, false
}

// state is what an opening is shown as.
func (o *Opening) state() state {
	switch {
	case o.Answer == rules.Denied, o.Probes.Wrong > 0:
		return stateBad
	case o.Answer == rules.Unknown:
		return stateUnknown
	case o.Answer == "":
		return stateUnseen
	}
	return stateGood
}

// state is what a host is shown as.
func (h *Host) state() state {
	switch {
	case h.Run == "":
		return stateUnseen
	case bad(h.Status):
		return stateBad
	case h.Status == tasks.OK || h.Status == tasks.Changed:
		return stateGood
	}
	return stateUnknown
}

// addSources adds the sources that are no groups, where some pin names them.
func (m *farmMap) addSources() {
	var sources []*mapGroup
	for _, name := range []string{fromAnywhere, fromOthers, fromNetworks, fromEvery} {
		used := false
		for _, g := range m.groups {
			for _, p := range g.pins {
				used = used || slices.Contains(p.from, name)
				m.wider = m.wider || p.star
			}
		}
		if used {
			sources = append(sources, &mapGroup{name: name, source: true})
		}
	}
	m.groups = append(sources, m.groups...)
}

// opensWords joins "tcp 80", "tcp 443", "udp 80" to "tcp 80,443 · udp 80".
func (p *pin) opensWords() string {
	var order []string
	ports := map[string][]string{}
	for _, o := range p.opens {
		protocol, port, _ := strings.Cut(o, " ")
		if _, known := ports[protocol]; !known {
			order = append(order, protocol)
		}
		if port != "" {
			ports[protocol] = append(ports[protocol], port)
		} else {
			ports[protocol] = append(ports[protocol], "")
		}
	}
	parts := make([]string, len(order))
	for i, protocol := range order {
		slices.SortStableFunc(ports[protocol], func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
		parts[i] = strings.TrimSpace(protocol + " " + strings.Join(ports[protocol], ", "))
	}
	return strings.Join(parts, " · ")
}

// fromWords says who starts the flow.
func (p *pin) fromWords(of string) string {
	names := make([]string, len(p.from))
	for i, n := range p.from {
		if names[i] = n; n == of {
			names[i] = "each other"
		}
	}
	s := "from " + strings.Join(names, ", ")
	if p.star {
		s += " *"
	}
	return s
}

// stateWords is the state in words.
func (p *pin) stateWords() string {
	some := ""
	if p.of > 1 && p.bad > 0 && p.bad < p.of {
		some = fmt.Sprintf(" on %d of %d", p.bad, p.of)
	}
	switch {
	case p.state == stateBad && p.probes.PathBlocks > 0:
		return "does not arrive: the path blocks" + some
	case p.state == stateBad && p.probes.Wrong > 0:
		return "does not arrive" + some
	case p.state == stateBad:
		return "closed" + some
	case p.state == stateUnknown:
		return "unknown" + some
	case p.state == stateExposed:
		return "open to others" + some
	case p.state == stateUnseen:
		return "nobody looked"
	case p.probes.Right > 0:
		return "open, probed"
	}
	return "open"
}
