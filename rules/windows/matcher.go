package windows

import (
	"net/netip"
	"slices"
	"strings"

	"farmwall/rules"
)

// matcher is a rule in a scene.
type matcher struct {
	rule    *rule
	depends bool // on the scene
	never   bool // it matches nothing there
	binding binding

	ports    []rules.PortRange // of the flow's port; nil with unsure nil: any
	unsure   []rules.PortRange // ports that a keyword may stand for
	allPorts bool

	remote   rules.Spans
	anywhere bool
	doubt    string // why nobody knows whether it matches what it seems to
}

// newMatcher works out what a rule asks for, in a scene.
func newMatcher(r *rule, s *scene) *matcher {
	m := &matcher{rule: r, binding: bindingOf(r)}
	m.doubts(r.doubts...)
	if r.action == noAction || r.direction == "" {
		m.doubts("what it does is not known")
	}
	if r.packaged || r.action == bypass && r.secured || r.action == allow && r.secured {
		// What it is for is not plain traffic of a service.
		m.never = true
		return m
	}
	if r.secured {
		m.doubts("it is for some users or machines")
	}
	m.never = !m.here(r, s)
	near, far := &r.localPorts, &r.remotePorts
	if r.direction == rules.Out {
		near, far = far, near
	}
	m.near(near)
	m.far(far)
	m.from(r, s)
	return m
}

func (m *matcher) doubts(why ...string) {
	for _, w := range why {
		if m.doubt != "" {
			m.doubt += ", "
		}
		m.doubt += w
	}
}

// here evaluates what a rule asks of the host and its interface.
func (m *matcher) here(r *rule, s *scene) bool {
	if len(r.interfaces)+len(r.ifTypes) > 0 || !r.localAddress.any() {
		m.depends = true
	}
	if len(r.interfaces) > 0 && s.iface == nil || len(r.ifTypes) > 0 && (s.iface == nil || s.iface.kind == "") {
		m.doubts("whether its interfaces are meant is not known")
	} else if len(r.interfaces) > 0 && !slices.Contains(r.interfaces, s.iface.guid) ||
		len(r.ifTypes) > 0 && !slices.Contains(r.ifTypes, s.iface.kind) {
		return false
	}
	if !r.localAddress.any() {
		switch {
		case !s.local.IsValid():
			m.doubts("the host's own addresses are not known")
		case localFit(&r.localAddress, s.local) == no:
			return false
		case localFit(&r.localAddress, s.local) == maybe:
			m.doubts("its local addresses are not known")
		}
	}
	return true
}

func localFit(a *addressSet, at netip.Addr) fit {
	n := fromAddr(at)
	for _, v := range a.spans {
		if !n.Less(v.First) && !v.Last.Less(n) {
			return yes
		}
	}
	if len(a.words4)+len(a.words6) > 0 {
		return maybe
	}
	return no
}

// near sets the ports that are the flow's.
func (m *matcher) near(p *portSet) {
	m.allPorts = p.any()
	m.ports = p.ranges
	for _, word := range p.keywords {
		ranges, sure, ok := keywordPorts(word, m.rule.protocol)
		switch {
		case !ok: // the rule has a doubt already, and any port may be meant
			m.unsure = []rules.PortRange{{First: 0, Last: 65535}}
		case sure:
			m.ports = append(slices.Clone(m.ports), ranges...)
		default:
			m.unsure = append(m.unsure, ranges...)
		}
	}
}

// far is a condition on the other end's port, which is any above 1023 (clients take
// 49152 to 65535 on Windows, 32768 and up on Linux): a rule that names a part of these
// matches some connections, and one that names none of them matches no client.
func (m *matcher) far(p *portSet) {
	if p.any() {
		return
	}
	merged := rules.MergePorts(p.ranges)
	touches := len(p.keywords) > 0
	for _, r := range merged {
		if r.First <= 1024 && r.Last == 65535 {
			return
		}
		touches = touches || r.Last >= 1024
	}
	if !touches {
		m.never = true
		return
	}
	m.doubts("it is for some ports of the other end only")
}

// from sets the remote addresses.
func (m *matcher) from(r *rule, s *scene) {
	a := &r.remoteAddress
	if a.any() {
		m.anywhere = true
		return
	}
	m.remote = a.spans
	for i, words := range [][]string{a.words4, a.words6} {
		for _, w := range words {
			m.depends = true
			set, ok := s.meaning(w, i == 0)
			if !ok {
				m.anywhere = true
				m.doubts("who is meant by " + brief(w) + " is not known")
			}
			m.remote = m.remote.Union(set)
		}
	}
	if !m.anywhere && m.remote.Empty() {
		m.never = true
	}
}

// meaning is what a keyword stands for on the scene's interface.
func (s *scene) meaning(word string, ipv4 bool) (rules.Spans, bool) {
	if !slices.Contains(hostWords, word) || s.iface == nil {
		return nil, false
	}
	if word == "LocalSubnet" {
		var out []rules.Span
		for _, p := range s.iface.addresses {
			if p.Addr().Is4() == ipv4 {
				out = append(out, fromPrefix(p))
			}
		}
		return rules.NewSpans(out), true
	}
	list := map[string][]netip.Addr{"DNS": s.iface.dns, "DHCP": s.iface.dhcp, "WINS": s.iface.wins, "DefaultGateway": s.iface.gateways}[word]
	var out []rules.Span
	for _, a := range list {
		if a.Is4() == ipv4 {
			out = append(out, rules.Just(fromAddr(a)))
		}
	}
	return rules.NewSpans(out), true
}

// match says whether the rule is about the flow, wherever that comes from.
func (m *matcher) match(f *rules.Flow) fit {
	if m.rule.protocol != anyProtocol && m.rule.protocol != int(f.Protocol) {
		return no
	}
	named := within(m.ports, f.Port)
	if !m.allPorts && !named && !within(m.unsure, f.Port) {
		return no
	}
	at := yes
	if m.binding.bound {
		at = m.binding.fits(f, named)
	}
	if at == yes && (m.doubt != "" || len(m.rule.icmp) > 0 || !m.allPorts && !named) {
		at = maybe
	}
	return at
}

// why says why a match is a maybe.
func (m *matcher) why(f *rules.Flow) string {
	var all []string
	if m.doubt != "" {
		all = append(all, m.doubt)
	}
	named := within(m.ports, f.Port)
	if !m.allPorts && !named {
		all = append(all, "whether "+brief(strings.Join(m.nearPorts().keywords, ", "))+" means this port is not known")
	}
	if m.binding.fits(f, named) == maybe {
		all = append(all, "it is for "+m.binding.words)
	}
	if len(m.rule.icmp) > 0 {
		all = append(all, "it is for some types of ICMP")
	}
	return strings.Join(all, ", ")
}

func (m *matcher) nearPorts() *portSet {
	if m.rule.direction == rules.Out {
		return &m.rule.remotePorts
	}
	return &m.rule.localPorts
}

// hit is which of the addresses the rule is about.
func (m *matcher) hit(of rules.Spans) rules.Spans {
	if m.anywhere {
		return of
	}
	return of.Intersect(m.remote)
}

func within(ranges []rules.PortRange, port uint16) bool {
	for _, r := range ranges {
		if r.First <= port && port <= r.Last {
			return true
		}
	}
	return false
}
