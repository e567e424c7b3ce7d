package windows

import "farmwall/rules"

// Judge says what a flow meets: block rules, then allow rules, then the profile's
// default. The flow's addresses are split wherever a rule tells them apart. Below the
// firewall others may filter too (other products' WFP filters), which no observation
// tells.
func (s *System) Judge(st *rules.State, f rules.Flow) rules.Verdict {
	r := reading(st)
	if r == nil {
		return rules.Verdict{Answer: rules.Unknown, Reason: errNotWindows.Error()}
	}
	p := r.loaded()
	if f.Loopback {
		return rules.Verdict{Answer: rules.Allowed, By: byLoopback}
	}
	if p.why != "" {
		return rules.Verdict{Answer: rules.Unknown, Reason: p.why}
	}
	j := &judge{program: p, flow: f}
	j.asked = p.sources(f)
	j.judge()
	return j.verdict()
}

// byLoopback is the platform's own answer (Microsoft KB 2771908).
const byLoopback = "the platform: Windows Firewall does not filter loopback traffic"

// KeptFlows is remote desktop for those whom rules that are not ours let in: a person
// may need it to put the host right. What only our own rules open is ours to close.
func (s *System) KeptFlows(st *rules.State) []rules.Flow {
	r := reading(st)
	if r == nil || r.loaded().why != "" {
		return nil
	}
	f := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 3389}
	j := &judge{program: r.loaded(), flow: f, foreignOnly: true, asked: r.loaded().outside}
	j.judge()
	open := total(j.fates, rules.Allowed)
	switch {
	case open.Empty():
		return nil
	case !open.Equal(j.asked):
		f.Remotes = addresses(open)
	}
	return []rules.Flow{f}
}

// judge follows one flow.
type judge struct {
	program *program
	flow    rules.Flow
	// foreignOnly leaves our own rules out.
	foreignOnly bool
	asked       rules.Spans
	fates       []fate
}

// fate is the answer for some of the flow's addresses.
type fate struct {
	remote  rules.Spans
	answer  rules.Answer
	by, why string
	stage   stage
	scene   *scene
	ours    bool // one of our rules decided
}

// stage is how far a packet came.
type stage int

const (
	beforeRules stage = iota
	atBlocks
	atAllows
	atDefault
)

// sources is the flow's addresses. Anywhere means other hosts.
func (p *program) sources(f rules.Flow) rules.Spans {
	var set rules.Spans
	if f.Remotes == nil {
		set = p.outside
	} else {
		set = p.list(f.Remotes)
		if !p.v6 { // nobody reaches the host over IPv6
			set = set.Intersect(family(true))
		}
	}
	if f.Not != nil {
		set = set.Minus(p.list(f.Not))
	}
	return set
}

// list is an address list as spans; lists are shared by many flows.
func (p *program) list(a *rules.Addresses) rules.Spans {
	if known, ok := p.lists.Load(a.Hash()); ok {
		return known.(rules.Spans)
	}
	set := fromPrefixes(a.Prefixes())
	p.lists.Store(a.Hash(), set)
	return set
}

// judge finds the fates of all addresses that are asked about.
func (j *judge) judge() {
	left := j.asked
	if self := left.Intersect(j.program.own); !self.Empty() {
		j.fates = append(j.fates, fate{remote: self, answer: rules.Allowed, by: byLoopback})
		left = left.Minus(self)
	}
	for _, g := range j.program.groups(left) {
		j.fates = append(j.fates, j.group(g)...)
	}
}

// group is addresses that arrive in one of some scenes.
type group struct {
	remote rules.Spans
	scenes []*scene
}

// groups says on which interfaces which addresses arrive: those of a network that the
// host is on on its interface; all others where a gateway is, or, without any, on
// every interface.
func (p *program) groups(remote rules.Spans) []group {
	if remote.Empty() || len(p.scenes) == 0 {
		return nil
	}
	if p.single() {
		return []group{{remote, p.scenes}}
	}
	var out []group
	left := remote
	byInterface := map[*netInterface][]*scene{}
	var order []*netInterface
	for _, s := range p.scenes {
		if byInterface[s.iface] == nil {
			order = append(order, s.iface)
		}
		byInterface[s.iface] = append(byInterface[s.iface], s)
	}
	for _, ipv4 := range []bool{true, false} {
		here := left.Intersect(family(ipv4))
		for _, n := range order {
			on := here.Intersect(n.networks(ipv4))
			if on.Empty() {
				continue
			}
			var scenes []*scene // of every interface on the same network
			for _, m := range order {
				if m == n || !m.networks(ipv4).Intersect(on).Empty() {
					scenes = append(scenes, byInterface[m]...)
				}
			}
			out = append(out, group{on, scenes})
			here = here.Minus(on)
		}
		if here.Empty() {
			continue
		}
		var scenes []*scene
		for _, n := range order {
			if n.leadsOut(ipv4) {
				scenes = append(scenes, byInterface[n]...)
			}
		}
		if len(scenes) == 0 {
			scenes = p.scenes
		}
		out = append(out, group{here, scenes})
	}
	return out
}

// single says that there is one interface only, or none is known.
func (p *program) single() bool {
	for _, s := range p.scenes {
		if s.iface != p.scenes[0].iface {
			return false
		}
	}
	return true
}

// networks are those that the interface is on.
func (n *netInterface) networks(ipv4 bool) rules.Spans {
	var out []rules.Span
	for _, a := range n.addresses {
		if a.Addr().Is4() == ipv4 && !a.IsSingleIP() && !a.Addr().IsLinkLocalUnicast() {
			out = append(out, fromPrefix(a))
		}
	}
	return rules.NewSpans(out)
}

func (n *netInterface) leadsOut(ipv4 bool) bool {
	for _, g := range n.gateways {
		if g.Is4() == ipv4 && !g.IsUnspecified() {
			return true
		}
	}
	return false
}

// group judges addresses in each scene that they may arrive in. To which of its
// addresses the host is asked is the client's choice, so the worst counts; on which
// interface and in which profile nobody chooses, so answers that differ are unknown.
func (j *judge) group(g group) []fate {
	type place struct {
		iface   *netInterface
		profile *profile
	}
	var order []place
	perPlace := map[place][]fate{}
	for _, s := range g.scenes {
		remote := g.remote
		if s.local.IsValid() {
			remote = remote.Intersect(family(s.local.Is4()))
		}
		if remote.Empty() {
			continue
		}
		at := place{s.iface, s.profile}
		if perPlace[at] == nil {
			order = append(order, at)
		}
		perPlace[at] = worse(perPlace[at], j.evaluate(s, remote))
	}
	all := make([][]fate, len(order))
	for i, at := range order {
		all[i] = perPlace[at]
	}
	return agree(all)
}
