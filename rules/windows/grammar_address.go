package windows

import (
	"net/netip"
	"strconv"
	"strings"

	"farmwall/rules"
)

// Keywords of address fields. Those of RA42= and RA62= need network isolation, which
// no observation tells.
var (
	hostWords     = []string{"LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway"}
	isolatedWords = []string{"IntrAnet", "IntErnet", "Ply2Renders", "RmtIntrAnet", "CaptivePortal"}
)

// take reads an address, a range, a subnet with a length or a mask, or a keyword, of
// one family. What it cannot read becomes a keyword that nobody knows. The spans are in
// order only after settle.
func (a *addressSet) take(value string, ipv4 bool) bool {
	if s, ok := parseAddresses(value, ipv4); ok {
		a.entries++
		a.spans = append(a.spans, s)
		return true
	}
	word, known := keyword(value)
	if ipv4 {
		a.words4 = append(a.words4, word)
	} else {
		a.words6 = append(a.words6, word)
	}
	return known
}

func (a *addressSet) settle() { a.spans = rules.NewSpans(a.spans) }

// keyword gives a keyword its usual spelling; COM takes any.
func keyword(value string) (string, bool) {
	for _, list := range [][]string{hostWords, isolatedWords} {
		for _, w := range list {
			if strings.EqualFold(w, value) {
				return w, true
			}
		}
	}
	return value, false
}

// parseAddresses reads "10.0.0.1", "10.0.0.1-10.0.0.9", "10.0.0.0/8",
// "10.0.0.0/255.0.0.0", and the same forms of IPv6 without a mask.
func parseAddresses(value string, ipv4 bool) (rules.Span, bool) {
	if first, last, ranged := strings.Cut(value, "-"); ranged {
		a, ok1 := parseAddress(first, ipv4)
		b, ok2 := parseAddress(last, ipv4)
		if !ok1 || !ok2 || b.Less(a) {
			return rules.Span{}, false
		}
		return rules.Span{First: fromAddr(a), Last: fromAddr(b)}, true
	}
	text, length, subnet := strings.Cut(value, "/")
	a, ok := parseAddress(text, ipv4)
	if !ok {
		return rules.Span{}, false
	}
	if !subnet {
		return rules.Just(fromAddr(a)), true
	}
	bits, err := strconv.ParseUint(length, 10, 8)
	if err != nil || int(bits) > a.BitLen() {
		mask, ok := parseAddress(length, true)
		if !ok || !ipv4 {
			return rules.Span{}, false
		}
		n, ok := maskBits(mask)
		if !ok {
			return rules.Span{}, false
		}
		bits = uint64(n)
	}
	return fromPrefix(netip.PrefixFrom(a, int(bits))), true
}

func parseAddress(s string, ipv4 bool) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Is4() != ipv4 || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a, true
}

// maskBits is the length of a mask whose ones all come first.
func maskBits(mask netip.Addr) (int, bool) {
	b := mask.As4()
	m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	n := 0
	for ; m&(1<<31) != 0; m <<= 1 {
		n++
	}
	return n, m == 0
}
