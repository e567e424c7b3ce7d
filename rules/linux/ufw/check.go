package ufw

import (
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Check refuses what ufw cannot say, and a host on which a change of it could not be
// taken back.
func (Manager) Check(s *rules.State, want rules.Set) rules.Refusals {
	r := reading(s)
	f := read(r)
	if f == nil {
		return rules.Refusals{{Text: "ufw's files were not read", Hint: "see the error of the reading"}}
	}
	out := f.refuse(want)
	if r.Init != "systemd" {
		out = append(out, rules.Refusal{
			Text: "ufw rules this host and systemd does not start its services, so a reboot would keep what nobody confirmed",
			Hint: "leave this host out with -l, or change its firewall to nftables or iptables",
		})
	}
	_, backends := load(r)
	for family, n := range backends {
		if n > 1 {
			out = append(out, rules.Refusal{
				Text: fmt.Sprintf("ufw's chains for %s are loaded twice, by iptables-nft and by iptables-legacy", family),
				Hint: "choose one with update-alternatives --config iptables, and reboot",
			})
		}
	}
	return out
}

// refuse is about the rules alone.
func (f *files) refuse(want rules.Set) rules.Refusals {
	var no linux.Refusing
	for i := range want {
		w := &want[i]
		no.Rule(w, want[0].Farm)
		f.refuseProtocol(w, &no)
		f.refuseFamily(w, &no)
		no.Ports(w)
		if w.Block && (!f.answers || !f.loopback) {
			no.Add(w, "put ufw's own lines for RELATED,ESTABLISHED and lo back into /etc/ufw/before.rules and before6.rules",
				"ufw's before.rules were changed: closing this port would also stop answers or the host's traffic with itself")
		}
	}
	return no.All
}

func (f *files) refuseProtocol(w *rules.Rule, no *linux.Refusing) {
	name := protocols[w.Protocol]
	switch {
	case w.Protocol == 0:
		no.Add(w, "", "has no protocol")
	case name == "":
		no.Add(w, "open it by hand in /etc/ufw/before.rules", "ufw has no name for protocol %d", w.Protocol)
	case !f.knows(name):
		no.Add(w, "update ufw (0.36.2 knows it), or open it by hand in /etc/ufw/before.rules and leave the rule out", "this host's ufw does not know the protocol %s", name)
	}
	if len(w.Ports) > 0 && name != "tcp" && name != "udp" {
		no.Add(w, "", "ufw knows no ports of protocol %d", w.Protocol)
	}
}

func (f *files) refuseFamily(w *rules.Rule, no *linux.Refusing) {
	if w.Remotes == nil || w.Remotes.Family(false).Empty() {
		return
	}
	if !f.six {
		no.Add(w, `set IPV6=yes in /etc/default/ufw and run "ufw reload", or leave these addresses out`,
			"names IPv6 addresses, and ufw drops all IPv6 here (IPV6=no)")
	} else if onlyIPv4[w.Protocol] {
		no.Add(w, "", "ufw takes protocol %s for IPv4 only, and the rule names IPv6 addresses", protocols[w.Protocol])
	}
}
