//go:build linux

package ufw_test

import (
	"testing"

	"farmwall/rules/linux"
	"farmwall/rules/linux/linuxtest"
	"farmwall/rules/linux/nftables"
	"farmwall/rules/linux/ufw"
)

// system is the dialect under test.
var system = linux.New(ufw.Manager{}, nftables.Manager{})

// machine is what the tests' hosts are, with ufw on as systemd would have it; nothing here
// asks systemd for anything that has to succeed. The ruleset is ufw's files and all that
// is loaded, as they are.
var machine = linuxtest.Machine{System: system, Programs: []string{"ufw"},
	Starts: `mkdir -p /run/systemd/system
ufw --force reset >&2
ufw --force enable >&2`,
	Ruleset: "cd /etc/ufw; head -n 9999 *.rules ufw.conf; { iptables-save; ip6tables-save; } | sed '/^#/d; s/ \\[[0-9:]*]$//'; ufw status numbered",
}

// host is a host with ufw enabled.
type host struct{ *linuxtest.Host }

func newHost(t testing.TB, shell string) *host {
	t.Helper()
	return &host{linuxtest.NewHost(t, machine, shell)}
}

// What the tests of all managers use.
var (
	addresses   = linuxtest.Addresses
	ports       = linuxtest.Ports
	set         = linuxtest.NewSet
	show        = linuxtest.Show
	differences = linuxtest.Differences
	soak        = linuxtest.Soak
)
