//go:build linux

package iptables_test

import (
	"testing"

	"farmwall/rules"
	"farmwall/rules/rulestest"
)

// TestContract holds the dialect to the contract of all dialects, on hosts of both back
// ends that were changed by it right now.
func TestContract(t *testing.T) {
	remote := list("192.0.2.1/32")
	stranger := list("198.51.100.7/32")
	var fixtures []rulestest.Fixture
	for name, backend := range map[string]string{"default drop": "nft", "last rule": "legacy"} {
		h := newHost(t, "sh")
		h.restore(hosts[name].with(backend))
		h.confirmed(someSet(t))
		out, err := h.run(system.Observe())
		if err != nil {
			t.Fatal(err)
		}
		fixtures = append(fixtures, rulestest.Fixture{
			Name: name + ", " + backend, Observed: out, Holds: someSet(t),
			Allowed: []rules.Flow{
				{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: remote},
				{Direction: rules.In, Protocol: rules.TCP, Port: 80, Remotes: stranger},
				{Direction: rules.In, Protocol: rules.VRRP, Remotes: remote},
				{Direction: rules.In, Protocol: rules.UDP, Port: 20005, Remotes: list("10.1.2.3/32")},
			},
			Denied: []rules.Flow{
				{Direction: rules.In, Protocol: rules.TCP, Port: 81, Remotes: remote},
				{Direction: rules.In, Protocol: rules.UDP, Port: 20005, Remotes: stranger},
				{Direction: rules.In, Protocol: rules.VRRP, Remotes: stranger},
			},
		})
	}
	rulestest.Contract(t, system, fixtures...)
}
