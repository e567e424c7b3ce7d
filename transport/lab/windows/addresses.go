package windows

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// addressList is the addresses condition of a rule as the service holds it: keywords as
// bits and, for each family, subnets and ranges. The order across these kinds is
// lost. Empty is any.
type addressList struct {
	keywords int
	subnets4 []netip.Prefix
	ranges4  [][2]netip.Addr
	subnets6 []netip.Prefix
	ranges6  [][2]netip.Addr
}

// addressWords are the keywords in the order of their bits.
var addressWords = []string{"LocalSubnet", "DNS", "DHCP", "WINS", "DefaultGateway"}

func (a addressList) any() bool {
	return a.keywords == 0 && len(a.subnets4)+len(a.ranges4)+len(a.subnets6)+len(a.ranges6) == 0
}

// parseAddresses reads what a caller assigns to LocalAddresses or RemoteAddresses.
func parseAddresses(text string) (addressList, error) {
	var a addressList
	if text == "" || text == "*" {
		return a, nil
	}
	for _, part := range strings.Split(text, ",") {
		if err := a.add(strings.TrimSpace(part)); err != nil {
			return addressList{}, err
		}
	}
	return a, nil
}

func (a *addressList) add(part string) error {
	for i, w := range addressWords {
		if strings.EqualFold(w, part) {
			a.keywords |= 1 << i
			return nil
		}
	}
	if first, last, ok := strings.Cut(part, "-"); ok {
		from, err1 := address(first)
		to, err2 := address(last)
		if err1 != nil || err2 != nil || from.Is4() != to.Is4() || to.Less(from) {
			return EInvalidArg
		}
		if unfit(from) || unfit(to) {
			return EBadAddress
		}
		a.addRange(from, to)
		return nil
	}
	base, mask, masked := strings.Cut(part, "/")
	addr, err := address(base)
	if err != nil {
		return EInvalidArg
	}
	if unfit(addr) {
		return EBadAddress
	}
	if !masked {
		if addr.Is6() {
			a.addRange(addr, addr)
		} else {
			a.addSubnet(netip.PrefixFrom(addr, 32))
		}
		return nil
	}
	bits, ok := prefixLength(mask, addr)
	if !ok {
		return EInvalidArg
	}
	p := netip.PrefixFrom(addr, bits)
	if addr.Is6() && p.Masked() != p {
		return EInvalidArg
	}
	a.addSubnet(p.Masked())
	return nil
}

// address reads an address without a zone.
func address(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return addr, EInvalidArg
	}
	return addr, nil
}

// unfit are the classes of IPv6 addresses that no rule may name.
func unfit(a netip.Addr) bool {
	return a.Is6() && (a.IsUnspecified() || a.IsLoopback() || a.IsMulticast())
}

// prefixLength reads what stands behind the slash: a length or, for IPv4, a mask.
func prefixLength(text string, of netip.Addr) (int, bool) {
	if m, err := netip.ParseAddr(text); err == nil {
		if !m.Is4() || !of.Is4() {
			return 0, false
		}
		for bits := 0; bits <= 32; bits++ {
			if netmask(bits) == m {
				return bits, true
			}
		}
		return 0, false
	}
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n <= of.BitLen()
}

func netmask(bits int) netip.Addr {
	v := uint32(uint64(0xFFFFFFFF) << (32 - bits))
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

func (a *addressList) addSubnet(p netip.Prefix) {
	if p.Addr().Is4() {
		a.subnets4 = append(a.subnets4, p)
	} else {
		a.subnets6 = append(a.subnets6, p)
	}
}

func (a *addressList) addRange(from, to netip.Addr) {
	if from.Is4() {
		a.ranges4 = append(a.ranges4, [2]netip.Addr{from, to})
	} else {
		a.ranges6 = append(a.ranges6, [2]netip.Addr{from, to})
	}
}

// text is how COM reads the list back.
func (a addressList) text(reversed bool) string {
	if a.any() {
		return "*"
	}
	var parts []string
	for i, w := range addressWords {
		if a.keywords&(1<<i) != 0 {
			parts = append(parts, w)
		}
	}
	words := len(parts)
	for _, p := range a.subnets4 {
		parts = append(parts, p.Addr().String()+"/"+netmask(p.Bits()).String())
	}
	for _, r := range a.ranges4 {
		parts = append(parts, r[0].String()+"-"+r[1].String())
	}
	for _, p := range a.subnets6 {
		parts = append(parts, p.String())
	}
	for _, r := range a.ranges6 {
		parts = append(parts, r[0].String()+"-"+r[1].String())
	}
	if reversed {
		slices.Reverse(parts[words:])
	}
	return strings.Join(parts, ",")
}

// fields writes the list as fields of a registry string; kind is LA or RA.
func (a addressList) fields(kind string) []field {
	var out []field
	words := func(family string) {
		for i, w := range addressWords {
			if a.keywords&(1<<i) != 0 {
				out = append(out, field{kind + family, w})
			}
		}
	}
	words("4")
	for _, p := range a.subnets4 {
		v := p.Addr().String()
		if p.Bits() < 32 {
			v += "/" + netmask(p.Bits()).String()
		}
		out = append(out, field{kind + "4", v})
	}
	for _, r := range a.ranges4 {
		out = append(out, field{kind + "4", r[0].String() + "-" + r[1].String()})
	}
	words("6")
	for _, p := range a.subnets6 {
		out = append(out, field{kind + "6", p.String()})
	}
	for _, r := range a.ranges6 {
		v := r[0].String()
		if r[0] != r[1] {
			v += "-" + r[1].String()
		}
		out = append(out, field{kind + "6", v})
	}
	return out
}

// addField reads one LA4, LA6, RA4 or RA6 field; false where it is not known.
func (a *addressList) addField(value string) bool {
	var one addressList
	if one.add(value) != nil {
		return false
	}
	a.keywords |= one.keywords
	a.subnets4 = append(a.subnets4, one.subnets4...)
	a.ranges4 = append(a.ranges4, one.ranges4...)
	a.subnets6 = append(a.subnets6, one.subnets6...)
	a.ranges6 = append(a.ranges6, one.ranges6...)
	return true
}
