package linuxtest

import (
	"net/netip"
	"testing"

	"farmwall/rules"
)

// Addresses makes addresses of texts; none means anywhere.
func Addresses(texts ...string) *rules.Addresses {
	if len(texts) == 0 {
		return nil
	}
	ps := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		ps[i] = netip.MustParsePrefix(s)
	}
	return rules.NewAddresses(ps)
}

// Ports makes a range of each number.
func Ports(numbers ...uint16) []rules.PortRange {
	out := make([]rules.PortRange, len(numbers))
	for i, n := range numbers {
		out[i] = rules.PortRange{First: n, Last: n}
	}
	return out
}

// NewSet makes a set of rules; those that name no farm are of the farm "farm", and those
// without a direction are for what comes in.
func NewSet(t testing.TB, list ...rules.Rule) rules.Set {
	t.Helper()
	for i := range list {
		if list[i].Farm == "" {
			list[i].Farm = "farm"
		}
		if list[i].Direction == "" {
			list[i].Direction = rules.In
		}
	}
	s, err := rules.NewSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// SomeSet is a set with something of everything, and more rules where the manager can
// say more.
func SomeSet(t testing.TB, more ...rules.Rule) rules.Set {
	return NewSet(t, append([]rules.Rule{
		{ID: "web", Protocol: rules.TCP, Ports: Ports(80, 443)},
		{ID: "rdp", Protocol: rules.UDP, Ports: []rules.PortRange{{First: 20000, Last: 20009}}, Remotes: Addresses("10.0.0.0/8", "fd00::/8")},
		{ID: "vrrp", Protocol: rules.VRRP, Remotes: Addresses("192.0.2.1/32", "192.0.2.2/32")},
		{ID: "local", Protocol: rules.TCP, Ports: Ports(30001), Loopback: true},
	}, more...)...)
}

// SomeFlows are flows whose fate is known on a host that holds SomeSet and lets in
// nothing else of them.
func SomeFlows() (allowed, denied []rules.Flow) {
	remote, stranger := Addresses("192.0.2.1/32"), Addresses("198.51.100.7/32")
	return []rules.Flow{
			{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: remote},
			{Direction: rules.In, Protocol: rules.TCP, Port: 80, Remotes: stranger},
			{Direction: rules.In, Protocol: rules.VRRP, Remotes: remote},
			{Direction: rules.In, Protocol: rules.UDP, Port: 20005, Remotes: Addresses("10.1.2.3/32")},
		}, []rules.Flow{
			{Direction: rules.In, Protocol: rules.TCP, Port: 81, Remotes: remote},
			{Direction: rules.In, Protocol: rules.UDP, Port: 20005, Remotes: stranger},
			{Direction: rules.In, Protocol: rules.VRRP, Remotes: stranger},
		}
}

// OtherSet differs from SomeSet in a rule changed, one gone, and new ones.
func OtherSet(t testing.TB) rules.Set {
	return NewSet(t,
		rules.Rule{ID: "web", Protocol: rules.TCP, Ports: Ports(443, 8443)},
		rules.Rule{ID: "rdp", Protocol: rules.UDP, Ports: Ports(20009), Remotes: Addresses("10.1.0.0/16", "fd01::/16")},
		rules.Rule{ID: "v4", Protocol: rules.TCP, Ports: Ports(135), Remotes: Addresses("198.51.100.7/32")},
		rules.Rule{ID: "out", Direction: rules.Out, Protocol: rules.TCP, Ports: Ports(1812), Remotes: Addresses("203.0.113.0/24", "2001:db8::/32")},
	)
}
