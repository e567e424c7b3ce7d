package linux

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"sort"
)

// number holds any value that nft compares: an address, a port, a mark.
type number struct{ hi, lo uint64 }

func small(n uint64) number { return number{lo: n} }

func (a number) less(b number) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a number) and(b number) number { return number{a.hi & b.hi, a.lo & b.lo} }

func (a number) or(b number) number { return number{a.hi | b.hi, a.lo | b.lo} }

func (a number) bit(i int) bool { return a.and(number{}.set(i)) != number{} }

// set is the number with the bit i set.
func (a number) set(i int) number {
	if i < 64 {
		a.lo |= 1 << i
	} else {
		a.hi |= 1 << (i - 64)
	}
	return a
}

// next and before wrap around at the ends.
func (a number) next() number {
	lo, carry := bits.Add64(a.lo, 1, 0)
	return number{a.hi + carry, lo}
}

func (a number) before() number {
	lo, borrow := bits.Sub64(a.lo, 1, 0)
	return number{a.hi - borrow, lo}
}

// fromAddr is the address as a number; an IPv4 address is below 1<<32.
func fromAddr(a netip.Addr) number {
	if a.Is4() {
		b := a.As4()
		return small(uint64(binary.BigEndian.Uint32(b[:])))
	}
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a number) addr(v4 bool) netip.Addr {
	if v4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}

// interval is first to last, both included.
type interval struct{ first, last number }

// fromPrefix is all addresses of the prefix.
func fromPrefix(p netip.Prefix) interval {
	first := fromAddr(p.Masked().Addr())
	host := p.Addr().BitLen() - p.Bits()
	return interval{first, first.or(ones(host))}
}

// ones has the n lowest bits set.
func ones(n int) number {
	switch {
	case n <= 0:
		return number{}
	case n >= 128:
		return number{^uint64(0), ^uint64(0)}
	case n > 64:
		return number{1<<(n-64) - 1, ^uint64(0)}
	case n == 64:
		return number{0, ^uint64(0)}
	}
	return number{0, 1<<n - 1}
}

// numbers is a set of numbers: intervals sorted, none touching another. It is never
// changed once made. rules.Addresses is not used here because nft has ranges that are
// no prefixes, and because a walk makes many short-lived sets that need no hash.
type numbers []interval

// newNumbers sorts and merges.
func newNumbers(in []interval) numbers {
	if len(in) < 2 {
		return append(numbers(nil), in...)
	}
	sorted := append(numbers(nil), in...)
	sort.Slice(sorted, func(i, j int) bool { return sorted[i].first.less(sorted[j].first) })
	out := sorted[:1]
	for _, v := range sorted[1:] {
		last := &out[len(out)-1]
		if last.last.next().less(v.first) && last.last.less(v.first) {
			out = append(out, v)
		} else if last.last.less(v.last) {
			last.last = v.last
		}
	}
	return out
}

func (s numbers) empty() bool { return len(s) == 0 }

func (s numbers) contains(n number) bool {
	i := sort.Search(len(s), func(i int) bool { return !s[i].last.less(n) })
	return i < len(s) && !n.less(s[i].first)
}

func (s numbers) intersect(o numbers) numbers {
	var out numbers
	for i, j := 0, 0; i < len(s) && j < len(o); {
		first, last := s[i].first, s[i].last
		if first.less(o[j].first) {
			first = o[j].first
		}
		if o[j].last.less(last) {
			last = o[j].last
		}
		if !last.less(first) {
			out = append(out, interval{first, last})
		}
		if s[i].last.less(o[j].last) {
			i++
		} else {
			j++
		}
	}
	return out
}

func (s numbers) minus(o numbers) numbers {
	var out numbers
	j := 0
	for _, v := range s {
		first, open := v.first, true
		for j < len(o) && o[j].last.less(first) {
			j++
		}
		for k := j; k < len(o) && !v.last.less(o[k].first); k++ {
			if first.less(o[k].first) {
				out = append(out, interval{first, o[k].first.before()})
			}
			if !o[k].last.less(v.last) {
				open = false
				break
			}
			first = o[k].last.next()
		}
		if open {
			out = append(out, interval{first, v.last})
		}
	}
	return out
}

func (s numbers) union(o numbers) numbers {
	if o.empty() {
		return s
	}
	if s.empty() {
		return o
	}
	out := make(numbers, 0, len(s)+len(o))
	for len(s) > 0 || len(o) > 0 {
		if len(s) == 0 || len(o) > 0 && o[0].first.less(s[0].first) {
			s, o = o, s
		}
		v := s[0]
		s = s[1:]
		if n := len(out); n > 0 && !(out[n-1].last.next().less(v.first) && out[n-1].last.less(v.first)) {
			if out[n-1].last.less(v.last) {
				out[n-1].last = v.last
			}
			continue
		}
		out = append(out, v)
	}
	return out
}

func (s numbers) equal(o numbers) bool {
	if len(s) != len(o) {
		return false
	}
	for i := range s {
		if s[i] != o[i] {
			return false
		}
	}
	return true
}

// prefixes writes a set of addresses of one family as the fewest prefixes.
func (s numbers) prefixes(v4 bool) []netip.Prefix {
	width := 128
	if v4 {
		width = 32
	}
	var out []netip.Prefix
	for _, v := range s {
		for first := v.first; ; {
			host := 0 // grow the block while it begins here and fits
			for host < width && first.and(ones(host+1)) == (number{}) && !v.last.less(first.or(ones(host+1))) {
				host++
			}
			out = append(out, netip.PrefixFrom(first.addr(v4), width-host))
			end := first.or(ones(host))
			if !end.less(v.last) {
				break
			}
			first = end.next()
		}
	}
	return out
}
