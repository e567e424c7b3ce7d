package nftables_test

import (
	"math/rand/v2"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// What the tests of all managers write.
var (
	list     = linuxtest.Addresses
	ports    = linuxtest.Ports
	newSet   = linuxtest.NewSet
	otherSet = linuxtest.OtherSet
)

// someSet is a set with something of everything.
func someSet(t testing.TB) rules.Set {
	return linuxtest.SomeSet(t,
		rules.Rule{ID: "exposure.udp-20000-20009", Protocol: rules.UDP, Ports: []rules.PortRange{{First: 20000, Last: 20009}}, Block: true},
		rules.Rule{ID: "exposure.112", Protocol: rules.VRRP, Block: true},
	)
}

// randomSet makes a set that is valid and canonical and otherwise anything.
func randomSet(t testing.TB, r *rand.Rand) rules.Set {
	return linuxtest.Range{Protocols: []rules.Protocol{rules.TCP, rules.UDP, rules.VRRP, 1, 47, 58, 132}, Ports: 6, Blocks: 6}.Set(t, r)
}
