package nftables

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// value is the right side of a match or an element of a set in nft's JSON.
type value struct {
	Prefix *struct {
		Addr string `json:"addr"`
		Len  int    `json:"len"`
	} `json:"prefix"`
	Range []json.RawMessage `json:"range"`
	Set   []json.RawMessage `json:"set"`
}

// portList reads one port, a range, or an anonymous set of these.
func portList(raw json.RawMessage) ([]rules.PortRange, error) {
	var n uint16
	if json.Unmarshal(raw, &n) == nil {
		return []rules.PortRange{{First: n, Last: n}}, nil
	}
	var v value
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	if len(v.Range) == 2 {
		var first, last uint16
		if json.Unmarshal(v.Range[0], &first) != nil || json.Unmarshal(v.Range[1], &last) != nil || first > last {
			return nil, fmt.Errorf("port range %s", raw)
		}
		return []rules.PortRange{{First: first, Last: last}}, nil
	}
	if len(v.Set) == 0 {
		return nil, fmt.Errorf("ports %s", raw)
	}
	var out []rules.PortRange
	for _, e := range v.Set {
		part, err := portList(e)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// addresses reads an address, a prefix, a range, an anonymous set of these, or the
// name of a set of the table.
func addresses(t *linux.Table, raw json.RawMessage) ([]netip.Prefix, error) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		if strings.HasPrefix(s, "@") {
			return named(t, s[1:])
		}
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("address %q", s)
		}
		return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}, nil
	}
	var v value
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	switch {
	case v.Prefix != nil:
		a, err := netip.ParseAddr(v.Prefix.Addr)
		if err != nil {
			return nil, err
		}
		p, err := a.Prefix(v.Prefix.Len)
		return []netip.Prefix{p}, err
	case len(v.Range) == 2:
		var first, last string
		if json.Unmarshal(v.Range[0], &first) != nil || json.Unmarshal(v.Range[1], &last) != nil {
			return nil, fmt.Errorf("range %s", raw)
		}
		return between(first, last)
	case v.Set != nil:
		return many(v.Set)
	}
	return nil, fmt.Errorf("addresses %s", raw)
}

func many(list []json.RawMessage) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, e := range list {
		ps, err := addresses(nil, e)
		if err != nil {
			return nil, err
		}
		out = append(out, ps...)
	}
	return out, nil
}

// named reads a set whose elements are all there for good.
func named(t *linux.Table, name string) ([]netip.Prefix, error) {
	if t == nil {
		return nil, fmt.Errorf("a set within a set")
	}
	s := t.Sets[name]
	if s == nil || s.Kind != "set" {
		return nil, fmt.Errorf("no set %q", name)
	}
	for _, f := range s.Flags {
		if f != "interval" && f != "constant" {
			return nil, fmt.Errorf("set %q is %s", name, f)
		}
	}
	return many(s.Elem)
}

// between is the range as prefixes.
func between(first, last string) ([]netip.Prefix, error) {
	a, err := netip.ParseAddr(first)
	if err != nil {
		return nil, err
	}
	b, err := netip.ParseAddr(last)
	if err != nil {
		return nil, err
	}
	if a.Is4() != b.Is4() || b.Less(a) || a.Zone() != "" || b.Zone() != "" {
		return nil, fmt.Errorf("range %s-%s", first, last)
	}
	var out []netip.Prefix
	for {
		p := largest(a, b)
		out = append(out, p)
		end := lastOf(p)
		if !end.Less(b) {
			return out, nil
		}
		a = end.Next()
	}
}

// largest is the largest prefix that begins at a and does not go beyond b.
func largest(a, b netip.Addr) netip.Prefix {
	raw := a.AsSlice()
	zeros := 0
	for i := len(raw) - 1; i >= 0; i-- {
		if raw[i] != 0 {
			zeros += bits.TrailingZeros8(raw[i])
			break
		}
		zeros += 8
	}
	for n := a.BitLen() - zeros; ; n++ {
		if p := netip.PrefixFrom(a, n); !b.Less(lastOf(p)) {
			return p
		}
	}
}

func lastOf(p netip.Prefix) netip.Addr {
	raw := p.Addr().AsSlice()
	for i := p.Bits(); i < len(raw)*8; i++ {
		raw[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(raw)
	return a
}
