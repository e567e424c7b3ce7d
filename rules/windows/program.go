package windows

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"

	"farmwall/rules"
)

// program is a host's rules made ready for judging. It is never changed once made, but
// for the sets that it remembers.
type program struct {
	reading *Reading
	why     string // why nothing can be judged
	scenes  []*scene
	own     rules.Spans // the host's own addresses, and loopback
	outside rules.Spans // all that other hosts can have
	v6      bool        // the host speaks IPv6

	// replaced are the IDs, in lower case, of group policy's rules: a local rule with one
	// of them does not count.
	replaced map[string]bool

	lists sync.Map // by hash: an address list of a flow, as spans
}

// newProgram compiles the rules for each place where a packet may arrive.
func newProgram(r *Reading) *program {
	p := &program{reading: r, replaced: r.replaced()}
	p.addresses()
	switch {
	case r.Services["MpsSvc"] != "Running":
		p.why = "the firewall's service (MpsSvc) is " + strings.ToLower(r.Services["MpsSvc"])
	case r.Services["BFE"] != "Running":
		p.why = "the Base Filtering Engine (BFE) is " + strings.ToLower(r.Services["BFE"])
	case r.registry.Error != "":
		p.why = "the firewall's rules could not be read: " + brief(r.registry.Error)
	case r.policy.err != "":
		p.why = "the firewall's settings could not be read: " + brief(r.policy.err)
	default:
		p.stage()
	}
	return p
}

// addresses notes which addresses are the host's own and which nobody else can have.
func (p *program) addresses() {
	var own []rules.Span
	speaks4 := false
	for i := range p.reading.interfaces {
		for _, a := range p.reading.interfaces[i].addresses {
			own = append(own, rules.Just(fromAddr(a.Addr())))
			if !p.reading.interfaces[i].loopback {
				speaks4 = speaks4 || a.Addr().Is4()
				p.v6 = p.v6 || !a.Addr().Is4()
			}
		}
	}
	if !speaks4 && !p.v6 { // the interfaces are not known
		p.v6, speaks4 = true, true
	}
	own = append(own, fromPrefix(netip.MustParsePrefix("127.0.0.0/8")), fromPrefix(netip.MustParsePrefix("::1/128")))
	p.own = rules.NewSpans(own)
	var nobody []rules.Span
	for _, s := range []string{"0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "::/128", "ff00::/8"} {
		nobody = append(nobody, fromPrefix(netip.MustParsePrefix(s)))
	}
	if speaks4 {
		p.outside = family(true)
	}
	if p.v6 {
		p.outside = p.outside.Union(family(false))
	}
	p.outside = p.outside.Minus(p.own).Minus(rules.NewSpans(nobody))
}

// scene is what is taken as given while a flow is judged: on which interface the packet
// is, which profile holds there, and to which of the host's addresses it goes.
type scene struct {
	profile  *profile
	iface    *netInterface // nil where no interface is known
	excluded bool
	local    netip.Addr // invalid where no rule asks
	in, out  sceneRules
}

// sceneRules are the rules of one direction that may match in a scene.
type sceneRules struct{ blocks, allows []*matcher }

func (s *scene) rules(d rules.Direction) *sceneRules {
	if d == rules.Out {
		return &s.out
	}
	return &s.in
}

func (s *scene) String() string {
	if s.iface == nil {
		return s.profile.String()
	}
	return fmt.Sprintf("%s on %s", s.profile, brief(s.iface.name))
}

// stage makes the scenes.
func (p *program) stage() {
	interfaces := p.reading.serving()
	if len(interfaces) == 0 {
		interfaces = []*netInterface{nil}
	}
	effective := p.effective()
	var asking []*rule // rules that ask for the host's own address
	for _, r := range effective {
		if !r.localAddress.any() {
			asking = append(asking, r)
		}
	}
	shared := map[*rule]*matcher{}
	for _, n := range interfaces {
		for _, pr := range p.reading.policy.on() {
			if n != nil && n.profile != 0 && n.profile != pr.bit && p.reading.policy.active&n.profile != 0 {
				continue
			}
			for _, at := range locals(n, asking) {
				s := &scene{profile: pr, iface: n, local: at, excluded: n != nil && excludes(pr, n)}
				s.load(effective, shared)
				p.scenes = append(p.scenes, s)
			}
		}
	}
}

func excludes(p *profile, n *netInterface) bool {
	for _, name := range p.excluded {
		if strings.EqualFold(name, n.name) || strings.EqualFold(name, n.guid) {
			return true
		}
	}
	return false
}

// locals are addresses of the interface of which at least one stands for each that the
// asking rules tell apart.
func locals(n *netInterface, asking []*rule) []netip.Addr {
	if len(asking) == 0 || n == nil {
		return []netip.Addr{{}}
	}
	var out []netip.Addr
	seen := map[string]bool{}
	for _, a := range n.addresses {
		key := []byte{'6'}
		if a.Addr().Is4() {
			key[0] = '4'
		}
		for _, r := range asking {
			key = append(key, '0'+byte(localFit(&r.localAddress, a.Addr())))
		}
		if !seen[string(key)] {
			seen[string(key)] = true
			out = append(out, a.Addr())
		}
	}
	return out
}

// effective are the rules that are enabled and not replaced: of two with one ID group
// policy's is the one that counts (PSD-New-NetFirewallRule).
func (p *program) effective() []*rule {
	var out []*rule
	for _, x := range p.reading.rules {
		if x.active && x.wrong == "" && !x.elsewhere && !(x.store == local && p.replaced[strings.ToLower(x.id)]) {
			out = append(out, x)
		}
	}
	return out
}

func (r *Reading) replaced() map[string]bool {
	out := map[string]bool{}
	for _, x := range r.rules {
		if x.store == gpo {
			out[strings.ToLower(x.id)] = true
		}
	}
	return out
}

// load sorts the rules that may match in the scene. Matchers that ask for nothing of an
// interface are shared between scenes.
func (s *scene) load(effective []*rule, shared map[*rule]*matcher) {
	for _, r := range effective {
		if r.profiles&s.profile.bit == 0 || r.store == local && !s.profile.merge {
			continue
		}
		m := shared[r]
		if m == nil {
			m = newMatcher(r, s)
			if !m.depends {
				shared[r] = m
			}
		}
		if m.never {
			continue
		}
		for _, d := range []rules.Direction{rules.In, rules.Out} {
			if r.direction != d && r.direction != "" {
				continue
			}
			list := s.rules(d)
			if r.action != allow {
				list.blocks = append(list.blocks, m)
			}
			if r.action != block {
				list.allows = append(list.allows, m)
			}
		}
	}
}
