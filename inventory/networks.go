package inventory

import (
	"net/netip"
	"regexp"
	"strings"
)

// readAddresses reads a list of single addresses, each once, in the order given.
func readAddresses(p part, bad complaint) []netip.Addr {
	items, ok := p.items()
	if !ok {
		bad(p.at, "a list, or a text with commas", "%s is no list of addresses", show(p.any))
	} else if len(items) == 0 {
		bad(p.at, "leave the variable out", "the list is empty")
	}
	var list []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, item := range items {
		text, _ := item.text()
		ip, err := netip.ParseAddr(text)
		switch {
		case strings.Contains(text, "/"):
			bad(item.at, "write the address alone", "%s is a network, not an address", show(item.any))
			continue
		case err != nil:
			bad(item.at, "an IPv4 or IPv6 address; names are looked up only in ansible_host", "%s is no address", show(item.any))
			continue
		case !oneHost(ip):
			bad(item.at, "", "%s is no address of one host", show(item.any))
			continue
		}
		if ip = ip.Unmap(); !seen[ip] {
			seen[ip] = true
			list = append(list, ip)
		}
	}
	return list
}

// oneHost says whether an address can be a member's: no zone, no group of hosts.
func oneHost(ip netip.Addr) bool {
	return ip.Zone() == "" && !ip.IsUnspecified() && !ip.IsMulticast() && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// readNetworks reads a list of networks and addresses; host bits are masked.
func readNetworks(p part, bad complaint) []netip.Prefix {
	items, ok := p.items()
	if !ok {
		bad(p.at, "a list, or a text with commas", "%s is no list of networks", show(p.any))
	}
	var list []netip.Prefix
	for _, item := range items {
		text, _ := item.text()
		if prefix, ok := parseNetwork(text); ok {
			list = append(list, prefix)
		} else {
			bad(item.at, "write it as 10.0.0.0/8 or 2001:db8::/32", "%s is no network and no address", show(item.any))
		}
	}
	return list
}

// readPushNetworks never takes a network that is everybody: agent push is remote
// control of the host.
func readPushNetworks(p part, bad complaint) []netip.Prefix {
	list := readNetworks(p, bad)
	for _, n := range list {
		if n.Bits() == 0 {
			bad(p.at, "name the networks that push agents", "%s is everybody, and agent push is never opened to everybody", n)
		}
	}
	return list
}

// parseNetwork reads 10.0.0.0/8 or a single address.
func parseNetwork(text string) (netip.Prefix, bool) {
	if !strings.Contains(text, "/") {
		ip, err := netip.ParseAddr(text)
		if err != nil || ip.Zone() != "" {
			return netip.Prefix{}, false
		}
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

var dnsName = regexp.MustCompile(`^(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`)

// validName says whether the text can be looked up; digits and dots alone are a
// mistyped address.
func validName(s string) bool {
	return len(s) <= 253 && dnsName.MatchString(s) && strings.Trim(s, "0123456789.") != ""
}

// readEndpoints reads a list of addresses, networks and names.
func readEndpoints(p part, bad complaint) []string {
	items, ok := p.items()
	if !ok {
		bad(p.at, "a list, or a text with commas", "%s is no list of servers", show(p.any))
	}
	var list []string
	for _, item := range items {
		text, _ := item.text()
		if prefix, ok := parseNetwork(text); ok {
			if prefix.IsSingleIP() {
				text = prefix.Addr().String()
			} else {
				text = prefix.String()
			}
		} else if !validName(text) {
			bad(item.at, "an address, a network or a host name", "%s is no server", show(item.any))
			continue
		}
		list = append(list, text)
	}
	return list
}
