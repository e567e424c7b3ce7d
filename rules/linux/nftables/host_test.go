//go:build linux

package nftables_test

import (
	"testing"

	"farmwall/rules/linux"
	"farmwall/rules/linux/linuxtest"
	"farmwall/rules/linux/nftables"
)

// system is the dialect under test.
var system = linux.New(nftables.Manager{})

// machine is what the tests' hosts are; the ruleset is without handles and counters.
var machine = linuxtest.Machine{System: system, Ruleset: "nft -s list ruleset", Foreign: foreignOnly}

// host is a host that nftables alone rules.
type host struct{ *linuxtest.Host }

func newHost(t testing.TB, shell string) *host {
	t.Helper()
	return &host{linuxtest.NewHost(t, machine, shell)}
}

// nft loads a ruleset.
func (h *host) nft(ruleset string) {
	h.T.Helper()
	h.Feed(ruleset, "nft", "-f", "-")
}
