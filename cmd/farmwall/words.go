package main

import (
	"fmt"
	"net/netip"
	"strings"

	"farmwall/rules"
)

// opens says in words what a rule opens: "tcp 443 from anywhere".
func opens(r *rules.Rule, all bool) string {
	if r.Opaque != "" {
		return plain(r.Opaque)
	}
	if r.Block {
		return protocolWords(r) + " closed to everybody else"
	}
	return protocolWords(r) + " " + sideWord(r) + " " + remoteWords(r, all)
}

func protocolWords(r *rules.Rule) string {
	if len(r.Ports) == 0 {
		return protocolName(r.Protocol)
	}
	return protocolName(r.Protocol) + " " + rules.PortsText(r.Ports, ",")
}

func sideWord(r *rules.Rule) string {
	if r.Direction == rules.Out {
		return "to"
	}
	return "from"
}

func remoteWords(r *rules.Rule, all bool) string {
	if r.Loopback {
		return "this host itself (loopback)"
	}
	return addressWords(r.Remotes, all)
}

// protocolName adds, to the names of the port reference, those of other protocols
// that a firewall meets.
func protocolName(p rules.Protocol) string {
	switch p {
	case 1:
		return "icmp"
	case 2:
		return "igmp"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 58:
		return "icmpv6"
	case 132:
		return "sctp"
	}
	return p.String()
}

// shownAddresses is how much of an address list fits into a line.
const shownAddresses = 4

func addressWords(a *rules.Addresses, all bool) string {
	switch {
	case a == nil:
		return "anywhere"
	case a.Empty():
		return "nobody"
	}
	return prefixWords(a.Prefixes(), all)
}

func prefixWords(ps []netip.Prefix, all bool) string {
	rest := 0
	if !all && len(ps) > shownAddresses+1 {
		ps, rest = ps[:shownAddresses], len(ps)-shownAddresses
	}
	parts := make([]string, len(ps))
	for i, p := range ps {
		parts[i] = p.String()
		if p.IsSingleIP() {
			parts[i] = p.Addr().String()
		}
	}
	s := strings.Join(parts, ", ")
	if rest > 0 {
		s += fmt.Sprintf(" and %d more", rest)
	}
	return s
}

// changeWords says field by field how two rules differ: "ports 80 -> 81".
func changeWords(have, want *rules.Rule, all bool) string {
	var parts []string
	field := func(name, old, now string) {
		if old != now {
			parts = append(parts, strings.TrimSpace(name+" "+old+" -> "+now))
		}
	}
	if have.Opaque != "" || want.Opaque != "" {
		return opens(have, all) + " -> " + opens(want, all)
	}
	field("farm", have.Farm, want.Farm)
	field("direction", string(have.Direction), string(want.Direction))
	field("protocol", protocolName(have.Protocol), protocolName(want.Protocol))
	field("ports", portOrNone(have.Ports), portOrNone(want.Ports))
	if have.Loopback != want.Loopback {
		field(sideWord(want), remoteWords(have, all), remoteWords(want, all))
	} else if !have.Remotes.Equal(want.Remotes) {
		parts = append(parts, sideWord(want)+" "+moved(have.Remotes, want.Remotes, all))
	}
	if len(parts) == 0 {
		return "the mark of an older content"
	}
	return strings.Join(parts, "; ")
}

func portOrNone(ports []rules.PortRange) string {
	if len(ports) == 0 {
		return "none"
	}
	return rules.PortsText(ports, ",")
}

// moved shows two short lists whole, and of long ones what came and went.
func moved(old, now *rules.Addresses, all bool) string {
	if old == nil || now == nil || len(old.Prefixes()) <= shownAddresses && len(now.Prefixes()) <= shownAddresses {
		return addressWords(old, all) + " -> " + addressWords(now, all)
	}
	gone, came := without(old, now), without(now, old)
	s := fmt.Sprintf("%d -> %d entries", len(old.Prefixes()), len(now.Prefixes()))
	if len(came) > 0 {
		s += ", new: " + prefixWords(came, all)
	}
	if len(gone) > 0 {
		s += ", gone: " + prefixWords(gone, all)
	}
	return s
}

func without(a, b *rules.Addresses) []netip.Prefix {
	there := map[netip.Prefix]bool{}
	for _, p := range b.Prefixes() {
		there[p] = true
	}
	var out []netip.Prefix
	for _, p := range a.Prefixes() {
		if !there[p] {
			out = append(out, p)
		}
	}
	return out
}
