package inventory

import (
	"strconv"
	"strings"
)

const (
	tcp = 6
	udp = 17
)

// protocols are the names of IP protocols, as IANA assigns the numbers.
func protocols() map[string]uint8 {
	return map[string]uint8{
		"icmp": 1, "igmp": 2, "tcp": tcp, "udp": udp, "dccp": 33, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58,
		"eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "sctp": 132, "udplite": 136,
	}
}

// parseProtocol reads a protocol's name or number; 0 is none, since firewalls
// take it for "all".
func parseProtocol(text string) (uint8, bool) {
	if n, ok := protocols()[strings.ToLower(text)]; ok {
		return n, true
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return uint8(n), err == nil && n > 0
}

func hasPorts(protocol uint8) bool { return protocol == tcp || protocol == udp }

// protocol reads protocol and port, which need each other.
func (r *ruleReader) protocol(rule *ExtraRule) {
	f, given := r.field("protocol")
	text, _ := f.text()
	number, known := parseProtocol(text)
	switch {
	case !given || f.any == nil:
		r.wrong(r.at, "tcp, udp, vrrp, icmp or a number", "protocol is missing")
	case !known:
		r.wrong(f.at, suggestOr("tcp, udp, vrrp, icmp or a number from 1 to 255", text, sortedKeys(protocols())...), "protocol %s is not known", show(f.any))
	}
	rule.Protocol = number
	ports, given := r.field("port")
	given = given && ports.any != nil
	if given {
		rule.Ports = readPorts(ports, r.wrong)
	}
	switch {
	case !known:
	case hasPorts(number) && !given:
		r.wrong(r.at, "add port", "%s needs a port", text)
	case !hasPorts(number) && given:
		r.wrong(ports.at, "leave port out", "protocol %s has no ports that a firewall could match", text)
	}
}

// readPorts reads a number, a range "a-b", or a list of these.
func readPorts(p part, bad complaint) []PortRange {
	items, ok := p.items()
	if !ok || len(items) == 0 {
		bad(p.at, "a number, a range as in 8000-8010, or a list of these", "port %s is no port", show(p.any))
	}
	var list []PortRange
	for _, item := range items {
		text, _ := item.text()
		from, to, isRange := strings.Cut(text, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
		last, err2 := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
		switch {
		case err1 != nil || err2 != nil:
			bad(item.at, "a number, a range as in 8000-8010, or a list of these", "port %s is no port", show(item.any))
		case first < 1 || first > 65535 || last < 1 || last > 65535:
			bad(item.at, "ports are 1 to 65535", "port %s is out of range", show(item.any))
		case first > last:
			bad(item.at, "write the lower port first", "port range %s is reversed", show(item.any))
		default:
			list = append(list, PortRange{uint16(first), uint16(last)})
		}
	}
	return list
}
