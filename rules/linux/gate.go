package linux

// gate is the coarse question whether a rule may be true of a packet: what it asks of
// protocol, ports and remote address, as one interval each. A rule whose gate is shut
// does nothing to the packet; most rules of a large ruleset are passed over so.
type gate struct {
	shut     bool // no packet passes
	protocol int16
	family   int8 // 4 or 6; 0: both
	sport    [2]uint16
	dport    [2]uint16
	saddr    *interval
	daddr    *interval
}

// gateOf looks at the comparisons that stand before anything that a rule does.
func gateOf(steps []step) gate {
	g := gate{protocol: -1, sport: [2]uint16{0, 65535}, dport: [2]uint16{0, 65535}}
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
	if right.ref != "" || right.odd && len(right.nums) == 0 || right.bits || right.all || right.odd || len(right.tuples) > 0 || len(right.nums) == 0 {
		return
	}
	sel := &m.left[0]
	span := interval{right.nums[0].first, right.nums[len(right.nums)-1].last}
	switch sel.object {
	case "meta":
		if sel.name == "l4proto" && span.first == span.last {
			g.only(span.first.lo)
		}
	case "payload":
		switch sel.name {
		case "ip.saddr":
			g.family, g.saddr = 4, &span
		case "ip.daddr":
			g.family, g.daddr = 4, &span
		case "ip6.saddr":
			g.family, g.saddr = 6, &span
		case "ip6.daddr":
			g.family, g.daddr = 6, &span
		case "th.sport":
			g.sport = ports(span)
		case "th.dport":
			g.dport = ports(span)
		case "tcp.sport", "tcp.dport":
			g.header(6, sel.name == "tcp.sport", span)
		case "udp.sport", "udp.dport":
			g.header(17, sel.name == "udp.sport", span)
		}
	}
}

func (g *gate) header(protocol uint64, source bool, span interval) {
	g.only(protocol)
	if source {
		g.sport = ports(span)
	} else {
		g.dport = ports(span)
	}
}

func (g *gate) only(protocol uint64) {
	if g.protocol >= 0 && uint64(g.protocol) != protocol {
		g.shut = true
	}
	g.protocol = int16(protocol & 0x1ff)
}

func ports(span interval) [2]uint16 {
	first, last := min(span.first.lo, 65535), min(span.last.lo, 65535)
	if span.first.hi != 0 || span.last.hi != 0 {
		return [2]uint16{0, 65535}
	}
	return [2]uint16{uint16(first), uint16(last)}
}

// open says whether the rule may do anything to the part.
func (g *gate) open(s *scene, p *part) bool {
	if g.shut || g.protocol >= 0 && uint64(g.protocol) != s.protocol || g.family != 0 && (g.family == 4) != s.v4 {
		return false
	}
	if g.sport != allPorts || g.dport != allPorts {
		near, far := g.dport, g.sport // the known port's and the others'
		if s.reply {
			near, far = far, near
		}
		if n := s.port.lo; s.ported() && (n < uint64(near[0]) || n > uint64(near[1])) {
			return false
		}
		if n := len(p.sports); s.ported() && n > 0 && (p.sports[n-1].last.lo < uint64(far[0]) || p.sports[0].first.lo > uint64(far[1])) {
			return false
		}
	}
	remote := g.saddr
	if !s.in {
		remote = g.daddr
	}
	if n := len(p.remote); remote != nil && n > 0 && (p.remote[n-1].last.less(remote.first) || remote.last.less(p.remote[0].first)) {
		return false
	}
	return true
}

var allPorts = [2]uint16{0, 65535}
