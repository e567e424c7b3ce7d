package rules

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// The universe of these tests is two blocks of 32 addresses, small enough to
// count every one.
var blocks = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/27"), netip.MustParsePrefix("fd00::/123")}

func universe() []netip.Addr {
	var all []netip.Addr
	for _, b := range blocks {
		for ip := b.Addr(); b.Contains(ip); ip = ip.Next() {
			all = append(all, ip)
		}
	}
	return all
}

func randomPrefixes(r *rand.Rand) []netip.Prefix {
	ps := make([]netip.Prefix, r.IntN(9))
	for i := range ps {
		b := blocks[r.IntN(2)]
		ip := b.Addr()
		for range r.IntN(32) {
			ip = ip.Next()
		}
		ps[i] = netip.PrefixFrom(ip, b.Bits()+r.IntN(6))
	}
	return ps
}

// isCanonical is written without the code that it checks.
func isCanonical(a *Addresses) error {
	ps := a.Prefixes()
	for i, p := range ps {
		if p != p.Masked() {
			return fmt.Errorf("%v is not masked", p)
		}
		for _, q := range ps[i+1:] {
			if p.Overlaps(q) || !p.Addr().Less(q.Addr()) {
				return fmt.Errorf("%v and %v overlap or stand in the wrong order", p, q)
			}
			if p.Bits() == q.Bits() && p.Bits() > 0 && netip.PrefixFrom(p.Addr(), p.Bits()-1).Masked() == netip.PrefixFrom(q.Addr(), q.Bits()-1).Masked() {
				return fmt.Errorf("%v and %v are two halves", p, q)
			}
		}
	}
	return nil
}

func TestAlgebraAgainstCounting(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	all := universe()
	for range 3000 {
		a, b := NewAddresses(randomPrefixes(r)), NewAddresses(randomPrefixes(r))
		if r.IntN(12) == 0 {
			a = nil
		}
		if r.IntN(12) == 0 {
			b = nil
		}
		minus, both, either := a.Minus(b), a.Intersect(b), a.Union(b)
		for name, l := range map[string]*Addresses{"minus": minus, "intersect": both, "union": either} {
			if err := isCanonical(l); err != nil {
				t.Fatalf("%v %s %v: %v", texts(a), name, texts(b), err)
			}
			if l != nil && l.Hash() != NewAddresses(l.Prefixes()).Hash() {
				t.Fatalf("%s: hash of %v is not its content's", name, texts(l))
			}
		}
		covers, overlaps := a != nil || b == nil, a == nil && b == nil
		for _, ip := range all {
			inA, inB := a.Contains(ip), b.Contains(ip)
			if minus.Contains(ip) != (inA && !inB) || both.Contains(ip) != (inA && inB) || either.Contains(ip) != (inA || inB) {
				t.Fatalf("%v in A %v, B %v: minus %v, intersect %v, union %v", ip, texts(a), texts(b), texts(minus), texts(both), texts(either))
			}
			covers = covers && (inA || !inB)
			overlaps = overlaps || inA && inB
		}
		if a == nil {
			covers = true
		} else if b == nil {
			covers = false
		}
		if a.Covers(b) != covers {
			t.Fatalf("%v covers %v: %v", texts(a), texts(b), !covers)
		}
		if a.Overlaps(b) != overlaps {
			t.Fatalf("%v overlaps %v: %v", texts(a), texts(b), !overlaps)
		}
	}
}

func TestMinusFromAnywhere(t *testing.T) {
	var anywhere *Addresses
	rest := anywhere.Minus(list("128.0.0.0/1", "::1/128"))
	if got := texts(rest.Family(true)); !slices.Equal(got, []string{"0.0.0.0/1"}) {
		t.Errorf("IPv4: %v", got)
	}
	if v6 := rest.Family(false); len(v6.Prefixes()) != 128 || v6.Contains(netip.MustParseAddr("::1")) || !v6.Contains(netip.MustParseAddr("::2")) {
		t.Errorf("IPv6: %v", texts(v6))
	}
	if anywhere.Minus(NewAddresses(nil)) != nil {
		t.Error("anywhere without nobody is anywhere")
	}
	if !anywhere.Minus(nil).Empty() || !anywhere.Minus(list("0.0.0.0/0", "::/0")).Empty() {
		t.Error("anywhere without everybody is nobody")
	}
	if !list("0.0.0.0/0", "::/0").Covers(nil) || list("0.0.0.0/0").Covers(nil) {
		t.Error("both families together cover anywhere, one does not")
	}
}

func FuzzAddresses(f *testing.F) {
	f.Add([]byte{4, 10, 0, 0, 1, 32, 4, 10, 0, 0, 0, 24}, []byte{6, 1, 2, 3, 4, 99})
	f.Add([]byte{0, 0, 0, 0, 0, 0}, []byte{1, 255, 255, 255, 255, 200})
	read := func(b []byte) []netip.Prefix {
		var ps []netip.Prefix
		for ; len(b) >= 6; b = b[6:] {
			ip4 := [4]byte(b[1:5])
			ip := netip.AddrFrom4(ip4)
			if b[0]&1 == 1 {
				var ip6 [16]byte
				copy(ip6[:4], ip4[:])
				copy(ip6[12:], ip4[:])
				if b[0]&2 == 2 { // mapped
					ip6 = ip.As16()
				}
				ip = netip.AddrFrom16(ip6)
			}
			ps = append(ps, netip.PrefixFrom(ip, int(b[5])-1))
		}
		return ps
	}
	f.Fuzz(func(t *testing.T, x, y []byte) {
		ps := read(x)
		a, b := NewAddresses(ps), NewAddresses(read(y))
		if err := isCanonical(a); err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			if p.IsValid() && !a.Contains(p.Masked().Addr()) && !p.Addr().Is4In6() {
				t.Fatalf("%v is lost in %v", p, texts(a))
			}
		}
		if left, both := a.Minus(b), a.Intersect(b); !left.Union(both).Equal(a) || left.Overlaps(b) || !b.Covers(both) {
			t.Fatalf("A %v, B %v: minus %v, intersect %v", texts(a), texts(b), texts(left), texts(both))
		}
	})
}

func BenchmarkMinus(b *testing.B) {
	var ps, qs []netip.Prefix
	for i := range 2000 {
		ip := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), byte(i * 7)})
		ps = append(ps, netip.PrefixFrom(ip, 32))
		if i%2 == 0 {
			qs = append(qs, netip.PrefixFrom(ip, 30))
		}
	}
	x, y := NewAddresses(ps), NewAddresses(qs)
	for b.Loop() {
		x.Minus(y)
	}
}
