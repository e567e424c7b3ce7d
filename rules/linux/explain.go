package linux

import (
	"net/netip"
	"sort"
	"strings"

	"farmwall/rules"
)

// Explain gives the flow's shares with the chains that each walked; it implements
// rules.Explainer. Shares that one rule decided on one interface are one.
func (s *System) Explain(st *rules.State, f rules.Flow, local netip.Addr) []rules.Share {
	one := *st
	if local.IsValid() {
		one.Local = netip.AddrPortFrom(local, 0)
	} else {
		one.Local = netip.AddrPort{}
	}
	j, unread := s.follow(&one, f)
	if j == nil {
		return []rules.Share{{Answer: rules.Unknown, Reason: unread.Reason, Needed: neededToRead}}
	}
	type key struct {
		answer  rules.Answer
		by, why string
		dev     *Interface
		local   netip.Addr
	}
	var order []key
	shares := map[key]*rules.Share{}
	sort.SliceStable(j.fates, func(a, b int) bool { return j.fates[a].answer.Openness() < j.fates[b].answer.Openness() })
	for _, x := range j.fates {
		k := key{x.answer, x.cause.by, "", x.dev, x.local}
		if x.answer == rules.Unknown {
			k.why = x.cause.why
		}
		share := shares[k]
		if share == nil {
			share = &rules.Share{Answer: x.answer, By: x.cause.by, Reason: k.why, Local: x.local, Steps: x.steps(), Needed: x.needed()}
			if x.dev != nil {
				share.Interface = x.dev.Name
			}
			shares[k], order = share, append(order, k)
		}
		if !f.Loopback {
			share.Remotes = append(share.Remotes, toPrefixes(x.remote, x.v4)...)
		}
	}
	out := make([]rules.Share, len(order))
	for i, k := range order {
		out[i] = *shares[k]
	}
	if len(out) == 0 {
		v := j.verdict()
		out = append(out, rules.Share{Answer: v.Answer, Reason: v.Reason})
	}
	return out
}

const neededToRead = "a reading of the whole ruleset: as root, with the programs that list it"

// steps is the way, ended by what decided.
func (x *fate) steps() []rules.Step {
	steps := x.way.steps()
	last := x.way
	if last == nil || last.left || x.answer == rules.Allowed {
		return steps
	}
	verb := map[rules.Answer]string{rules.Denied: "closed by ", rules.Unknown: "in doubt: "}[x.answer]
	if n := len(steps); n > 0 && strings.HasPrefix(x.cause.by, steps[n-1].Place+" ") && steps[n-1].Said == "" {
		steps[n-1].Said = verb + x.cause.by
		return steps
	}
	place := last.place
	if at := strings.Index(x.cause.by, " policy "); at > 0 {
		place = x.cause.by[:at]
	}
	return append(steps, rules.Step{Place: place, Said: verb + x.cause.by})
}

// needed says what would have to be otherwise.
func (x *fate) needed() string {
	chain, _, policy := strings.Cut(x.cause.by, " policy ")
	switch {
	case x.answer == rules.Allowed:
		return ""
	case x.answer == rules.Unknown:
		return "a ruleset that says it exactly, or a real packet: verify --probe"
	case strings.Contains(x.cause.by, "(it drops the answers)") || strings.Contains(x.cause.by, "(it drops what follows"):
		return "a rule there that accepts what belongs to a connection that is known (ct state established)"
	case policy:
		return "a rule in " + chain + ", or in a chain that it jumps to, that accepts the flow; every chain after it has to let it on too"
	}
	return "a rule before this one that accepts the flow in the same base chain, or this one narrowed; every chain after it has to let it on too"
}
