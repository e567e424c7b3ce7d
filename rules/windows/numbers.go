package windows

import (
	"encoding/binary"
	"net/netip"

	"farmwall/rules"
)

// Addresses are numbers here with IPv4 where IPv6 maps it, at ::ffff:0:0/96, so one set
// holds both families and a rule is matched once. These are the ends of IPv4.
const (
	mappedFirst = 0xffff_0000_0000
	mappedLast  = 0xffff_ffff_ffff
)

func fromAddr(a netip.Addr) rules.Number {
	b := a.As16()
	return rules.Number{Hi: binary.BigEndian.Uint64(b[:8]), Lo: binary.BigEndian.Uint64(b[8:])}
}

func toAddr(n rules.Number) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.Hi)
	binary.BigEndian.PutUint64(b[8:], n.Lo)
	return netip.AddrFrom16(b).Unmap()
}

func fromPrefix(p netip.Prefix) rules.Span {
	p = p.Masked()
	first := fromAddr(p.Addr())
	return rules.Span{First: first, Last: first.Or(rules.Ones(p.Addr().BitLen() - p.Bits()))}
}

func fromPrefixes(ps []netip.Prefix) rules.Spans {
	list := make([]rules.Span, 0, len(ps))
	for _, p := range ps {
		list = append(list, fromPrefix(p))
	}
	return rules.NewSpans(list)
}

// family is all addresses of one family.
func family(ipv4 bool) rules.Spans {
	whole := rules.Spans{{Last: rules.Ones(128)}}
	v4 := rules.Spans{{First: rules.Number{Lo: mappedFirst}, Last: rules.Number{Lo: mappedLast}}}
	if ipv4 {
		return v4
	}
	return whole.Minus(v4)
}

// toPrefixes writes a set as the fewest prefixes, IPv4 first.
func toPrefixes(s rules.Spans) []netip.Prefix {
	var out []netip.Prefix
	for _, width := range []int{32, 128} {
		for _, v := range s.Intersect(family(width == 32)) {
			v.Blocks(width, func(first rules.Number, free int) {
				out = append(out, netip.PrefixFrom(toAddr(first), width-free))
			})
		}
	}
	return out
}

// addresses is the set as the list that rules compare.
func addresses(s rules.Spans) *rules.Addresses { return rules.NewAddresses(toPrefixes(s)) }
