package nftables_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"farmwall/rules"
)

// list makes addresses of texts; none means anywhere.
func list(texts ...string) *rules.Addresses {
	if len(texts) == 0 {
		return nil
	}
	ps := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		ps[i] = netip.MustParsePrefix(s)
	}
	return rules.NewAddresses(ps)
}

func ports(numbers ...uint16) []rules.PortRange {
	out := make([]rules.PortRange, len(numbers))
	for i, n := range numbers {
		out[i] = rules.PortRange{First: n, Last: n}
	}
	return out
}

func newSet(t testing.TB, list ...rules.Rule) rules.Set {
	t.Helper()
	for i := range list {
		if list[i].Farm == "" {
			list[i].Farm = "farm"
		}
	}
	s, err := rules.NewSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// someSet is a set with something of everything.
func someSet(t testing.TB) rules.Set {
	return newSet(t,
		rules.Rule{ID: "web", Direction: rules.In, Protocol: rules.TCP, Ports: ports(80, 443)},
		rules.Rule{ID: "rdp", Direction: rules.In, Protocol: rules.UDP, Ports: []rules.PortRange{{First: 20000, Last: 20009}}, Remotes: list("10.0.0.0/8", "fd00::/8")},
		rules.Rule{ID: "vrrp", Direction: rules.In, Protocol: rules.VRRP, Remotes: list("192.0.2.1/32", "192.0.2.2/32")},
		rules.Rule{ID: "local", Direction: rules.In, Protocol: rules.TCP, Ports: ports(30001), Loopback: true},
		rules.Rule{ID: "exposure.udp-20000-20009", Direction: rules.In, Protocol: rules.UDP, Ports: []rules.PortRange{{First: 20000, Last: 20009}}, Block: true},
		rules.Rule{ID: "exposure.112", Direction: rules.In, Protocol: rules.VRRP, Block: true},
	)
}

// otherSet differs from someSet in a rule changed, one gone, and new ones.
func otherSet(t testing.TB) rules.Set {
	return newSet(t,
		rules.Rule{ID: "web", Direction: rules.In, Protocol: rules.TCP, Ports: ports(443, 8443)},
		rules.Rule{ID: "rdp", Direction: rules.In, Protocol: rules.UDP, Ports: ports(20009), Remotes: list("10.1.0.0/16", "fd01::/16")},
		rules.Rule{ID: "v4", Direction: rules.In, Protocol: rules.TCP, Ports: ports(135), Remotes: list("198.51.100.7/32")},
		rules.Rule{ID: "out", Direction: rules.Out, Protocol: rules.TCP, Ports: ports(1812), Remotes: list("203.0.113.0/24", "2001:db8::/32")},
	)
}

// randomSet makes a set that is valid and canonical and otherwise anything.
func randomSet(t testing.TB, r *rand.Rand) rules.Set {
	protocols := []rules.Protocol{rules.TCP, rules.UDP, rules.VRRP, 1, 47, 58, 132}
	var out []rules.Rule
	for i := range 1 + r.IntN(8) {
		w := rules.Rule{ID: fmt.Sprintf("rule.%d-%d", i, r.IntN(1000)), Direction: rules.In, Protocol: protocols[r.IntN(len(protocols))]}
		if r.IntN(4) == 0 {
			w.Direction = rules.Out
		}
		w.Loopback = r.IntN(6) == 0
		if w.Protocol == rules.TCP || w.Protocol == rules.UDP || w.Protocol == 132 {
			w.Ports = randomPorts(r)
		}
		if r.IntN(4) > 0 {
			w.Remotes = randomAddresses(r)
		}
		if r.IntN(6) == 0 {
			w.Direction, w.Remotes, w.Loopback, w.Block = rules.In, nil, false, true
		}
		out = append(out, w)
	}
	return newSet(t, out...)
}

func randomPorts(r *rand.Rand) []rules.PortRange {
	edges := []uint16{1, 2, 80, 443, 65534, 65535}
	var out []rules.PortRange
	for range 1 + r.IntN(6) {
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

func randomAddresses(r *rand.Rand) *rules.Addresses {
	var ps []netip.Prefix
	for range 1 + r.IntN(12) {
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
