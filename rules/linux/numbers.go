package linux

import (
	"encoding/binary"
	"net/netip"

	"farmwall/rules"
)

func small(n uint64) rules.Number { return rules.Number{Lo: n} }

// bit is the number with the bit i set.
func bit(i int) rules.Number {
	if i < 64 {
		return rules.Number{Lo: 1 << i}
	}
	return rules.Number{Hi: 1 << (i - 64)}
}

// fromAddr is the address as a number; an IPv4 address is below 1<<32.
func fromAddr(a netip.Addr) rules.Number {
	if a.Is4() {
		b := a.As4()
		return small(uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := a.As16()
	return rules.Number{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
}

// toAddr is the number as an address.
func toAddr(n rules.Number, v4 bool) netip.Addr {
	if v4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(n.Lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.Hi)
	binary.BigEndian.PutUint64(b[8:], n.Lo)
	return netip.AddrFrom16(b)
}

// fromPrefix is all addresses of the prefix.
func fromPrefix(p netip.Prefix) rules.Span {
	first := fromAddr(p.Masked().Addr())
	host := p.Addr().BitLen() - p.Bits()
	return rules.Span{First: first, Last: first.Or(rules.Ones(host))}
}

// toPrefixes writes a set of addresses of one family as the fewest prefixes.
func toPrefixes(s rules.Spans, v4 bool) []netip.Prefix {
	width := 128
	if v4 {
		width = 32
	}
	var out []netip.Prefix
	for _, v := range s {
		v.Blocks(width, func(first rules.Number, free int) {
			out = append(out, netip.PrefixFrom(toAddr(first, v4), width-free))
		})
	}
	return out
}
