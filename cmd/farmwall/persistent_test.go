//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
)

// siteRules is what an administrator of iptables keeps in rules.v4 and rules.v6.
const siteRules = `mkdir -p /etc/iptables
cat >/etc/iptables/rules.v4 <<'END'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "admins; \"all\" of them" -j ACCEPT
COMMIT
END
cat >/etc/iptables/rules.v6 <<'END'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -p ipv6-icmp -j ACCEPT
COMMIT
END
`

// savedRules is all that iptables knows of the back end that the machine's iptables is of.
const savedRules = `{ iptables-save; ip6tables-save; } 2>/dev/null | sed '/^#/d; s/ \[[0-9:]*]$//'`

// unpacked is where .ci/setup puts Debian's netfilter-persistent, which cannot be
// installed beside ufw.
const unpacked = "/var/lib/farmwall-test"

func TestNetfilterPersistentKeepsWhatIsConfirmedAndNothingElse(t *testing.T) {
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd", "iptables-nft-restore") {
		return
	}
	if _, err := os.Stat(unpacked + "/usr/sbin/netfilter-persistent"); err != nil {
		unable(t, "netfilter-persistent is not in "+unpacked+"; .ci/setup puts it there")
	}
	m := newManaged(t, "netfilter-persistent.service", siteRules+`for d in etc lib usr; do cp -a `+unpacked+`/$d/. /$d/; done
systemctl daemon-reload
systemctl restart netfilter-persistent`, savedRules, "systemctl restart netfilter-persistent", "systemctl stop netfilter-persistent; systemctl start netfilter-persistent")
	if os.Getenv("FARMWALL_SOAK") == "1" {
		m.stays()
	}
	before := m.foreign()
	mustFarmwall(t, 0, append([]string{"apply", "-y"}, m.flags...)...)
	held := m.foreign()
	check := func(when string) {
		t.Helper()
		m.expect(when, map[string]bool{"80": true})
		m.same(when, held, m.foreign())
		mustFarmwall(t, 0, append([]string{"plan", "--detailed-exitcode"}, m.flags...)...)
	}
	check("after apply")
	m.in("systemctl", "restart", "netfilter-persistent")
	check("after a restart of netfilter-persistent")
	// What the administrator freezes with our rules in it does no harm.
	m.in("sh", "-c", "cp -a /etc/iptables /etc/iptables.own; netfilter-persistent save")
	m.reboot()
	check("frozen, after a reboot")
	if n := strings.Count(m.foreign(), "-j FARMWALL-IN"); n != 2 {
		t.Errorf("%d jumps in two families", n)
	}
	m.in("sh", "-c", "cp -a /etc/iptables.own/. /etc/iptables")
	mustFarmwall(t, 0, append([]string{"remove", "-y"}, m.flags...)...)
	m.same("after remove", before, m.foreign())
	if left := m.left(); left != "" {
		t.Errorf("remove left %q", left)
	}
}

// TestAScriptOfIptablesKeepsWhatIsConfirmedAndNothingElse has no manager at all: legacy
// rules that a unit of the administrator's loads at boot.
func TestAScriptOfIptablesKeepsWhatIsConfirmedAndNothingElse(t *testing.T) {
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("three boots of a machine; make soak")
	}
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd", "iptables-legacy-restore") {
		return
	}
	m := newManaged(t, "site.service", siteRules+`for p in iptables ip6tables; do update-alternatives --set $p /usr/sbin/$p-legacy; done
cat >/lib/systemd/system/site.service <<'END'
[Unit]
DefaultDependencies=no
Before=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c "iptables-restore </etc/iptables/rules.v4; ip6tables-restore </etc/iptables/rules.v6"
END
systemctl daemon-reload
systemctl restart site`, savedRules)
	m.stays()
}
