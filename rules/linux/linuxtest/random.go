package linuxtest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"farmwall/rules"
)

// Range is how far random sets go.
type Range struct {
	Protocols []rules.Protocol
	Ports     int // the most port ranges of a rule
	Addresses int // the most addresses of one list in ten; 0: none is longer than 12
	Blocks    int // one rule in so many blocks
}

// withPorts are the protocols whose rules name ports.
var withPorts = []rules.Protocol{rules.TCP, rules.UDP, 33, 132, 136}

// Set makes a set that is valid and canonical and otherwise anything.
func (g Range) Set(t testing.TB, r *rand.Rand) rules.Set {
	var out []rules.Rule
	for i := range 1 + r.IntN(8) {
		w := rules.Rule{ID: fmt.Sprintf("rule.%d-%d", i, r.IntN(1000)), Direction: rules.In, Protocol: g.Protocols[r.IntN(len(g.Protocols))]}
		if r.IntN(4) == 0 {
			w.Direction = rules.Out
		}
		w.Loopback = r.IntN(6) == 0
		if slices.Contains(withPorts, w.Protocol) {
			w.Ports = g.ports(r)
		}
		if r.IntN(4) > 0 {
			w.Remotes = g.addresses(r)
		}
		if r.IntN(g.Blocks) == 0 {
			w.Direction, w.Remotes, w.Loopback, w.Block = rules.In, nil, false, true
		}
		out = append(out, w)
	}
	return NewSet(t, out...)
}

func (g Range) ports(r *rand.Rand) []rules.PortRange {
	edges := []uint16{1, 2, 80, 443, 65534, 65535}
	var out []rules.PortRange
	for range 1 + r.IntN(g.Ports) {
		first := uint16(1 + r.IntN(65535))
		if r.IntN(3) == 0 {
			first = edges[r.IntN(len(edges))]
		}
		last := first
		if r.IntN(2) == 0 {
			last = first + uint16(r.IntN(min(int(65535-first)+1, 3000)))
		}
		out = append(out, rules.PortRange{First: first, Last: last})
	}
	return rules.MergePorts(out)
}

func (g Range) addresses(r *rand.Rand) *rules.Addresses {
	count := 1 + r.IntN(12)
	if g.Addresses > 0 && r.IntN(10) == 0 {
		count = 1 + r.IntN(g.Addresses)
	}
	var ps []netip.Prefix
	for range count {
		var a netip.Addr
		if r.IntN(3) > 0 {
			a = netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(4)), byte(r.IntN(256)), byte(r.IntN(256))})
		} else {
			raw := [16]byte{0: byte(r.IntN(256)), 1: byte(r.IntN(256)), 15: byte(r.IntN(256)), 14: byte(r.IntN(256))}
			if r.IntN(8) == 0 {
				raw = [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}
			}
			a = netip.AddrFrom16(raw).Unmap()
		}
		bits := a.BitLen() - r.IntN(a.BitLen()+1)
		if r.IntN(3) > 0 {
			bits = a.BitLen() - r.IntN(9)
		}
		ps = append(ps, netip.PrefixFrom(a, bits).Masked())
	}
	return rules.NewAddresses(ps)
}
