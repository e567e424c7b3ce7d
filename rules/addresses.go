package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"sort"
	"strings"
)

// Addresses is a list of prefixes, IPv4 and IPv6 together: sorted, masked,
// merged to the fewest prefixes, and immutable, so one value is shared by all
// hosts. A nil *Addresses means anywhere. Make one with NewAddresses.
type Addresses struct {
	prefixes []netip.Prefix
	hash     string
}

// NewAddresses makes the canonical list of the prefixes. IPv4-mapped IPv6
// addresses count as IPv4.
func NewAddresses(prefixes []netip.Prefix) *Addresses {
	merged := merge(prefixes)
	var b strings.Builder
	for _, p := range merged {
		b.WriteString(p.String())
		b.WriteByte('\n')
	}
	sum := sha256.Sum256([]byte(b.String()))
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
	var part []netip.Prefix
	for _, p := range a.prefixes {
		if p.Addr().Is4() == ipv4 {
			part = append(part, p)
		}
	}
	if len(part) == len(a.prefixes) {
		return a
	}
	return NewAddresses(part)
}

// Contains says whether the list, or anywhere, holds the address.
func (a *Addresses) Contains(ip netip.Addr) bool {
	if a == nil {
		return true
	}
	ip = ip.Unmap()
	i := sort.Search(len(a.prefixes), func(i int) bool { return ip.Less(a.prefixes[i].Addr()) })
	return i > 0 && a.prefixes[i-1].Contains(ip)
}

// MarshalJSON writes the prefixes as a list of texts.
func (a *Addresses) MarshalJSON() ([]byte, error) { return json.Marshal(a.prefixes) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Addresses) UnmarshalJSON(b []byte) error {
	var ps []netip.Prefix
	if err := json.Unmarshal(b, &ps); err != nil {
		return err
	}
	*a = *NewAddresses(ps)
	return nil
}

// merge masks, sorts and joins prefixes until no two can be one.
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
