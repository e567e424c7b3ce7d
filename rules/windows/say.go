package windows

import (
	"net/netip"
	"strings"

	"farmwall/rules"
)

// grouping is the group that our rules show in; a rule with a group is protected
// against edits of its name and description in the console.
const grouping = "farmwall"

// say writes a rule, or a part of one, as the script makes it; ports as COM takes them,
// "80,443,1000-2000".
func say(w *wantedPart) addition {
	r := &w.rule
	a := addition{Mark: r.Mark(), Part: w.number, Description: "Written by farmwall for farm " + r.Farm + ". Changes made here are taken back; change the inventory instead.",
		Direction: 1, Protocol: int(r.Protocol), LocalPorts: rules.PortsText(r.Ports, ","), RemoteAddresses: remotesText(r.Remotes)}
	if r.Direction == rules.Out {
		a.Direction, a.LocalPorts, a.RemotePorts = 2, "", a.LocalPorts
	}
	return a
}

// remotesText is an address list in the form that COM takes; "*" is anywhere. Never
// empty: that would be anywhere too.
func remotesText(a *rules.Addresses) string {
	if a == nil {
		return "*"
	}
	texts := make([]string, 0, len(a.Prefixes()))
	for _, p := range a.Prefixes() {
		texts = append(texts, prefixText(p))
	}
	if len(texts) == 0 {
		// Nobody: an address that is nobody's (RFC 5737), lest the rule open to all. Check
		// refuses such a rule.
		return "192.0.2.0"
	}
	return strings.Join(texts, ",")
}

func prefixText(p netip.Prefix) string {
	switch {
	case p.Bits() == 0 && p.Addr().Is4():
		return "0.0.0.0-255.255.255.255"
	case p.Addr().Is4() && p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// unsayable says why Windows takes no rule with the prefix, or nothing: it knows no
// unspecified, loopback or multicast address of IPv6 as a remote.
func unsayable(p netip.Prefix) string {
	if p.Addr().Is4() {
		return ""
	}
	for _, bad := range []struct{ prefix, name string }{
		{"::/128", "the unspecified address"}, {"::1/128", "the loopback address"}, {"ff00::/8", "multicast addresses"},
		{"::ffff:0:0/96", "IPv4 addresses written as IPv6"},
	} {
		if p.Overlaps(netip.MustParsePrefix(bad.prefix)) {
			return "Windows takes no IPv6 network that holds " + bad.name + ", and " + p.String() + " does"
		}
	}
	return ""
}
