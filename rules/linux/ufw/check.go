package ufw

import (
	"fmt"

	"farmwall/rules"
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
	var out rules.Refusals
	refuse := func(w *rules.Rule, hint, format string, a ...any) {
		out = append(out, rules.Refusal{Rule: w.ID, Text: fmt.Sprintf(format, a...), Hint: hint})
	}
	for i := range want {
		w := &want[i]
		if _, _, _, ok := rules.ParseMark(w.Mark()); !ok {
			refuse(w, "", "farm %q and rule %q do not make a mark", w.Farm, w.ID)
		}
		if w.Farm != want[0].Farm {
			refuse(w, "", "belongs to farm %q and others of the set to %q", w.Farm, want[0].Farm)
		}
		if w.Direction != rules.In && w.Direction != rules.Out {
			refuse(w, "", "direction %q", w.Direction)
		}
		if w.Opaque != "" {
			refuse(w, "", "is no rule of farmwall: %s", w.Opaque)
		}
		if w.Remotes.Empty() {
			refuse(w, "", "has nobody to open to")
		}
		f.refuseProtocol(w, refuse)
		f.refuseFamily(w, refuse)
		for _, p := range w.Ports {
			if p.First == 0 || p.First > p.Last {
				refuse(w, "", "ports %d-%d", p.First, p.Last)
			}
		}
		if w.Block && (!f.answers || !f.loopback) {
			refuse(w, "put ufw's own lines for RELATED,ESTABLISHED and lo back into /etc/ufw/before.rules and before6.rules",
				"ufw's before.rules were changed: closing this port would also stop answers or the host's traffic with itself")
		}
	}
	return out
}

func (f *files) refuseProtocol(w *rules.Rule, refuse func(*rules.Rule, string, string, ...any)) {
	name := protocols[w.Protocol]
	switch {
	case w.Protocol == 0:
		refuse(w, "", "has no protocol")
	case name == "":
		refuse(w, "open it by hand in /etc/ufw/before.rules", "ufw has no name for protocol %d", w.Protocol)
	case !f.knows(name):
		refuse(w, "update ufw (0.36.2 knows it), or open it by hand in /etc/ufw/before.rules and leave the rule out", "this host's ufw does not know the protocol %s", name)
	}
	if len(w.Ports) > 0 && name != "tcp" && name != "udp" {
		refuse(w, "", "ufw knows no ports of protocol %d", w.Protocol)
	}
}

func (f *files) refuseFamily(w *rules.Rule, refuse func(*rules.Rule, string, string, ...any)) {
	if w.Remotes == nil || w.Remotes.Family(false).Empty() {
		return
	}
	if !f.six {
		refuse(w, `set IPV6=yes in /etc/default/ufw and run "ufw reload", or leave these addresses out`,
			"names IPv6 addresses, and ufw drops all IPv6 here (IPV6=no)")
	} else if onlyIPv4[w.Protocol] {
		refuse(w, "", "ufw takes protocol %s for IPv4 only, and the rule names IPv6 addresses", protocols[w.Protocol])
	}
}
