package rules

import (
	"net/netip"
	"sort"
)

// Everywhere is the two prefixes that anywhere stands for.
func Everywhere() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.IPv4Unspecified(), 0),
		netip.PrefixFrom(netip.IPv6Unspecified(), 0),
	}
}

// Listed returns the list as prefixes: anywhere becomes 0.0.0.0/0 and ::/0.
func (a *Addresses) Listed() *Addresses {
	if a == nil {
		return canonical(Everywhere())
	}
	return a
}

// Minus returns the addresses of a that are not in b. Anywhere minus a list is
// what remains of 0.0.0.0/0 and ::/0; anything minus anywhere is nobody; minus
// nobody it is a itself.
func (a *Addresses) Minus(b *Addresses) *Addresses {
	switch {
	case b == nil:
		return canonical(nil)
	case b.Empty() || a.Empty():
		return a
	case a != nil && a.hash == b.hash:
		return canonical(nil)
	}
	// What remains of disjoint, unjoinable prefixes can be joined no further, so
	// the result is canonical as it is.
	var out []netip.Prefix
	taken := b.prefixes
	for _, p := range a.Listed().prefixes {
		for len(taken) > 0 && !taken[0].Overlaps(p) && taken[0].Addr().Less(p.Addr()) {
			taken = taken[1:]
		}
		n := 0
		for n < len(taken) && taken[n].Overlaps(p) {
			n++
		}
		out = remains(out, p, taken[:n])
	}
	return canonical(out)
}

// remains appends what the prefix holds beside the taken ones, which are
// sorted, disjoint, and all overlap it.
func remains(out []netip.Prefix, p netip.Prefix, taken []netip.Prefix) []netip.Prefix {
	if len(taken) == 0 {
		return append(out, p)
	}
	if taken[0].Bits() <= p.Bits() {
		return out
	}
	low, high := halves(p)
	n := sort.Search(len(taken), func(i int) bool { return !taken[i].Addr().Less(high.Addr()) })
	return remains(remains(out, low, taken[:n]), high, taken[n:])
}

// halves splits a prefix that is not a single address.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	b := p.Addr().AsSlice()
	b[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	ip, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(ip, p.Bits()+1)
}

// Intersect returns the addresses that are in both.
func (a *Addresses) Intersect(b *Addresses) *Addresses {
	switch {
	case a == nil || b.Empty():
		return b
	case b == nil || a.Empty() || a.hash == b.hash:
		return a
	}
	// Of two prefixes that overlap one holds the other. The result is canonical:
	// where both halves of a whole are in a and in b, the whole is in each.
	var out []netip.Prefix
	ps, qs := a.prefixes, b.prefixes
	for len(ps) > 0 && len(qs) > 0 {
		p, q := ps[0], qs[0]
		switch {
		case !p.Overlaps(q) && p.Addr().Less(q.Addr()):
			ps = ps[1:]
		case !p.Overlaps(q):
			qs = qs[1:]
		case p.Bits() >= q.Bits():
			out, ps = append(out, p), ps[1:]
		default:
			out, qs = append(out, q), qs[1:]
		}
	}
	return canonical(out)
}

// Union returns the addresses that are in either.
func (a *Addresses) Union(b *Addresses) *Addresses {
	switch {
	case a == nil || b == nil:
		return nil
	case b.Empty() || a.hash == b.hash:
		return a
	case a.Empty():
		return b
	}
	return NewAddresses(append(append([]netip.Prefix(nil), a.prefixes...), b.prefixes...))
}

// Overlaps says whether some address is in both.
func (a *Addresses) Overlaps(b *Addresses) bool { return !a.Intersect(b).Empty() }

// Covers says whether every address of b is in a.
func (a *Addresses) Covers(b *Addresses) bool {
	if a == nil || a.Hash() == b.Hash() {
		return true
	}
	// The list is merged to the fewest prefixes, so one prefix of it alone holds
	// all of q, or nothing does.
	for _, q := range b.Listed().prefixes {
		i := sort.Search(len(a.prefixes), func(i int) bool { return q.Addr().Less(a.prefixes[i].Addr()) })
		if i == 0 || a.prefixes[i-1].Bits() > q.Bits() || !a.prefixes[i-1].Contains(q.Addr()) {
			return false
		}
	}
	return true
}
