package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// String is the protocol's usual name, or its number.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case VRRP:
		return "vrrp (112)"
	}
	return "protocol " + strconv.Itoa(int(p))
}

// PortsText is "443,1000-2000" with the comma between the ranges; empty for no ports.
func PortsText(ports []PortRange, comma string) string {
	texts := make([]string, len(ports))
	for i, p := range ports {
		texts[i] = p.Text("-")
	}
	return strings.Join(texts, comma)
}

// String is the list in one line; more than 8 entries are counted.
func (a *Addresses) String() string {
	const most = 8
	if a == nil {
		return "anywhere"
	}
	if len(a.prefixes) == 0 {
		return "nobody"
	}
	texts := make([]string, 0, most)
	for _, p := range a.prefixes[:min(most, len(a.prefixes))] {
		if p.IsSingleIP() {
			texts = append(texts, p.Addr().String())
		} else {
			texts = append(texts, p.String())
		}
	}
	s := strings.Join(texts, ", ")
	if more := len(a.prefixes) - most; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}
