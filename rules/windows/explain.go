package windows

import (
	"fmt"
	"net/netip"
	"sort"

	"farmwall/rules"
)

// Explain gives the flow's shares with the stages that each came through; it implements
// rules.Explainer.
func (s *System) Explain(st *rules.State, f rules.Flow, local netip.Addr) []rules.Share {
	r := reading(st)
	if r == nil {
		return []rules.Share{{Answer: rules.Unknown, Reason: errNotWindows.Error()}}
	}
	p := r.loaded()
	switch {
	case f.Loopback:
		return []rules.Share{{Answer: rules.Allowed, By: byLoopback, Steps: []rules.Step{{Place: "loopback", Said: byLoopback}}}}
	case p.why != "":
		return []rules.Share{{Answer: rules.Unknown, Reason: p.why, Needed: "a reading with the right to see the policy"}}
	}
	if local.IsValid() {
		p = p.at(local)
	}
	j := &judge{program: p, flow: f}
	j.asked = p.sources(f)
	j.judge()
	sort.SliceStable(j.fates, func(a, b int) bool { return j.fates[a].answer.Openness() < j.fates[b].answer.Openness() })
	type key struct {
		answer  rules.Answer
		by, why string
		scene   *scene
	}
	shares := map[key]int{}
	var out []rules.Share
	for _, x := range j.fates {
		k := key{x.answer, x.by, x.why, x.scene}
		at, ok := shares[k]
		if !ok {
			at = len(out)
			shares[k] = at
			share := rules.Share{Answer: x.answer, By: x.by, Reason: x.why, Steps: x.steps(f.Direction), Needed: x.needed()}
			if x.scene != nil && x.scene.iface != nil {
				share.Interface = x.scene.iface.name
				share.Local = x.scene.local
			}
			out = append(out, share)
		}
		out[at].Remotes = append(out[at].Remotes, toPrefixes(x.remote)...)
	}
	if len(out) == 0 {
		v := j.verdict()
		out = append(out, rules.Share{Answer: v.Answer, Reason: v.Reason})
	}
	return out
}

// at is the program seen by who asks for one of the host's own addresses.
func (p *program) at(local netip.Addr) *program {
	one := &program{reading: p.reading, why: p.why, own: p.own, outside: p.outside, v6: p.v6}
	for _, s := range p.scenes {
		switch {
		case s.local.IsValid() && s.local != local:
		case s.iface != nil && !s.iface.has(local):
		default:
			one.scenes = append(one.scenes, s)
		}
	}
	if len(one.scenes) == 0 {
		one.scenes = p.scenes
	}
	return one
}

// has says whether the address is one of the interface's.
func (n *netInterface) has(a netip.Addr) bool {
	for _, p := range n.addresses {
		if p.Addr() == a {
			return true
		}
	}
	return false
}

// steps is the way: the interface with its profile, block rules, allow rules, default.
func (x *fate) steps(d rules.Direction) []rules.Step {
	if x.scene == nil {
		return []rules.Step{{Place: "loopback", Said: x.by}}
	}
	steps := []rules.Step{{Place: x.scene.String(), Said: x.scene.profile.said(d)}}
	said := x.by
	if x.why != "" {
		said = x.why
	}
	switch x.stage {
	case beforeRules:
		steps[0].Said = said
		return steps
	case atBlocks:
		return append(steps, rules.Step{Place: "block rules", Said: said})
	}
	list := x.scene.rules(d)
	steps = append(steps, rules.Step{Place: "block rules", Said: none(len(list.blocks), "block rule")})
	byDefault := x.stage == atDefault || x.answer == rules.Allowed && x.scene.profile.action(d) == allow
	if !byDefault {
		return append(steps, rules.Step{Place: "allow rules", Said: said})
	}
	if x.scene.profile.action(d) != allow { // else no allow rule is asked
		steps = append(steps, rules.Step{Place: "allow rules", Said: none(len(list.allows), "allow rule")})
	}
	return append(steps, rules.Step{Place: "default", Said: said})
}

func (p *profile) action(d rules.Direction) action {
	if d == rules.Out {
		return p.outbound
	}
	return p.inbound
}

func (p *profile) said(d rules.Direction) string {
	what := "inbound"
	if d == rules.Out {
		what = "outbound"
	}
	word := map[action]string{allow: "allowed", block: "blocked"}[p.action(d)]
	if word == "" {
		word = "not known"
	}
	return fmt.Sprintf("the firewall is on; %s traffic that no rule is about is %s", what, word)
}

func none(n int, what string) string {
	switch n {
	case 0:
		return "there is no " + what
	case 1:
		return "the one " + what + " is not about it"
	}
	return fmt.Sprintf("none of %d %ss is about it", n, what)
}

// needed says what would have to be otherwise.
func (x *fate) needed() string {
	switch {
	case x.answer == rules.Allowed:
		return ""
	case x.answer == rules.Unknown:
		return "a rule that says it exactly, or a real packet: verify --probe"
	case x.stage == atBlocks:
		return "that block rule disabled or narrowed: it beats every allow rule"
	case x.stage == beforeRules:
		return "the profile not to block everything: while it does no rule counts"
	}
	return "an enabled allow rule for the flow in this profile"
}
