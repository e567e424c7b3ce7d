//go:build linux

package firewalld_test

import (
	"testing"

	"farmwall/rules/linux"
	"farmwall/rules/linux/firewalld"
	"farmwall/rules/linux/linuxtest"
	"farmwall/rules/linux/nftables"
)

// system is the dialect under test.
var system = linux.New(firewalld.Manager{}, nftables.Manager{})

// machine is what the tests' hosts are, with a firewalld of their own as systemd would
// have it; nothing here asks systemd for anything that has to succeed. The ruleset is all
// that firewalld holds, loaded and permanent.
var machine = linuxtest.Machine{System: system, Programs: []string{"dbus-daemon", "firewall-cmd", "busctl"},
	Starts: `mkdir -p /run/systemd/system /run/dbus
dbus-daemon --system --nofork --nopidfile >/dev/null 2>&1 &
while [ ! -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
` + startFirewalld,
	Ruleset: "nft list table inet firewalld; echo permanent; cd /etc/firewalld/zones; cat public.xml internal.xml docker.xml 2>/dev/null || true",
}

// startFirewalld is shell text that starts the service and waits until it answers.
const startFirewalld = `firewalld --nofork >/dev/null 2>&1 &
until busctl --auto-start=no call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1 getDefaultZone >/dev/null 2>&1; do sleep 0.1; done`

// host is a host with a firewalld of its own.
type host struct{ *linuxtest.Host }

func newHost(t testing.TB) *host {
	t.Helper()
	return &host{linuxtest.NewHost(t, machine, "sh")}
}

// What the tests of all managers use.
var (
	addresses   = linuxtest.Addresses
	ports       = linuxtest.Ports
	set         = linuxtest.NewSet
	differences = linuxtest.Differences
)
