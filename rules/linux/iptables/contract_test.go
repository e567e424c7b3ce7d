//go:build linux

package iptables_test

import (
	"testing"

	"farmwall/rules/linux/linuxtest"
	"farmwall/rules/rulestest"
)

// TestContract holds the dialect to the contract of all dialects, on hosts of both back
// ends that were changed by it right now.
func TestContract(t *testing.T) {
	allowed, denied := linuxtest.SomeFlows()
	var fixtures []rulestest.Fixture
	for name, backend := range map[string]string{"default drop": "nft", "last rule": "legacy"} {
		h := newHost(t, "sh")
		h.restore(hosts[name].with(backend))
		h.Confirmed(someSet(t))
		out, err := h.Run(system.Observe())
		if err != nil {
			t.Fatal(err)
		}
		fixtures = append(fixtures, rulestest.Fixture{
			Name: name + ", " + backend, Observed: out, Holds: someSet(t),
			Allowed: allowed, Denied: denied,
		})
	}
	rulestest.Contract(t, system, fixtures...)
}
