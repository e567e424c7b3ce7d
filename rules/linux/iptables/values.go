package iptables

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// prefixOf reads -s or -d, whichever is the other end: an address, a prefix, or an
// address with a netmask.
func prefixOf(o linux.SaveOption, d rules.Direction) (netip.Prefix, error) {
	if o.Name != address(d) || o.Not || len(o.Values) != 1 {
		return netip.Prefix{}, fmt.Errorf("option %s", o.Name)
	}
	text, mask, masked := strings.Cut(o.Values[0], "/")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("address %q", o.Values[0])
	}
	bits := a.BitLen()
	if masked {
		if bits, err = strconv.Atoi(mask); err != nil {
			if bits, err = maskBits(mask); err != nil {
				return netip.Prefix{}, err
			}
		}
	}
	return a.Prefix(bits)
}

// maskBits is the length of a netmask such as 255.255.0.0.
func maskBits(mask string) (int, error) {
	m, err := netip.ParseAddr(mask)
	if err != nil {
		return 0, err
	}
	bits, ended := 0, false
	for _, b := range m.AsSlice() {
		for bit := byte(0x80); bit > 0; bit >>= 1 {
			switch set := b&bit != 0; {
			case set && ended:
				return 0, fmt.Errorf("netmask %q has gaps", mask)
			case set:
				bits++
			default:
				ended = true
			}
		}
	}
	return bits, nil
}

// portList reads "80", "1:5" and lists of these with commas.
func portList(text string) ([]rules.PortRange, error) {
	var out []rules.PortRange
	for _, word := range strings.Split(text, ",") {
		low, high, several := strings.Cut(word, ":")
		if !several {
			high = low
		}
		first, e1 := strconv.ParseUint(low, 10, 16)
		last, e2 := strconv.ParseUint(high, 10, 16)
		if e1 != nil || e2 != nil || first > last {
			return nil, fmt.Errorf("ports %q", text)
		}
		out = append(out, rules.PortRange{First: uint16(first), Last: uint16(last)})
	}
	return out, nil
}
