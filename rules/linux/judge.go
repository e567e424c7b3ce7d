package linux

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"farmwall/rules"
)

// Judge says what the first packet of a flow meets: every base chain of every table
// on its way counts, because a packet that one of them accepts goes on to the next.
// The flow's addresses are split wherever a rule tells them apart, and each share is
// followed to its end. A flow from or to anywhere means other hosts: the host's own
// addresses and those that no packet on a wire can have are left out of it.
func (s *System) Judge(st *rules.State, f rules.Flow) rules.Verdict {
	r, err := reading(st)
	if err != nil {
		return rules.Verdict{Answer: rules.Unknown, Reason: err.Error()}
	}
	if r.Ruleset == nil {
		why := "the ruleset could not be read: nft is missing"
		if r.Nft != "" {
			why = fmt.Sprintf("the ruleset could not be read by user number %d", r.UID)
		}
		return rules.Verdict{Answer: rules.Unknown, Reason: why}
	}
	j := &judge{reading: r, program: r.Ruleset.walkable(), flow: f, local: st.Local.Addr()}
	for _, v4 := range []bool{true, false} {
		j.family(v4)
	}
	return j.verdict()
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
	j := &judge{reading: r, program: r.Ruleset.walkable(), flow: f, only: chain}
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
		words := []string{c.place() + " policy " + c.Policy}
		if n := len(c.rules); n > 0 && !slices.ContainsFunc(c.rules[n-1].steps, func(s step) bool { return s.kind != decides }) {
			words = append(words, c.rules[n-1].words())
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

	asked [2]numbers // all addresses of the flow, IPv6 and IPv4
	fates []fate
}

// fate is the answer for some of the flow's addresses.
type fate struct {
	v4     bool
	remote numbers
	answer rules.Answer
	cause  cause
	way    *trail
}

// family follows the flow's addresses of one family.
func (j *judge) family(v4 bool) {
	remote := j.remotes(v4)
	if remote.empty() {
		return
	}
	own := j.reading.own(v4)
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

// remotes is the flow's addresses of one family.
func (j *judge) remotes(v4 bool) numbers {
	loop := netip.MustParsePrefix("::1/128")
	all := netip.MustParsePrefix("::/0")
	if v4 {
		loop, all = netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("0.0.0.0/0")
	}
	var set numbers
	switch {
	case j.flow.Loopback:
		set = numbers{fromPrefix(loop)}
		if v4 { // the address that a program on the host uses
			set = numbers{fromPrefix(netip.MustParsePrefix("127.0.0.1/32"))}
		}
	case j.flow.Remotes == nil:
		set = numbers{fromPrefix(all)}.minus(nobody(v4))
		for _, a := range j.reading.own(v4) {
			set = set.minus(numbers{{fromAddr(a), fromAddr(a)}})
		}
	default:
		set = fromPrefixes(j.flow.Remotes.Prefixes(), v4)
	}
	if j.flow.Not != nil {
		set = set.minus(fromPrefixes(j.flow.Not.Prefixes(), v4))
	}
	return set
}

// nobody is the addresses that no other host can have.
func nobody(v4 bool) numbers {
	list := []string{"::/128", "::1/128", "ff00::/8"}
	if v4 {
		list = []string{"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"}
	}
	var out []interval
	for _, p := range list {
		out = append(out, fromPrefix(netip.MustParsePrefix(p)))
	}
	return newNumbers(out)
}

func fromPrefixes(ps []netip.Prefix, v4 bool) numbers {
	var out []interval
	for _, p := range ps {
		if p.Addr().Is4() == v4 {
			out = append(out, fromPrefix(p))
		}
	}
	return newNumbers(out)
}

// group follows addresses that the routes do not tell apart, on each interface and to
// each own address that may matter.
func (j *judge) group(g group, v4 bool, own []netip.Addr) {
	var perDev [][]fate
	for i := range g.devs {
		s := &scene{v4: v4, in: j.flow.Direction == rules.In, loopback: g.loopback, self: g.self, protocol: uint64(j.flow.Protocol),
			port: small(uint64(j.flow.Port)), dev: g.devs[i], byRoute: g.byRoute}
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

// locals are the host's own ends that the flow may have.
func (j *judge) locals(g group, dev *Interface, v4 bool, own []netip.Addr) []netip.Addr {
	switch {
	case j.flow.Loopback && v4:
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	case j.flow.Loopback:
		return []netip.Addr{netip.IPv6Loopback()}
	case j.flow.Direction == rules.In && j.flow.Protocol == rules.VRRP && v4:
		return []netip.Addr{netip.AddrFrom4([4]byte{224, 0, 0, 18})} // RFC 5798, 5.1.1.2
	case j.flow.Direction == rules.In && j.flow.Protocol == rules.VRRP:
		return []netip.Addr{netip.MustParseAddr("ff02::12")}
	case j.flow.Direction == rules.In && j.local.IsValid() && j.local.Is4() == v4 && slices.Contains(own, j.local):
		return []netip.Addr{j.local}
	}
	if j.flow.Direction == rules.Out && dev != nil && !g.loopback {
		var here []netip.Addr
		for _, a := range dev.Addresses {
			if slices.Contains(own, a.Addr()) {
				here = append(here, a.Addr())
			}
		}
		if len(here) > 0 {
			return here
		}
	}
	if len(own) > 0 {
		return own
	}
	return []netip.Addr{{}}
}

// walk follows the addresses through all base chains on the way.
func (j *judge) walk(s *scene, remote numbers) (out []fate) {
	w := &walk{program: j.program, scene: s, skipOwn: j.only != nil, steps: j.steps}
	ports := numbers{{small(1), small(65535)}}
	if !s.ported() {
		ports = numbers{{}}
	}
	live := []part{{remote: remote, sports: ports}}
	var done []outcome
	met := false
	if j.only == nil {
		live = j.blind(s, live)
	}
	for _, hook := range s.hooks() {
		for _, c := range j.program.bases {
			if c.Hook != hook || !s.sees(c) || j.only != nil && c.Chain != j.only {
				continue
			}
			if s.loopback && c.Type == "nat" && c.Hook == "prerouting" {
				continue // the output hook has settled it for what the host sends to itself
			}
			if c.Hook == "ingress" || c.Hook == "egress" {
				s.askedDev = true
				if s.dev == nil || !slices.Contains(c.Devices, s.dev.Name) {
					continue
				}
			}
			met = true
			var d []outcome
			live, d = w.base(c, live)
			done = append(done, d...)
		}
	}
	if j.only == nil {
		live = j.beneath(w, s, live)
	} else if !met {
		return nil
	}
	j.steps = w.steps
	for _, o := range done {
		out = append(out, fate{s.v4, o.part.remote, o.answer, o.cause, o.part.way})
	}
	for _, p := range live {
		res := fate{v4: s.v4, remote: p.remote, answer: rules.Allowed, way: p.way, cause: p.passed}
		if p.doubt != nil {
			res.answer, res.cause = rules.Unknown, *p.doubt
		}
		out = append(out, res)
	}
	return out
}

// hooks are those that the packet passes, in order.
func (s *scene) hooks() []string {
	switch {
	case s.loopback && !s.self:
		return []string{"output", "postrouting", "egress", "ingress", "prerouting", "input"}
	case s.in:
		return []string{"ingress", "prerouting", "input"}
	}
	return []string{"output", "postrouting", "egress"}
}

// sees says whether packets of the family come to chains of this table.
func (s *scene) sees(c *ruleChain) bool {
	switch c.table.Family {
	case "inet", "netdev":
		return true
	case "ip":
		return s.v4
	case "ip6":
		return !s.v4
	}
	return false
}

// blind notes what may drop the packet where nft shows nothing: legacy tables, and
// bridges with rules of their own.
func (j *judge) blind(s *scene, live []part) []part {
	var why *cause
	for _, name := range j.reading.Legacy {
		if family, _, _ := strings.Cut(name, " "); family == "ip" == s.v4 {
			why = &cause{"legacy iptables table " + name, "nft cannot show what is in legacy iptables tables"}
		}
	}
	if s.dev != nil && slices.ContainsFunc(j.reading.Interfaces, func(i Interface) bool { return i.Master == s.dev.Name }) {
		for _, c := range j.program.bases {
			if c.table.Family == "bridge" && slices.Contains(s.hooks(), c.Hook) && (c.Policy == "drop" || len(c.rules) > 0) {
				s.askedDev = true
				why = &cause{c.place(), "rules of a bridge are not followed"}
			}
		}
	}
	if why == nil {
		return live
	}
	for i := range live {
		live[i].doubt = why
	}
	return live
}

// beneath walks the ingress and egress chains of the devices that the packet's
// interface is made of: it passes one of them, and nobody can say which or how.
func (j *judge) beneath(w *walk, s *scene, live []part) []part {
	if s.dev == nil || s.loopback {
		return live
	}
	for _, i := range j.reading.Interfaces {
		if i.Master != s.dev.Name && (s.dev.Parent == "" || i.Name != s.dev.Parent) {
			continue
		}
		for _, c := range j.program.bases {
			if c.Hook != "ingress" && c.Hook != "egress" || !slices.Contains(s.hooks(), c.Hook) || !slices.Contains(c.Devices, i.Name) {
				continue
			}
			s.askedDev = true
			_, done := w.base(c, live)
			if len(done) == 0 {
				continue
			}
			why := &cause{c.place(), "its device is one of those that " + s.dev.Name + " is made of"}
			for k := range live {
				live[k] = live[k].perhaps("drop", why)
			}
		}
	}
	return live
}
