package iptables_test

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
func someSet(t testing.TB) rules.Set { return linuxtest.SomeSet(t) }

// randomSet makes a set that is valid and canonical and otherwise anything.
func randomSet(t testing.TB, r *rand.Rand) rules.Set {
	protocols := []rules.Protocol{rules.TCP, rules.UDP, rules.VRRP, 1, 47, 58, 132, 255, 4, 136, 33, 41}
	return linuxtest.Range{Protocols: protocols, Ports: 30, Addresses: 300, Blocks: 8}.Set(t, r)
}
