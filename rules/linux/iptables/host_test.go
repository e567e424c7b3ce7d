//go:build linux

package iptables_test

import (
	"testing"

	"farmwall/rules/linux"
	"farmwall/rules/linux/iptables"
	"farmwall/rules/linux/linuxtest"
	"farmwall/rules/linux/nftables"
)

// system is the dialect under test, with the manager of a host's other tables beside it.
var system = linux.New(iptables.Manager{}, nftables.Manager{})

// machine is what the tests' hosts are. The ruleset is all that iptables knows in both
// back ends, and what nft knows besides, without counters.
var machine = linuxtest.Machine{System: system, Programs: []string{"iptables-nft-restore", "iptables-legacy-restore"}, Foreign: foreignOnly,
	Ruleset: `for f in ip ip6; do
	p=iptables; [ $f = ip ] || p=ip6tables
	[ -z "$(cat /proc/net/${f}_tables_names)" ] || { echo "= $f legacy"; $p-legacy-save; }
	echo "= $f nft"; $p-nft-save
done 2>/dev/null | sed '/^#/d; /^:/s/ \[.*//'
nft -s list table inet farmwall 2>/dev/null || :`}

// host is a host with iptables of both back ends.
type host struct{ *linuxtest.Host }

func newHost(t testing.TB, shell string) *host {
	t.Helper()
	return &host{linuxtest.NewHost(t, machine, shell)}
}

// wall is the rules of iptables that a change may find: of one back end, both families.
type wall struct{ backend, v4, v6 string }

// restore loads the wall over whatever is there.
func (h *host) restore(w wall) {
	h.T.Helper()
	for program, text := range map[string]string{"iptables": w.v4, "ip6tables": w.v6} {
		if text != "" {
			h.Feed(text, program+"-"+w.backend+"-restore")
		}
	}
}
