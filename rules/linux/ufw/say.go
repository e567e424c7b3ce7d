package ufw

import (
	"net/netip"
	"strings"

	"farmwall/rules"
)

// protocols are the numbers of the names that a ufw may know.
var protocols = map[rules.Protocol]string{2: "igmp", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah", 112: "vrrp"}

// onlyIPv4 are those that ufw takes for IPv4 alone.
var onlyIPv4 = map[rules.Protocol]bool{2: true, 41: true}

// maxPorts is what one rule may list; a range counts as two (ufw's UFWRule.set_port).
const maxPorts = 15

// say is a rule as tuples, of the families that ufw rules on this host.
func (f *files) say(w *rules.Rule) []tuple {
	var out []tuple
	action, mark := "allow", w.Mark()
	if w.Block {
		action = "deny"
	}
	iface := string(w.Direction)
	if w.Loopback {
		iface += "_lo"
	}
	for _, v6 := range f.families() {
		if v6 && onlyIPv4[w.Protocol] {
			continue
		}
		for _, ports := range portLists(w.Ports) {
			for _, remote := range remotes(v6, w.Remotes) {
				dst, src := anywhere(v6), remote
				if w.Direction == rules.Out {
					dst, src = remote, anywhere(v6)
				}
				out = append(out, makeTuple(v6, action, protocols[w.Protocol], ports, dst, src, iface, mark))
			}
		}
	}
	return out
}

// portLists cuts the ports into lists that one rule takes.
func portLists(ports []rules.PortRange) []string {
	if len(ports) == 0 {
		return []string{"any"}
	}
	var out, words []string
	used := 0
	for _, p := range ports {
		size := 1
		if p.Last != p.First {
			size = 2
		}
		if used+size > maxPorts {
			out = append(out, strings.Join(words, ","))
			words, used = nil, 0
		}
		words, used = append(words, p.Text(":")), used+size
	}
	return append(out, strings.Join(words, ","))
}

// remotes are the addresses of one family as ufw normalises them.
func remotes(v6 bool, a *rules.Addresses) []string {
	if a == nil {
		return []string{anywhere(v6)}
	}
	var out []string
	for _, p := range a.Family(!v6).Prefixes() {
		out = append(out, address(p))
	}
	return out
}

func address(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
