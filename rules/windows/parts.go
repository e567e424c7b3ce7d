package windows

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"net/netip"
	"slices"

	"farmwall/rules"
)

// mostAddresses is how many entries one rule of Windows holds; the limit is not
// documented, others keep to this one.
const mostAddresses = 1000

// mostParts bounds how many rules one of ours may become. A firewall with thousands of
// rules is slow for everybody.
const mostParts = 256

// wantedPart is a rule as it is to stand in Windows: a whole rule has the number 0.
type wantedPart struct {
	rule   rules.Rule
	number int
}

// partsOf cuts a rule with a long address list. Which part an entry belongs to is
// decided by a hash of the network around it alone, so what else is in the list does
// not matter: a new member changes one part, or splits it in two when it is full, or
// (one that goes) joins two that fit into one. The number of a part is its place in the
// tree of halves: 1 is the whole, n has the halves 2n and 2n+1.
func partsOf(r *rules.Rule) []wantedPart { return cutInto(r, mostAddresses) }

// cutInto cuts into parts of at most that many entries.
func cutInto(r *rules.Rule, most int) []wantedPart {
	list := r.Remotes.Prefixes()
	if len(list) <= most {
		return []wantedPart{{rule: *r}}
	}
	entries := make([]entry, len(list))
	for i, p := range list {
		entries[i] = entry{key: placeKey(p), prefix: p}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return bytes.Compare(a.key[:], b.key[:]) })
	var out []wantedPart
	halve(entries, most, 0, 1, func(group []entry, number int) {
		prefixes := make([]netip.Prefix, len(group))
		for i := range group {
			prefixes[i] = group[i].prefix
		}
		part := *r
		part.Remotes = rules.NewAddresses(prefixes)
		out = append(out, wantedPart{rule: part, number: number})
	})
	slices.SortFunc(out, func(a, b wantedPart) int { return cmp.Compare(a.number, b.number) })
	return out
}

type entry struct {
	key    [8]byte
	prefix netip.Prefix
}

// placeKey says to which part an entry belongs: by the network of 256 addresses that
// it lies in, so that entries which become one entry were in one part before.
func placeKey(p netip.Prefix) [8]byte {
	around := p.Addr().BitLen() - 8
	if p.Bits() > around {
		p = netip.PrefixFrom(p.Addr(), around).Masked()
	}
	b, _ := p.MarshalBinary() // cannot fail
	sum := sha256.Sum256(b)
	return [8]byte(sum[:8])
}

// halve cuts entries, sorted by key, at the next bit of their keys until each group fits.
// 20 bits are more than mostParts ever needs.
func halve(entries []entry, most, depth, number int, emit func([]entry, int)) {
	if len(entries) == 0 {
		return
	}
	if len(entries) <= most || depth == 20 {
		emit(entries, number)
		return
	}
	n, _ := slices.BinarySearchFunc(entries, 1, func(e entry, _ int) int {
		return int(e.key[depth/8]>>(7-depth%8)&1) - 1
	})
	halve(entries[:n], most, depth+1, 2*number, emit)
	halve(entries[n:], most, depth+1, 2*number+1, emit)
}
