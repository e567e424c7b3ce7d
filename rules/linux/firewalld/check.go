package firewalld

import (
	"fmt"
	"strconv"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// most is how many rich rules farmwall writes: firewalld takes ten milliseconds for each of
// the first hundred, and over forty for each of two thousand.
const most = 1000

// Check refuses what rich rules cannot say.
func (Manager) Check(st *rules.State, want rules.Set) rules.Refusals {
	r := reading(st)
	s := read(r)
	if s == nil || !s.whole {
		return rules.Refusals{{Text: "firewalld's zones could not be read", Hint: `look at "firewall-cmd --state" and at /etc/farmwall/marks on the host`}}
	}
	out := s.refuse(want)
	out = append(out, refuseOutbound(r, want)...)
	if r.Init != "systemd" {
		out = append(out, rules.Refusal{
			Text: "firewalld rules this host and systemd does not start its services, so a reboot could keep what nobody confirmed",
			Hint: "leave this host out with -l, or change its firewall to nftables or iptables",
		})
	}
	if zones := s.needed(want); len(want) > 0 && len(s.zones) == 0 {
		out = append(out, rules.Refusal{Text: "firewalld has no zone that packets come in by", Hint: `look at "firewall-cmd --get-active-zones" on the host`})
	} else if n := count(inbound(want)) * len(zones); n > most {
		out = append(out, rules.Refusal{
			Text: fmt.Sprintf("%d rich rules would be needed, one for each source, port and zone, and firewalld takes minutes for more than %d", n, most),
			Hint: "name networks in ras_internal_networks instead of single members, or set farmwall_sources: peers",
		})
	}
	return out
}

func count(want rules.Set) int {
	n := 0
	for i := range want {
		n += len(say(&want[i]))
	}
	return n
}

// refuseOutbound refuses what a policy or a direct rule of firewalld closes on its way
// out: rich rules of a zone do not reach it.
func refuseOutbound(r *linux.Reading, want rules.Set) rules.Refusals {
	var out rules.Refusals
	if r.Ruleset == nil {
		return nil
	}
	for _, family := range []string{"inet", "ip", "ip6"} {
		t := r.Ruleset.Find(family, name)
		if t == nil {
			continue
		}
		for i := range want {
			w := &want[i]
			for _, c := range t.Chains {
				if w.Direction != rules.Out || c.Hook != "output" || c.Type != "filter" || !closes(r, t, c, w) {
					continue
				}
				out = append(out, rules.Refusal{
					Rule: w.ID, Text: fmt.Sprintf("a policy of firewalld closes what this host sends (chain %s), and only that policy can open it", c.Name),
					Hint: `add it there: firewall-cmd --permanent --policy NAME --add-rich-rule="rule ... accept"; or set farmwall_egress: never for this host`,
				})
				break
			}
		}
	}
	return out
}

func closes(r *linux.Reading, t *linux.Table, c *linux.Chain, w *rules.Rule) bool {
	f := rules.Flow{Direction: w.Direction, Protocol: w.Protocol, Remotes: w.Remotes, Loopback: w.Loopback}
	if len(w.Ports) > 0 {
		f.Port = w.Ports[0].First
	}
	return linux.ClosesByDefault(r, t, c, f)
}

// refuse is about the rules alone.
func (s *seen) refuse(want rules.Set) rules.Refusals {
	var no linux.Refusing
	for i := range want {
		w := &want[i]
		no.Rule(w, want[0].Farm)
		no.Protocol(w, "firewalld", portWords)
		no.Ports(w)
		if w.Block && !s.atLeast(0, 7) {
			no.Add(w, "update firewalld, or set farmwall_exposure: report for this host", "this host's firewalld %s knows no priorities, so what closes a port would also close it to those who may use it", s.version)
		}
	}
	return no.All
}

// atLeast says whether firewalld is of that version or later; an unknown one is not.
func (s *seen) atLeast(major, minor int) bool {
	f := strings.SplitN(s.version, ".", 3)
	if len(f) < 2 {
		return false
	}
	a, err1 := strconv.Atoi(f[0])
	b, err2 := strconv.Atoi(f[1])
	return err1 == nil && err2 == nil && (a > major || a == major && b >= minor)
}
