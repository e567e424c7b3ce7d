package linux

import "farmwall/rules"

func (s *scene) nfproto() uint64 {
	if s.v4 {
		return 2
	}
	return 10
}

func (s *scene) meta(key string, p *part) property {
	switch key {
	case "nfproto":
		if s.family == "netdev" {
			return property{}
		}
		return known(s.nfproto())
	case "l4proto":
		return known(s.protocol)
	case "protocol":
		// nft 1.0.6 prints the bytes of an ethertype in the wrong order.
		if s.v4 {
			return property{kind: constant, values: []rules.Number{small(0x0800), small(0x0008)}}
		}
		return property{kind: constant, values: []rules.Number{small(0x86dd), small(0xdd86)}}
	case "iif", "iifname":
		return s.device(key == "iifname", s.inward())
	case "oif", "oifname":
		return s.device(key == "oifname", !s.inward())
	case "mark":
		if s.disputed.marks {
			return property{why: inDispute + "sets marks"}
		}
		if p.marks.noPacket {
			return property{why: "the packet's mark was set to something that is not known"}
		}
		return known(uint64(p.marks.packet))
	case "pkttype":
		s.askedLocal = true
		switch {
		case s.in && !s.loopback && s.local.IsMulticast():
			return known(2)
		case s.in, s.loopback && s.hook != "output" && s.hook != "postrouting":
			return known(0) // to this host
		}
	case "iifgroup":
		return s.group(s.inward())
	case "oifgroup":
		return s.group(!s.inward())
	case "skuid", "skgid":
		// No socket owns a packet that comes in and belongs to no connection yet.
		if s.inward() && !s.later() {
			return property{kind: absent}
		}
	}
	return property{}
}

// inward says whether the walk is at a hook that packets pass on their way in.
func (s *scene) inward() bool {
	return s.hook == "ingress" || s.hook == "prerouting" || s.hook == "input"
}

// group is the number of the interface's group.
func (s *scene) group(has bool) property {
	switch {
	case !has:
		return property{why: "an interface's group is asked where the packet has none"}
	case s.dev == nil || !s.dev.GroupKnown:
		s.askedDev = true
		return property{why: "the interface's group is not known"}
	}
	s.askedDev = true
	return known(uint64(s.dev.Group))
}

func (s *scene) device(byName, has bool) property {
	if !has {
		return property{kind: named, byName: byName}
	}
	s.askedDev = true
	if s.dev == nil {
		return property{why: "the interface is not known"}
	}
	return property{kind: named, dev: s.dev, byName: byName}
}

func (s *scene) payload(name string) property {
	switch name {
	case "ip.saddr", "ip.daddr":
		return s.address(s.v4, (name == "ip.saddr") == s.in)
	case "ip6.saddr", "ip6.daddr":
		return s.address(!s.v4, (name == "ip6.saddr") == s.in)
	case "ip.protocol":
		return s.onlyIf(s.v4, s.protocol)
	case "ip6.nexthdr":
		return s.onlyIf(!s.v4, s.protocol)
	case "@nh,96,32", "@nh,128,32", "@nh,72,8":
		// What IPv6 has there are pieces of its addresses.
		switch {
		case !s.v4:
			return property{}
		case name == "@nh,72,8":
			return known(s.protocol)
		}
		return s.address(true, (name == "@nh,96,32") == s.in)
	case "ether.type":
		return s.meta("protocol", nil)
	case "ip.version":
		return s.onlyIf(s.v4, 4)
	case "ip6.version":
		return s.onlyIf(!s.v4, 6)
	case "ip.frag-off":
		// A first packet is no fragment; whether it may be fragmented is open.
		if s.v4 {
			return property{kind: constant, values: []rules.Number{{}, small(0x4000)}}
		}
		return property{kind: absent}
	case "th.sport", "th.dport":
		if !s.ported() {
			return property{}
		}
		return s.ports(name == "th.sport")
	case "tcp.flags":
		if s.protocol != 6 {
			return property{kind: absent}
		}
		if s.third { // ACK; with data also PSH
			return property{kind: constant, values: []rules.Number{small(0x10), small(0x18)}}
		}
		if s.reply { // SYN and ACK; with ECN also ECE
			return property{kind: constant, values: []rules.Number{small(0x12), small(0x52)}}
		}
		// SYN; with ECN also ECE and CWR.
		return property{kind: constant, values: []rules.Number{small(0x02), small(0xc2)}}
	}
	for proto, number := range map[string]uint64{"tcp.": 6, "udp.": 17, "dccp.": 33, "sctp.": 132, "udplite.": 136} {
		if len(name) > len(proto) && name[:len(proto)] == proto {
			if s.protocol != number {
				return property{kind: absent}
			}
			switch name[len(proto):] {
			case "sport", "dport":
				return s.ports(name[len(proto):] == "sport")
			}
		}
	}
	for proto, number := range map[string]uint64{"icmp.": 1, "icmpv6.": 58, "igmp.": 2, "ah.": 51, "esp.": 50, "comp.": 108} {
		if len(name) > len(proto) && name[:len(proto)] == proto && s.protocol != number {
			return property{kind: absent}
		}
	}
	if len(name) > 3 && (name[:3] == "ip." && !s.v4) || len(name) > 4 && (name[:4] == "ip6." && s.v4) {
		return property{kind: absent}
	}
	if len(name) > 4 && name[:4] == "arp." {
		return property{kind: absent}
	}
	return property{}
}

func (s *scene) onlyIf(is bool, n uint64) property {
	if !is {
		return property{kind: absent}
	}
	return known(n)
}

func (s *scene) address(family, remote bool) property {
	if !family {
		return property{kind: absent}
	}
	if remote {
		return property{kind: remotes}
	}
	s.askedLocal = true
	if !s.local.IsValid() {
		return property{why: "the host's own address is not known"}
	}
	return property{kind: constant, values: []rules.Number{fromAddr(s.local)}}
}

func (s *scene) ports(source bool) property {
	if source != s.reply {
		return property{kind: sports}
	}
	return property{kind: constant, values: []rules.Number{s.port}}
}
