package linux

import (
	"fmt"
	"net/netip"
	"slices"

	"farmwall/rules"
)

// Judge says what the first packet of a flow meets: every base chain of every table
// on its way counts, because a packet that one of them accepts goes on to the next.
// The flow's addresses are split wherever a rule tells them apart, and each share is
// followed to its end. A flow from or to anywhere means other hosts: the host's own
// addresses and those that no packet on a wire can have are left out of it. What
// filters beside netfilter (tc, XDP, eBPF) is not seen.
func (s *System) Judge(st *rules.State, f rules.Flow) rules.Verdict {
	j, unread := s.follow(st, f)
	if j == nil {
		return unread
	}
	return j.verdict()
}

// follow finds the fates of the flow's addresses; j is nil where nothing can be said at
// all, and unread says why.
func (s *System) follow(st *rules.State, f rules.Flow) (j *judge, unread rules.Verdict) {
	r, err := reading(st)
	if err != nil {
		return nil, rules.Verdict{Answer: rules.Unknown, Reason: err.Error()}
	}
	if r.Ruleset == nil {
		why := "the ruleset could not be read: nft is missing"
		if r.Nft != "" {
			why = fmt.Sprintf("the ruleset could not be read by user number %d", r.UID)
		}
		return nil, rules.Verdict{Answer: rules.Unknown, Reason: why}
	}
	j = &judge{reading: r, program: r.walkable(), flow: f, local: st.Local.Addr()}
	for _, v4 := range []bool{true, false} {
		j.family(v4)
	}
	return j, unread
}

// ClosesByDefault says whether this one base chain, our own rules in it left out,
// denies all of the flow that it sees, or closes some of it by its policy or by a
// last rule that is for every packet. What its other rules let in does not matter:
// a host's own address, which "iif lo accept" lets in, is in most lists. A chain
// that is not on the flow's way closes nothing.
func ClosesByDefault(r *Reading, table *Table, chain *Chain, f rules.Flow) bool {
	if r.Ruleset == nil {
		return false
	}
	j := &judge{reading: r, program: r.walkable(), flow: f, only: chain}
	for _, v4 := range []bool{true, false} {
		j.family(v4)
	}
	end := j.program.end(chain)
	all := len(j.fates) > 0
	for _, x := range j.fates {
		if x.answer == rules.Denied && slices.Contains(end, x.cause.by) {
			return true
		}
		all = all && x.answer == rules.Denied
	}
	return all
}

// end is the words of what a base chain does with packets that no rule is for: its
// policy, and a last rule that is for every packet.
func (p *program) end(chain *Chain) []string {
	for _, c := range p.bases {
		if c.Chain != chain {
			continue
		}
		words := []string{c.policy}
		if n := len(c.rules); n > 0 && !slices.ContainsFunc(c.rules[n-1].steps, func(s step) bool { return s.kind != decides }) {
			words = append(words, c.rules[n-1].said)
		}
		return words
	}
	return nil
}

// judge follows one flow.
type judge struct {
	reading *Reading
	program *program
	flow    rules.Flow
	local   netip.Addr
	only    *Chain // ClosesByDefault's one chain
	steps   int
	types   addressType // of the family that is followed now

	asked [2]rules.Spans // all addresses of the flow, IPv6 and IPv4
	fates []fate
}

// fate is the answer for some of the flow's addresses.
type fate struct {
	v4     bool
	remote rules.Spans
	answer rules.Answer
	cause  cause
	way    *trail
	dev    *Interface // nil where it did not matter
	local  netip.Addr // likewise
}

// family follows the flow's addresses of one family.
func (j *judge) family(v4 bool) {
	remote := j.remotes(v4)
	if remote.Empty() {
		return
	}
	own := j.reading.own(v4)
	j.types = j.reading.addressTypes(v4)
	if !j.reading.speaks(v4, j.flow.Loopback) {
		return
	}
	j.asked[side(v4)] = remote
	for _, g := range j.reading.groups(remote, v4, j.flow.Loopback) {
		j.group(g, v4, own)
	}
}

func side(v4 bool) int {
	if v4 {
		return 1
	}
	return 0
}

// group follows addresses that the routes do not tell apart, on each interface and to
// each own address that may matter.
func (j *judge) group(g group, v4 bool, own []netip.Addr) {
	var perDev [][]fate
	for i := range g.devs {
		s := &scene{v4: v4, in: j.flow.Direction == rules.In, loopback: g.loopback, self: g.self, protocol: uint64(j.flow.Protocol),
			port: small(uint64(j.flow.Port)), dev: g.devs[i], byRoute: g.byRoute, types: j.types,
			bridged: j.reading.hasPorts(g.devs[i])}
		var here []fate
		for _, local := range j.locals(g, s.dev, v4, own) {
			s.local = local
			here = worse(here, j.walk(s, g.remote))
			if !s.askedLocal {
				break
			}
		}
		perDev = append(perDev, here)
		if !s.askedDev {
			break
		}
	}
	j.fates = append(j.fates, agree(perDev)...)
}
