//go:build linux

package lab

import (
	"net/netip"
	"strings"
	"testing"
)

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, s := range texts {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

func TestAllMistakesAtOnce(t *testing.T) {
	err := check([]HostSpec{
		{Name: "a", Addresses: addrs("10.0.0.1")},
		{Name: "a", Addresses: addrs("10.0.0.2")},
		{Name: "b;c", Addresses: addrs("10.0.0.3")},
		{Name: "d", Addresses: addrs("10.0.0.1", "127.0.0.1", "fe80::1")},
		{Name: "e"},
		{Name: "f", Addresses: addrs("10.0.0.4"), Port: 70000},
		{Name: "g", Addresses: addrs("10.0.0.5"), DiskKB: 1},
		{Name: "h", Addresses: addrs("10.0.0.6"), Names: []string{"a"}},
	}, nil, addrs("10.0.0.6"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"two hosts of this name", `"b;c" is no host name`, "10.0.0.1 belongs to a already", "127.0.0.1 is no address", "fe80::1 is no address",
		"e has no address", "port 70000", "1 KiB is too small", "the controller: address 10.0.0.6 belongs to h already",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "two hosts of this name"); n != 2 {
		t.Errorf("%d doubled names, want 2:\n%v", n, err)
	}
	if check(nil, nil, nil) == nil {
		t.Error("a lab without hosts")
	}
}

func TestControllerGetsFreeAddresses(t *testing.T) {
	hosts := []HostSpec{
		{Name: "a", Addresses: addrs("10.1.0.254", "10.1.0.253", "fd00:1::fe")},
		{Name: "b", Addresses: addrs("10.2.0.7", "fd00:2::1")},
	}
	got, err := freeAddresses(hosts)
	if err != nil || len(got) != 2 || got[0] != netip.MustParseAddr("10.1.0.252") || got[1] != netip.MustParseAddr("fd00:1::fd") {
		t.Errorf("%v %v", got, err)
	}
	var nets []string
	for _, n := range networks(hosts, got) {
		nets = append(nets, n.String())
	}
	if want := "10.1.0.0/24 10.2.0.0/24 fd00:1::/64 fd00:2::/64"; strings.Join(nets, " ") != want {
		t.Errorf("networks %v, want %s", nets, want)
	}
}
