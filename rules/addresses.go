package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"sort"
)

// Addresses is a list of prefixes, IPv4 and IPv6 together: sorted, masked,
// merged to the fewest prefixes, and immutable, so one value is shared by all
// hosts. A nil *Addresses means anywhere. Make one with NewAddresses.
type Addresses struct {
	prefixes []netip.Prefix
	hash     string
}

// NewAddresses makes the canonical list of the prefixes. IPv4-mapped IPv6
// addresses count as IPv4; invalid prefixes are left out.
func NewAddresses(prefixes []netip.Prefix) *Addresses { return canonical(merge(prefixes)) }

// canonical wraps a list that is sorted, masked and merged already.
func canonical(merged []netip.Prefix) *Addresses {
	const width = 18 // family, 16 bytes of address, length
	b := make([]byte, 0, width*len(merged))
	for _, p := range merged {
		family, ip := byte(6), p.Addr().As16()
		if p.Addr().Is4() {
			family = 4
		}
		b = append(b, family)
		b = append(b, ip[:]...)
		b = append(b, byte(p.Bits()))
	}
	sum := sha256.Sum256(b)
	return &Addresses{prefixes: merged, hash: hex.EncodeToString(sum[:])}
}

// Prefixes returns the list; the caller must not change it.
func (a *Addresses) Prefixes() []netip.Prefix {
	if a == nil {
		return nil
	}
	return a.prefixes
}

// Hash names the list by its content: SHA-256 in hex, empty for anywhere.
func (a *Addresses) Hash() string {
	if a == nil {
		return ""
	}
	return a.hash
}

// Equal compares by content.
func (a *Addresses) Equal(b *Addresses) bool { return a.Hash() == b.Hash() }

// Empty says whether the list names nobody; anywhere is not empty.
func (a *Addresses) Empty() bool { return a != nil && len(a.prefixes) == 0 }

// Family returns the part of the list that is IPv4 (or IPv6). Anywhere stays anywhere.
func (a *Addresses) Family(ipv4 bool) *Addresses {
	if a == nil {
		return nil
	}
	// IPv4 sorts before IPv6.
	first6 := sort.Search(len(a.prefixes), func(i int) bool { return !a.prefixes[i].Addr().Is4() })
	part := a.prefixes[first6:]
	if ipv4 {
		part = a.prefixes[:first6:first6]
	}
	if len(part) == len(a.prefixes) {
		return a
	}
	return canonical(part)
}

// Contains says whether the list, or anywhere, holds the address. A zone is
// passed over: prefixes have none.
func (a *Addresses) Contains(ip netip.Addr) bool {
	if a == nil {
		return ip.IsValid()
	}
	ip = ip.Unmap().WithZone("")
	i := sort.Search(len(a.prefixes), func(i int) bool { return ip.Less(a.prefixes[i].Addr()) })
	return i > 0 && a.prefixes[i-1].Contains(ip)
}

// MarshalJSON writes the prefixes as a list of texts; nobody is [], never null.
func (a *Addresses) MarshalJSON() ([]byte, error) {
	if a == nil {
		return []byte("null"), nil
	}
	if len(a.prefixes) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal(a.prefixes)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Addresses) UnmarshalJSON(b []byte) error {
	var ps []netip.Prefix
	if err := json.Unmarshal(b, &ps); err != nil {
		return err
	}
	if ps == nil {
		return fmt.Errorf("a list of addresses cannot be null")
	}
	for _, p := range ps {
		if !p.IsValid() {
			return fmt.Errorf("a list of addresses holds an empty entry")
		}
	}
	*a = *NewAddresses(ps)
	return nil
}

// merge masks, sorts and joins prefixes until no two can be one. Sorting is its
// only part that is more than linear: each prefix enters the stack once.
func merge(in []netip.Prefix) []netip.Prefix {
	ps := make([]netip.Prefix, 0, len(in))
	for _, p := range in {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.IsValid() {
			ps = append(ps, p.Masked())
		}
	}
	sort.Slice(ps, func(i, j int) bool {
		if c := ps[i].Addr().Compare(ps[j].Addr()); c != 0 {
			return c < 0
		}
		return ps[i].Bits() < ps[j].Bits()
	})
	var out []netip.Prefix
	for _, p := range ps {
		if n := len(out); n > 0 && out[n-1].Contains(p.Addr()) {
			continue
		}
		out = append(out, p)
		for n := len(out); n > 1; n = len(out) {
			whole, ok := joined(out[n-2], out[n-1])
			if !ok {
				break
			}
			out = append(out[:n-2], whole)
		}
	}
	return out
}

// joined is the prefix whose two halves are a and b.
func joined(a, b netip.Prefix) (netip.Prefix, bool) {
	if a.Bits() != b.Bits() || a.Bits() == 0 || a.Addr().Is4() != b.Addr().Is4() {
		return netip.Prefix{}, false
	}
	whole := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
	return whole, whole.Addr() == a.Addr() && whole.Contains(b.Addr())
}
