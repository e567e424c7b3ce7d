package windows

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"farmwall/rules"
)

// number is an address; IPv4 lies where IPv6 maps it, at ::ffff:0:0/96, so one set
// holds both families and a rule is matched once.
type number struct{ hi, lo uint64 }

// The ends of what IPv4 is mapped to.
const (
	mappedFirst = 0xffff_0000_0000
	mappedLast  = 0xffff_ffff_ffff
)

func (a number) less(b number) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// next and before wrap around at the ends.
func (a number) next() number {
	lo, carry := bits.Add64(a.lo, 1, 0)
	return number{a.hi + carry, lo}
}

func (a number) before() number {
	lo, borrow := bits.Sub64(a.lo, 1, 0)
	return number{a.hi - borrow, lo}
}

func (a number) mapped() bool { return a.hi == 0 && a.lo >= mappedFirst && a.lo <= mappedLast }

func numberOf(a netip.Addr) number {
	b := a.As16()
	return number{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a number) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b).Unmap()
}

// ones has the n lowest bits set, n from 0 to 128.
func ones(n int) number {
	switch {
	case n >= 128:
		return number{^uint64(0), ^uint64(0)}
	case n > 64:
		return number{1<<(n-64) - 1, ^uint64(0)}
	case n == 64:
		return number{0, ^uint64(0)}
	}
	return number{0, 1<<n - 1}
}

// span is first to last, both included.
type span struct{ first, last number }

func prefixSpan(p netip.Prefix) span {
	p = p.Masked()
	first := numberOf(p.Addr())
	host := ones(p.Addr().BitLen() - p.Bits())
	return span{first, number{first.hi | host.hi, first.lo | host.lo}}
}

func addrSpan(a netip.Addr) span { return span{numberOf(a), numberOf(a)} }

// spans is a set of addresses: sorted, none touching another, never changed once
// made. rules.Addresses is prefixes with a hash; the registry has ranges, and a
// verdict makes many short-lived sets.
type spans []span

// newSpans sorts and merges.
func newSpans(in []span) spans {
	if len(in) < 2 {
		return append(spans(nil), in...)
	}
	sorted := append(spans(nil), in...)
	slices.SortFunc(sorted, func(a, b span) int {
		switch {
		case a.first.less(b.first):
			return -1
		case b.first.less(a.first):
			return 1
		}
		return 0
	})
	out := sorted[:1]
	for _, v := range sorted[1:] {
		last := &out[len(out)-1]
		if last.last.less(v.first) && last.last.next().less(v.first) {
			out = append(out, v)
		} else if last.last.less(v.last) {
			last.last = v.last
		}
	}
	return out
}

func prefixSpans(ps []netip.Prefix) spans {
	list := make([]span, 0, len(ps))
	for _, p := range ps {
		list = append(list, prefixSpan(p))
	}
	return newSpans(list)
}

// family is all addresses of one family.
func family(ipv4 bool) spans {
	whole := spans{{number{}, ones(128)}}
	v4 := spans{{number{0, mappedFirst}, number{0, mappedLast}}}
	if ipv4 {
		return v4
	}
	return whole.minus(v4)
}

func (s spans) empty() bool { return len(s) == 0 }

func (s spans) intersect(o spans) spans {
	var out spans
	for i, j := 0, 0; i < len(s) && j < len(o); {
		first, last := s[i].first, s[i].last
		if first.less(o[j].first) {
			first = o[j].first
		}
		if o[j].last.less(last) {
			last = o[j].last
		}
		if !last.less(first) {
			out = append(out, span{first, last})
		}
		if s[i].last.less(o[j].last) {
			i++
		} else {
			j++
		}
	}
	return out
}

func (s spans) minus(o spans) spans {
	if len(o) == 0 || len(s) == 0 {
		return s
	}
	var out spans
	j := 0
	for _, v := range s {
		for j < len(o) && o[j].last.less(v.first) {
			j++
		}
		first, open := v.first, true
		for k := j; k < len(o) && !v.last.less(o[k].first); k++ {
			if first.less(o[k].first) {
				out = append(out, span{first, o[k].first.before()})
			}
			if !o[k].last.less(v.last) {
				open = false
				break
			}
			first = o[k].last.next()
		}
		if open {
			out = append(out, span{first, v.last})
		}
	}
	return out
}

func (s spans) union(o spans) spans {
	switch {
	case len(o) == 0:
		return s
	case len(s) == 0:
		return o
	}
	return newSpans(append(append([]span(nil), s...), o...))
}

func (s spans) covers(o spans) bool { return o.minus(s).empty() }

func (s spans) equal(o spans) bool { return slices.Equal(s, o) }

// prefixes writes the set as the fewest prefixes, IPv4 first.
func (s spans) prefixes() []netip.Prefix {
	var out []netip.Prefix
	for _, ipv4 := range []bool{true, false} {
		for _, v := range s.intersect(family(ipv4)) {
			out = blocks(out, v, ipv4)
		}
	}
	return out
}

// blocks appends the prefixes that make up one span of one family.
func blocks(out []netip.Prefix, v span, ipv4 bool) []netip.Prefix {
	width := 128
	if ipv4 {
		width = 32
	}
	for first := v.first; ; {
		host, end := 0, first // grow the block while it begins here and fits
		for host < width {
			mask := ones(host + 1)
			wider := number{first.hi | mask.hi, first.lo | mask.lo}
			if first.hi&mask.hi != 0 || first.lo&mask.lo != 0 || v.last.less(wider) {
				break
			}
			host, end = host+1, wider
		}
		out = append(out, netip.PrefixFrom(first.addr(), width-host))
		if !end.less(v.last) {
			return out
		}
		first = end.next()
	}
}

// addresses is the set as the list that rules compare.
func (s spans) addresses() *rules.Addresses { return rules.NewAddresses(s.prefixes()) }
