package tasks

import (
	"net/netip"
	"testing"

	"farmwall/rules"
)

// TestOwnedJoinsFamilies has places that hold one family each, as those of iptables do.
func TestOwnedJoinsFamilies(t *testing.T) {
	list := func(texts ...string) *rules.Addresses {
		var ps []netip.Prefix
		for _, s := range texts {
			ps = append(ps, netip.MustParsePrefix(s))
		}
		return rules.NewAddresses(ps)
	}
	rule := func(id string, port uint16, remotes *rules.Addresses) rules.Rule {
		return rules.Rule{ID: id, Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: port, Last: port}}, Remotes: remotes}
	}
	s := &rules.State{Places: []rules.Place{
		{Name: "table ip filter", Owned: []rules.Rule{rule("a", 1, list("10.0.0.0/8")), rule("b", 2, nil), rule("c", 3, list("10.0.0.0/8"))}},
		{Name: "table ip6 filter", Owned: []rules.Rule{rule("a", 1, list("fd00::/8")), rule("b", 2, nil), rule("c", 4, list("fd00::/8")), rule("d", 5, list("fd00::/8"))}},
	}}
	got := owned(s)
	want, err := rules.NewSet([]rules.Rule{rule("a", 1, list("10.0.0.0/8", "fd00::/8")), rule("b", 2, nil), rule("c", 3, list("10.0.0.0/8")), rule("d", 5, list("fd00::/8"))})
	if err != nil || got.Digest() != want.Digest() {
		t.Errorf("%v: %+v", err, got)
	}
}
