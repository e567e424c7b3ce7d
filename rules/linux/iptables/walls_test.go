//go:build linux

package iptables_test

import (
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// TestTwoWalls has a table of nft beside iptables, both closed: each gets our rules, and
// one undo takes them back from both.
func TestTwoWalls(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.Listen("192.0.2.10:443", "[2001:db8::10]:443")
			h.restore(hosts["default drop"].with(backend))
			h.Feed(`table inet mine {
	chain in {
		type filter hook input priority 5; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		tcp dport 22 accept
	}
}
`, "nft", "-f", "-")
			whole := func() string { return h.Ruleset() + h.Sh("nft -s list table inet mine") }
			before := whole()
			if s := h.State(); s.Manager != "iptables+nftables" {
				t.Fatalf("the walls are %s", s.Manager)
			}
			r := h.Apply(someSet(t))
			for _, a := range []string{"192.0.2.10:443", "[2001:db8::10]:443"} {
				if !h.Opens(a) {
					t.Errorf("%s is closed:\n%s", a, whole())
				}
			}
			if r := h.Revert(r.Lease); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := whole(); after != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
			}
			h.Confirmed(someSet(t))
			h.NothingToDo(someSet(t))
			// A wall that goes is cleaned of what is ours.
			h.Sh(asked("P -P INPUT ACCEPT; P -F INPUT; ip6tables-"+backend+" -P INPUT ACCEPT; ip6tables-"+backend+" -F INPUT; P -P FORWARD ACCEPT", backend))
			if d := linuxtest.Show(system.Diff(h.State(), someSet(t))); !strings.Contains(d, "remove") {
				t.Errorf("what is left in a wall that is none is not found: %s", d)
			}
			h.Confirmed(someSet(t))
			h.NothingToDo(someSet(t))
			if strings.Contains(h.Ruleset(), "FARMWALL") {
				t.Errorf("our chains are left:\n%s", h.Ruleset())
			}
		})
	}
}
