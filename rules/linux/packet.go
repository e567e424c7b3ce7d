package linux

import "fmt"

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
			return property{kind: constant, values: []number{small(0x0800), small(0x0008)}}
		}
		return property{kind: constant, values: []number{small(0x86dd), small(0xdd86)}}
	case "iif", "iifname":
		return s.device(key == "iifname", s.hook == "ingress" || s.hook == "prerouting" || s.hook == "input")
	case "oif", "oifname":
		return s.device(key == "oifname", s.hook == "output" || s.hook == "postrouting" || s.hook == "egress")
	case "mark":
		if p.noMark {
			return property{why: "the packet's mark was set to something that is not known"}
		}
		return property{kind: constant, values: []number{p.mark}}
	case "pkttype":
		if s.in && !s.loopback {
			s.askedLocal = true
			if s.local.IsMulticast() {
				return known(2)
			}
			return known(0) // to this host
		}
	}
	return property{}
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
	case "ip.version":
		return s.onlyIf(s.v4, 4)
	case "ip6.version":
		return s.onlyIf(!s.v4, 6)
	case "ip.frag-off":
		// A first packet is no fragment; whether it may be fragmented is open.
		if s.v4 {
			return property{kind: constant, values: []number{{}, small(0x4000)}}
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
		if s.reply { // SYN and ACK; with ECN also ECE
			return property{kind: constant, values: []number{small(0x12), small(0x52)}}
		}
		// SYN; with ECN also ECE and CWR.
		return property{kind: constant, values: []number{small(0x02), small(0xc2)}}
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
	return property{kind: constant, values: []number{fromAddr(s.local)}}
}

func (s *scene) ports(source bool) property {
	if source != s.reply {
		return property{kind: sports}
	}
	return property{kind: constant, values: []number{s.port}}
}

// ct looks the connection up: a new one, or for an answer one that is known, from
// where tracking begins (priority -200).
func (s *scene) ct(key string, p *part) property {
	if s.reply && p.noTrack {
		return property{why: "the answer to a packet that is not tracked may be anything to connection tracking"}
	}
	switch key {
	case "state":
		if p.noTrack {
			return known(64)
		}
		first := s.hook == "prerouting" && !s.loopback || s.hook == "output"
		switch {
		case s.hook == "ingress", s.hook == "egress", first && s.priority == -200:
			return property{why: "connection tracking does not reach this chain for certain"}
		case first && s.priority < -200:
			return known(1)
		case s.reply:
			return known(2)
		}
		return known(8)
	case "status":
		if s.reply {
			break
		}
		// A new connection has none of the bits; whether its addresses were looked up
		// for NAT (0x80, 0x100) is open. What was sent elsewhere is not followed to here.
		if !p.noTrack && !s.loopback && (s.hook == "input" || s.hook == "prerouting" && s.priority > -200) {
			return property{kind: constant, values: []number{{}, small(0x80), small(0x100), small(0x180)}}
		}
	case "direction":
		if s.reply {
			break
		}
		if !p.noTrack && (s.hook == "input" || s.hook == "postrouting") {
			return known(0)
		}
	}
	return property{}
}

// fib asks the routes.
func (s *scene) fib(name string) property {
	switch name {
	case "daddr type":
		if s.in {
			s.askedLocal = true
			if s.local.IsMulticast() {
				return known(5)
			}
			return known(2) // local
		}
	case "saddr type":
		if !s.in {
			return known(2)
		}
	case "daddr.iif type":
		if s.in && s.dev != nil && s.local.IsValid() {
			s.askedDev, s.askedLocal = true, true
			for _, a := range s.dev.Addresses {
				if a.Addr() == s.local {
					return known(2)
				}
			}
		}
	case "saddr.iif oif":
		// The interface that the way back would take: the one it came by, where the
		// routes chose that.
		if s.in && s.byRoute && s.dev != nil && !s.loopback {
			s.askedDev = true
			return property{kind: named, dev: s.dev}
		}
	}
	return property{why: fmt.Sprintf("fib %s is not known of the flow", name)}
}
