//go:build linux

package iptables_test

import (
	"strings"
	"testing"

	"farmwall/rules"
)

// TestTwoWalls has a table of nft beside iptables, both closed: each gets our rules, and
// one undo takes them back from both.
func TestTwoWalls(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.listen("192.0.2.10:443", "[2001:db8::10]:443")
			h.restore(hosts["default drop"].with(backend))
			h.feed(`table inet mine {
	chain in {
		type filter hook input priority 5; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		tcp dport 22 accept
	}
}
`, "nft", "-f", "-")
			whole := func() string { return h.ruleset() + h.sh("nft -s list table inet mine") }
			before := whole()
			if s := h.state(); s.Manager != "iptables+nftables" {
				t.Fatalf("the walls are %s", s.Manager)
			}
			r := h.apply(someSet(t))
			for _, a := range []string{"192.0.2.10:443", "[2001:db8::10]:443"} {
				if !h.opens(a) {
					t.Errorf("%s is closed:\n%s", a, whole())
				}
			}
			if r := h.revert(r.Lease); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := whole(); after != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
			}
			h.confirmed(someSet(t))
			h.nothingToDo(someSet(t))
			// A wall that goes is cleaned of what is ours.
			h.sh(asked("P -P INPUT ACCEPT; P -F INPUT; ip6tables-"+backend+" -P INPUT ACCEPT; ip6tables-"+backend+" -F INPUT; P -P FORWARD ACCEPT", backend))
			if d := show(system.Diff(h.state(), someSet(t))); !strings.Contains(d, "remove") {
				t.Errorf("what is left in a wall that is none is not found: %s", d)
			}
			h.confirmed(someSet(t))
			h.nothingToDo(someSet(t))
			if strings.Contains(h.ruleset(), "FARMWALL") {
				t.Errorf("our chains are left:\n%s", h.ruleset())
			}
		})
	}
}
