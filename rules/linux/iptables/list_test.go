package iptables

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux"
	"farmwall/rules/linux/linuxtest"
)

// saveOf is a save of a table filter with these chains and rules.
func saveOf(t testing.TB, chains, body []string) *linux.SaveTable {
	t.Helper()
	text := "*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
	for _, c := range chains {
		text += ":" + c + " - [0:0]\n"
	}
	s, err := linux.ParseSave(text + strings.Join(append(body, "COMMIT"), "\n") + "\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s.Table(filter)
}

var addresses = linuxtest.Addresses

// TestListsReadBack writes lists of every size and reads them back, and counts how many
// rules a packet is compared with.
func TestListsReadBack(t *testing.T) {
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for _, size := range []int{2, 3, flat, flat + 1, 100, 500, 2000} {
		for _, shape := range []string{"one block", "blocks", "anywhere", "IPv6"} {
			var ps []netip.Prefix
			for i := range size {
				a := netip.AddrFrom4([4]byte{10, 7, byte(i >> 7), byte(i << 1)})
				bits := 32
				switch shape {
				case "blocks":
					a = netip.AddrFrom4([4]byte{10, byte(i % 7), byte(i >> 8), byte(i)})
				case "anywhere":
					a, bits = netip.AddrFrom4([4]byte{byte(r.IntN(224)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}), 20+r.IntN(13)
				case "IPv6":
					a, bits = netip.AddrFrom16([16]byte{0: 0xfd, 6: byte(i % 5), 14: byte(i >> 8), 15: byte(i)}), 128
				}
				ps = append(ps, netip.PrefixFrom(a, bits))
			}
			list := rules.NewAddresses(ps)
			if len(list.Prefixes()) < 2 {
				continue
			}
			chains, body := writeList(rules.In, list)
			table := saveOf(t, chains, body)
			got, ok := listed(table, rules.In, listName(rules.In, list), 0)
			if !ok || !got.Equal(list) {
				t.Errorf("%d of %s reads back as %v, %v", size, shape, got, ok)
			}
			most := 0
			for _, c := range table.Chains {
				if !ourChain(c.Name) {
					continue
				}
				if len(c.Name) > 28 || !listChain.MatchString(c.Name) {
					t.Errorf("the chain %s", c.Name)
				}
				most = max(most, len(c.Rules))
			}
			if n := len(list.Prefixes()); n > 1000 && shape != "anywhere" && most > n/4 {
				t.Errorf("%d of %s: a chain of %d rules", n, shape, most)
			}
		}
	}
}

// TestListsThatAreNone are chains that do more or less than a list does.
func TestListsThatAreNone(t *testing.T) {
	const name = "FARMWALL-S-0123456789ab"
	for what, body := range map[string][]string{
		"a drop":              {"-A " + name + " -s 10.0.0.1/32 -j DROP"},
		"a port":              {"-A " + name + " -s 10.0.0.1/32 -p tcp -j ACCEPT"},
		"anybody":             {"-A " + name + " -j ACCEPT"},
		"not":                 {"-A " + name + " ! -s 10.0.0.1/32 -j ACCEPT"},
		"the other end":       {"-A " + name + " -d 10.0.0.1/32 -j ACCEPT"},
		"goto":                {"-A " + name + " -s 10.0.0.0/8 -g FARMWALL-S-0123456789ab-0"},
		"a chain of others":   {"-A " + name + " -s 10.0.0.0/8 -j INPUT"},
		"itself":              {"-A " + name + " -s 10.0.0.0/8 -j " + name},
		"a mask with gaps":    {"-A " + name + " -s 10.0.0.1/255.0.255.0 -j ACCEPT"},
		"a set":               {"-A " + name + " -m set --match-set x src -j ACCEPT"},
		"a list of something": {"-A " + name + " -s 10.0.0.0/8 -j FARMWALL-S-0123456789ab-0", "-A FARMWALL-S-0123456789ab-0 -j ACCEPT"},
	} {
		table := saveOf(t, []string{name, "FARMWALL-S-0123456789ab-0"}, body)
		if got, ok := listed(table, rules.In, name, 0); ok {
			t.Errorf("%s is the list %v", what, got)
		}
	}
	// What is outside the group's prefix is not let in by it.
	table := saveOf(t, []string{name, "FARMWALL-S-0123456789ab-0"}, []string{
		"-A " + name + " -s 10.0.0.0/255.255.255.0 -j FARMWALL-S-0123456789ab-0", "-A " + name + " -s 192.0.2.1 -j ACCEPT",
		"-A FARMWALL-S-0123456789ab-0 -s 10.0.0.1/32 -j ACCEPT", "-A FARMWALL-S-0123456789ab-0 -s 10.1.0.1/32 -j ACCEPT",
	})
	if got, ok := listed(table, rules.In, name, 0); !ok || !got.Equal(addresses("10.0.0.1/32", "192.0.2.1/32")) {
		t.Errorf("%v, %v", got, ok)
	}
}

// FuzzGrouped holds that groups are disjoint, small, in order and complete.
func FuzzGrouped(f *testing.F) {
	f.Add([]byte{10, 0, 0, 1, 32, 10, 0, 0, 2, 32, 10, 0, 0, 9, 30}, 1)
	f.Add([]byte{0, 0, 0, 0, 1, 128, 0, 0, 0, 1}, 3)
	f.Fuzz(func(t *testing.T, b []byte, most int) {
		var ps []netip.Prefix
		for b = b[:min(len(b), 500)]; len(b) >= 5; b = b[5:] {
			ps = append(ps, netip.PrefixFrom(netip.AddrFrom4([4]byte(b[:4])), int(b[4])%33).Masked())
		}
		list := rules.NewAddresses(ps).Prefixes()
		if len(list) == 0 || most < 1 {
			return
		}
		var again []netip.Prefix
		for i, g := range grouped(list, most) {
			if len(g.members) == 0 || len(g.members) > most {
				t.Fatalf("group %d of %v has %d members", i, list, len(g.members))
			}
			for j, p := range list {
				inside := j >= len(again) && j < len(again)+len(g.members)
				if inside != g.cover.Overlaps(p) {
					t.Fatalf("%v covers %v: %v", g.cover, p, !inside)
				}
			}
			again = append(again, g.members...)
		}
		if fmt.Sprint(again) != fmt.Sprint(list) {
			t.Fatalf("%v became %v", list, again)
		}
	})
}
