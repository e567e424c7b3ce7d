//go:build linux

package ufw_test

import (
	"net/netip"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// TestUndoOnAFullDisk fills the file system that ufw's files and ours lie on, inside the
// window.
func TestUndoOnAFullDisk(t *testing.T) {
	soak(t)
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh("ufw allow 22/tcp")
	before := h.files()
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)})
	if r := h.Frame(system.Change(h.Request(h.State(), want, 12*time.Second))); r.Result != rules.Applied {
		t.Fatalf("change: %+v", r)
	}
	h.Sh("cat /dev/zero >/run/e1 2>/dev/null; for i in 1 2 3; do echo x >/run/more$i; done 2>/dev/null; true")
	if _, err := h.Try("echo word >/run/another && [ -s /run/another ]"); err == nil {
		t.Fatal("the disk is not full")
	}
	h.Sh("for i in $(seq 60); do [ -e /run/farmwall/token.done ] && break; sleep 1; done; rm -f /run/e1 /run/more* /run/another")
	if after := h.files(); after != before {
		t.Errorf("after the undo:\n%s", differences(before, after))
	}
	h.NothingToDo(nil)
	h.Confirmed(want)
	h.NothingToDo(want)
}

// TestLegacyBackEnd: ufw uses the iptables that the host has chosen, and so do we.
func TestLegacyBackEnd(t *testing.T) {
	soak(t)
	t.Parallel()
	linuxtest.Needs(t, "iptables-legacy", "update-alternatives")
	h := newHost(t, "sh")
	h.Sh(`ufw --force disable; nft flush ruleset
for p in iptables ip6tables; do update-alternatives --set $p /usr/sbin/$p-legacy; done
ufw --force enable; ufw allow 22/tcp; ufw reload`)
	before := h.Ruleset()
	want := everything(t)
	if r := h.Revert(h.Apply(want).Lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); after != before {
		t.Errorf("after the undo:\n%s", differences(before, after))
	}
	h.Confirmed(want)
	h.NothingToDo(want)
	h.Sh("ufw reload")
	h.NothingToDo(want)
}

// TestWithoutIPv6: ufw drops all IPv6 there, and rules that name only such addresses are
// refused.
func TestWithoutIPv6(t *testing.T) {
	soak(t)
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh("sed -i s/IPV6=yes/IPV6=no/ /etc/default/ufw; ufw --force disable; ufw --force enable")
	before := h.Ruleset()
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)}, rules.Rule{ID: "b", Protocol: rules.UDP, Ports: ports(80), Remotes: addresses("192.0.2.1/32")})
	h.Confirmed(want)
	h.NothingToDo(want)
	if err := system.Check(h.State(), set(t, rules.Rule{ID: "c", Protocol: rules.TCP, Ports: ports(81), Remotes: addresses("192.0.2.1/32", "2001:db8::1/128")})); err == nil {
		t.Error("IPv6 addresses are not refused")
	}
	h.Confirmed(nil)
	if after := h.Ruleset(); after != before {
		t.Errorf("after remove:\n%s", differences(before, after))
	}
}

// TestManyMembers loads a rule for 2,000 members.
func TestManyMembers(t *testing.T) {
	soak(t)
	const n = 2000
	h := newHost(t, "sh")
	var list []netip.Prefix
	for i := range n {
		list = append(list, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i << 1), 1}), 32))
	}
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80, 443), Remotes: rules.NewAddresses(list)})
	begun := time.Now()
	lease := h.Apply(want).Lease
	loaded := time.Now()
	h.Confirm(lease)
	confirmed := time.Now()
	h.NothingToDo(want)
	t.Logf("%d members: change %v, confirm %v, reading %v", n, loaded.Sub(begun), confirmed.Sub(loaded), time.Since(confirmed))
	h.Confirmed(nil)
	h.NothingToDo(nil)
}
