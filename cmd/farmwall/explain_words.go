package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// ported are the protocols that have ports, as explain names them.
var ported = map[string]rules.Protocol{"tcp": rules.TCP, "udp": rules.UDP, "sctp": 132, "dccp": 33, "udplite": 136}

// portless are those that have none.
var portless = map[string]rules.Protocol{"vrrp": rules.VRRP, "icmp": 1, "igmp": 2, "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58}

// askedFlows reads "tcp/443", "udp/53,20000-20010", "vrrp" or a protocol's number.
func askedFlows(text string) ([]tasks.Asked, error) {
	name, ports, slash := strings.Cut(strings.ToLower(text), "/")
	if protocol, ok := ported[name]; ok {
		if !slash {
			return nil, fmt.Errorf("%q needs a port: %s/443", text, name)
		}
		var out []tasks.Asked
		for _, part := range strings.Split(ports, ",") {
			first, last, ranged := strings.Cut(part, "-")
			if !ranged {
				last = first
			}
			a, e1 := strconv.ParseUint(first, 10, 16)
			b, e2 := strconv.ParseUint(last, 10, 16)
			if e1 != nil || e2 != nil || a == 0 || b < a {
				return nil, fmt.Errorf("%q: %q is no port and no range of ports", text, part)
			}
			out = append(out, tasks.Asked{Protocol: protocol, Ports: rules.PortRange{First: uint16(a), Last: uint16(b)}})
		}
		return out, nil
	}
	protocol, ok := portless[name]
	if !ok {
		n, err := strconv.ParseUint(name, 10, 8)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q: there is no protocol %q; say tcp/443, udp/53, vrrp, icmp or a number", text, name)
		}
		for ported, p := range ported {
			if uint64(p) == n {
				return askedFlows(ported + strings.TrimPrefix(text, name))
			}
		}
		protocol = rules.Protocol(n)
	}
	if slash {
		return nil, fmt.Errorf("%q: %s has no ports", text, name)
	}
	return []tasks.Asked{{Protocol: protocol}}, nil
}

// otherEnd reads whom the flow comes from or goes to; it returns the mistakes.
func otherEnd(q *tasks.Question, inv *inventory.Inventory, text, flag string) (wrong []string) {
	var ps []netip.Prefix
	anywhere := text == ""
	words := strings.Split(text, ",")
	for _, word := range words {
		word = strings.TrimSpace(word)
		switch {
		case text == "":
		case word == "anywhere":
			anywhere = true
		case word == "loopback":
			q.Loopback = true
			if len(words) > 1 {
				wrong = append(wrong, flag+" loopback stands alone")
			}
		default:
			if p, err := parsePrefixOrAddress(word); err == nil {
				ps = append(ps, p)
			} else if h := hostNamed(inv, word); h != nil {
				q.Peers = append(q.Peers, h)
			} else {
				wrong = append(wrong, fmt.Sprintf("%s: %q is no address, no prefix and no host of the inventory", flag, word))
			}
		}
	}
	if anywhere {
		if len(ps)+len(q.Peers) > 0 {
			wrong = append(wrong, flag+" anywhere stands alone")
		}
		return wrong
	}
	if !q.Loopback {
		q.Remotes = rules.NewAddresses(ps)
	}
	return wrong
}

func parseAddress(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	return a.Unmap().WithZone(""), err
}

func parsePrefixOrAddress(text string) (netip.Prefix, error) {
	if a, err := parseAddress(text); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
