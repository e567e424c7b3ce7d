package linux

import "farmwall/rules"

// gate is the quick question whether a rule may be true of a packet: what it asks of
// protocol, ports and remote address; nil asks nothing. A rule whose gate is shut does
// nothing to the packet; most rules of a large ruleset are passed over so.
type gate struct {
	shut         bool // no packet passes
	protocol     int16
	family       int8 // 4 or 6; 0: both
	sport, dport rules.Spans
	saddr, daddr rules.Spans
}

// gateOf looks at the comparisons that stand before anything that a rule does.
func gateOf(steps []step) gate {
	g := gate{protocol: -1}
	for i := range steps {
		switch s := &steps[i]; s.kind {
		case matches:
			g.narrow(s.match)
		case doubts: // which packets it is true of does not matter
		case gone:
			g.shut = true
			return g
		default:
			return g
		}
	}
	return g
}

// narrow makes the gate as narrow as a comparison allows.
func (g *gate) narrow(m *match) {
	if m.any != nil || m.op != "==" || len(m.left) != 1 || m.left[0].mask != nil {
		return
	}
	right := &m.right
	if right.ref != "" || right.bits || right.all || right.odd || len(right.tuples) > 0 || len(right.nums) == 0 {
		return
	}
	sel := &m.left[0]
	switch sel.object {
	case "meta":
		if sel.name == "l4proto" && len(right.nums) == 1 && right.nums[0].First == right.nums[0].Last {
			g.only(right.nums[0].First.Lo)
		}
	case "payload":
		switch sel.name {
		case "ip.saddr":
			g.family, g.saddr = 4, right.nums
		case "ip.daddr":
			g.family, g.daddr = 4, right.nums
		case "ip6.saddr":
			g.family, g.saddr = 6, right.nums
		case "ip6.daddr":
			g.family, g.daddr = 6, right.nums
		case "th.sport":
			g.sport = right.nums
		case "th.dport":
			g.dport = right.nums
		case "tcp.sport", "udp.sport":
			g.sport = right.nums
			g.only(headers[sel.name[:3]])
		case "tcp.dport", "udp.dport":
			g.dport = right.nums
			g.only(headers[sel.name[:3]])
		}
	}
}

// headers are the numbers of the protocols that a gate looks at.
var headers = map[string]uint64{"tcp": 6, "udp": 17}

func (g *gate) only(protocol uint64) {
	if g.protocol >= 0 && uint64(g.protocol) != protocol {
		g.shut = true
	}
	g.protocol = int16(protocol & 0x1ff)
}

// open says whether the rule may do anything to the part.
func (g *gate) open(s *scene, p *part) bool {
	if g.shut || g.protocol >= 0 && uint64(g.protocol) != s.protocol || g.family != 0 && (g.family == 4) != s.v4 {
		return false
	}
	near, far := g.dport, g.sport // the known port's and the others'
	if s.reply {
		near, far = far, near
	}
	if (near != nil || far != nil) && s.ported() {
		if near != nil && !near.Contains(s.port) || far != nil && !far.Touches(p.sports) {
			return false
		}
	}
	remote := g.saddr
	if !s.in {
		remote = g.daddr
	}
	return remote == nil || p.renamed && s.loopback || remote.Touches(p.remote)
}
