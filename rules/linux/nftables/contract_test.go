//go:build linux

package nftables_test

import (
	"testing"

	"farmwall/rules/linux/linuxtest"
	"farmwall/rules/rulestest"
)

// TestContract holds the dialect to the contract of all dialects, on hosts that were
// changed by it right now.
func TestContract(t *testing.T) {
	allowed, denied := linuxtest.SomeFlows()
	var fixtures []rulestest.Fixture
	for _, name := range []string{"default drop inet"} {
		h := newHost(t, "sh")
		h.nft(hosts[name])
		h.Confirmed(someSet(t))
		out, err := h.Run(system.Observe())
		if err != nil {
			t.Fatal(err)
		}
		fixtures = append(fixtures, rulestest.Fixture{
			Name: name, Observed: out, Holds: someSet(t),
			Allowed: allowed, Denied: denied,
		})
	}
	rulestest.Contract(t, system, fixtures...)
}
