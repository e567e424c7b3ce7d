package windows

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
)

func farm(r *rand.Rand, n int) []netip.Prefix {
	var ps []netip.Prefix
	seen := map[netip.Addr]bool{}
	for len(ps) < n {
		a := netip.AddrFrom4([4]byte{10, byte(r.IntN(4)), byte(r.IntN(256)), byte(r.IntN(256))})
		if r.IntN(10) == 0 {
			a = netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, 13: byte(r.IntN(8)), 14: byte(r.IntN(256)), 15: byte(r.IntN(256))})
		}
		if !seen[a] {
			seen[a] = true
			ps = append(ps, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return ps
}

// crowd is about half of n addresses that follow each other.
func crowd(r *rand.Rand, n int) []netip.Prefix {
	var ps []netip.Prefix
	for i := range n {
		if r.IntN(2) == 0 {
			ps = append(ps, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), 32))
		}
	}
	r.Shuffle(len(ps), func(i, j int) { ps[i], ps[j] = ps[j], ps[i] })
	return ps
}

func long(ps []netip.Prefix) *rules.Rule {
	return &rules.Rule{ID: "x", Farm: "north", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 20002, Last: 20002}}, Remotes: rules.NewAddresses(ps)}
}

// TestOneMemberMoreChangesOneRule: whatever the list is, one address more or less takes
// off at most one rule for each one or two that come, or the other way round.
func TestOneMemberMoreChangesOneRule(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := farm(r, []int{990, 1000, 1001, 1500, 2000, 5000}[r.IntN(6)])
		if seed%2 == 0 {
			list = crowd(r, 6000) // many are neighbours, so that one more may join two
		}
		before, after := map[string]int{}, map[string]int{}
		for _, p := range partsOf(long(list[1:])) {
			before[fmt.Sprint(p.rule.Mark(), p.number)]++
		}
		for _, p := range partsOf(long(list)) {
			after[fmt.Sprint(p.rule.Mark(), p.number)]++
		}
		gone, come := 0, 0
		for name := range before {
			if after[name] == 0 {
				gone++
			}
		}
		for name := range after {
			if before[name] == 0 {
				come++
			}
		}
		if gone != 1 || come < 1 || come > 2 {
			t.Errorf("seed %d, %d addresses: %d rules go and %d come of %d", seed, len(list), gone, come, len(before))
		}
	}
}

func TestPartsAreTheWhole(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := 1 + r.IntN(5000)
		w := long(farm(r, n))
		all := rules.NewAddresses(nil)
		numbers := map[int]bool{}
		parts := partsOf(w)
		for _, p := range parts {
			if have := len(p.rule.Remotes.Prefixes()); have > mostAddresses || have == 0 {
				t.Errorf("a part has %d addresses", have)
			}
			if numbers[p.number] {
				t.Errorf("part %d is there twice", p.number)
			}
			numbers[p.number] = true
			if all.Overlaps(p.rule.Remotes) {
				t.Error("two parts hold the same address")
			}
			all = all.Union(p.rule.Remotes)
			if name := fmt.Sprintf("%s:%d:%d", p.rule.Mark(), uint64(1<<62), p.number); !nameForm.MatchString(name) {
				t.Errorf("%s is no name of ours", name)
			}
		}
		if !all.Equal(w.Remotes) {
			t.Errorf("seed %d: the parts are not the whole", seed)
		}
		if len(parts) == 1 && parts[0].number != 0 {
			t.Errorf("a whole rule has the number %d", parts[0].number)
		}
		h := newHost()
		for _, p := range parts {
			h.add(stored(say(&p), 3))
		}
		if changes := diff(t, h, rules.Set{*w}); len(changes) > 0 {
			t.Errorf("seed %d: written and read, it differs: %s", seed, words(changes))
		}
	}
}

func TestAPartThatIsGoneIsMissed(t *testing.T) {
	w := long(farm(rand.New(rand.NewPCG(1, 3)), 2500))
	h := newHost()
	for _, p := range partsOf(w) {
		h.add(stored(say(&p), 3))
	}
	h.Local = h.Local[1:]
	if got := words(diff(t, h, rules.Set{*w})); got != "replace x" {
		t.Errorf("%q", got)
	}
	var c targetCopy
	if err := decodeStrict(target(t, h, rules.Set{*w}), &c); err != nil || len(c.Add) != 1 || len(c.Off) != 0 || len(c.Keep) != len(h.Local) {
		t.Errorf("%v: %d added, %d off, %d kept", err, len(c.Add), len(c.Off), len(c.Keep))
	}
}

func TestRemotesAreWrittenAsWindowsTakesThem(t *testing.T) {
	for want, a := range map[string]*rules.Addresses{
		"*":                               nil,
		"10.0.0.1,10.1.0.0/16":            from("10.1.0.0/16", "10.0.0.1"),
		"0.0.0.0-255.255.255.255":         from("0.0.0.0/0"),
		"2001:db8::9/128,2001:db8:1::/48": from("2001:db8:1::/48", "2001:db8::9"),
		"10.0.0.0/31,fe80::/10":           from("10.0.0.0", "10.0.0.1", "fe80::/10"),
	} {
		if got := remotesText(a); got != want {
			t.Errorf("%s is written %s, want %s", a, got, want)
		}
	}
	if got := remotesText(rules.NewAddresses(nil)); got == "" || strings.Contains(got, "*") {
		t.Errorf("nobody is written %q", got)
	}
}

func FuzzRemotes(f *testing.F) {
	f.Add([]byte{10, 0, 0, 0, 8}, true)
	f.Fuzz(func(t *testing.T, b []byte, ipv4 bool) {
		size := 17
		if ipv4 {
			size = 5
		}
		var ps []netip.Prefix
		for len(b) >= size {
			a, _ := netip.AddrFromSlice(b[:size-1])
			ps = append(ps, netip.PrefixFrom(a, int(b[size-1])%(a.BitLen()+1)))
			b = b[size:]
		}
		list := rules.NewAddresses(ps)
		if list.Empty() {
			return
		}
		for _, p := range list.Prefixes() {
			if unsayable(p) != "" {
				return
			}
		}
		var set addressSet
		for _, word := range strings.Split(remotesText(list), ",") {
			if !set.take(word, !strings.Contains(word, ":")) {
				t.Fatalf("%s is not read back", word)
			}
		}
		set.settle()
		if !addresses(set.spans).Equal(list) || !set.spans.Equal(fromPrefixes(list.Prefixes())) {
			t.Errorf("%s came back as %s", list, addresses(set.spans))
		}
	})
}

// many is a list that no merging makes shorter.
func many(n int) *rules.Addresses {
	ps := make([]netip.Prefix, n)
	for i := range ps {
		ps[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 15), byte(i >> 7), byte(i << 1)}), 32)
	}
	return rules.NewAddresses(ps)
}
