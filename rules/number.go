package rules

import "math/bits"

// Number is any value that a firewall compares, up to 128 bits: an address, a port, a mark.
type Number struct{ Hi, Lo uint64 }

// Ones has the n lowest bits set: all of them from 128 on, none up to 0.
func Ones(n int) Number {
	switch {
	case n <= 0:
		return Number{}
	case n >= 128:
		return Number{^uint64(0), ^uint64(0)}
	case n > 64:
		return Number{1<<(n-64) - 1, ^uint64(0)}
	case n == 64:
		return Number{0, ^uint64(0)}
	}
	return Number{0, 1<<n - 1}
}

// Less says whether a comes before b.
func (a Number) Less(b Number) bool { return a.Hi < b.Hi || a.Hi == b.Hi && a.Lo < b.Lo }

// And is the bits that both have.
func (a Number) And(b Number) Number { return Number{a.Hi & b.Hi, a.Lo & b.Lo} }

// Or is the bits that either has.
func (a Number) Or(b Number) Number { return Number{a.Hi | b.Hi, a.Lo | b.Lo} }

// Next is the number after a; after the last one comes 0.
func (a Number) Next() Number {
	lo, carry := bits.Add64(a.Lo, 1, 0)
	return Number{a.Hi + carry, lo}
}

// Before is the number before a; before 0 comes the last one.
func (a Number) Before() Number {
	lo, borrow := bits.Sub64(a.Lo, 1, 0)
	return Number{a.Hi - borrow, lo}
}
