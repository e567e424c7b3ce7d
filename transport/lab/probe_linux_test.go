package lab

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// defaultDrop lets in SSH, what IPv6 needs, and the ports below from h2 only.
const defaultDrop = `table inet filter {
	set peers4 { type ipv4_addr; elements = { 10.77.0.12 }; }
	set peers6 { type ipv6_addr; elements = { fd77::1002 }; }
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established,related accept
		iif lo accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		tcp dport 22 accept
		ip saddr @peers4 jump open
		ip6 saddr @peers6 jump open
		tcp dport 30 reject with tcp reset
		tcp dport 31 reject with icmpx type admin-prohibited
		udp dport 31 reject with icmpx type admin-prohibited
	}
	chain open {
		tcp dport { 20002, 20009 } accept
		udp dport { 20000, 20009 } accept
		meta l4proto 112 accept
	}
}
`

func TestProbesAgainstDefaultDrop(t *testing.T) {
	specs := numbered(3)
	specs[0].Ruleset = defaultDrop
	f := up(t, specs...)
	ctx := testContext(t)
	h1, h2, h3 := mustHost(t, f, "h1"), mustHost(t, f, "h2"), mustHost(t, f, "h3")
	for _, h := range f.Hosts() {
		for protocol, ports := range map[uint8][]uint16{6: {22, 20001, 20002}, 17: {20000, 20001}, 112: nil} {
			if err := h.Listen(ctx, protocol, ports...); err != nil {
				t.Fatal(err)
			}
		}
	}
	type prober interface {
		Probe(ctx context.Context, probes ...Probe) ([]Answer, error)
	}
	cases := []struct {
		name     string
		from     prober
		to       *Host
		protocol uint8
		port     uint16
		want     Reach
	}{
		{"ssh from the controller", f, h1, 6, 22, Connected},
		{"member, listening", h2, h1, 6, 20002, Connected},
		{"member, nobody listens", h2, h1, 6, 20009, Refused},
		{"member, not open", h2, h1, 6, 20001, Filtered},
		{"member, udp listening", h2, h1, 17, 20000, Connected},
		{"member, udp nobody listens", h2, h1, 17, 20009, Refused},
		{"member, udp not open", h2, h1, 17, 20001, Filtered},
		{"member, vrrp", h2, h1, 112, 0, Connected},
		{"outsider", h3, h1, 6, 20002, Filtered},
		{"outsider, udp", h3, h1, 17, 20000, Filtered},
		{"outsider, vrrp", h3, h1, 112, 0, Filtered},
		{"controller as outsider", f, h1, 6, 20002, Filtered},
		{"controller as outsider, vrrp", f, h1, 112, 0, Filtered},
		{"reset by the filter", h3, h1, 6, 30, Refused},
		{"from the host to the outsider, vrrp", h1, h3, 112, 0, Connected},
		{"outsider, vrrp, after that", h3, h1, 112, 0, Filtered},
		{"prohibited", h3, h1, 6, 31, Prohibited},
		{"prohibited, udp", h3, h1, 17, 31, Prohibited},
		{"the other way", h1, h2, 6, 20001, Connected},
		{"the other way, udp", h1, h2, 17, 20001, Connected},
		{"the other way, vrrp", h1, h2, 112, 0, Connected},
		{"no filter, nobody listens", h1, h2, 6, 5, Refused},
		{"itself", h1, h1, 6, 20001, Connected},
		{"itself, udp", h1, h1, 17, 20001, Connected},
		{"itself, nobody listens", h1, h1, 6, 5, Refused},
	}
	for round := range 3 {
		for _, c := range cases {
			for i, family := range []string{"IPv4", "IPv6"} {
				answers, err := c.from.Probe(ctx, Probe{To: c.to.Addresses[i], Protocol: c.protocol, Port: c.port})
				if err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				if got := answers[0].Reach; got != c.want {
					t.Errorf("round %d: %s, %s: %s (%s), want %s", round, c.name, family, got, answers[0].Why, c.want)
				}
			}
		}
	}
	for _, to := range []string{"10.77.0.99", "fd77::99", "192.0.2.1"} {
		answers, err := h1.Probe(ctx, Probe{To: netip.MustParseAddr(to), Protocol: 6, Port: 22})
		if err != nil || answers[0].Reach != Unreachable {
			t.Errorf("nobody there: %v %v", answers, err)
		}
	}
}

func TestManyProbesAtOnce(t *testing.T) {
	specs := numbered(4)
	specs[0].Ruleset = defaultDrop
	f := up(t, specs...)
	ctx := testContext(t)
	h1, h2 := mustHost(t, f, "h1"), mustHost(t, f, "h2")
	if err := h1.Listen(ctx, 17, 20000); err != nil {
		t.Fatal(err)
	}
	var probes []Probe
	for i := range 1000 {
		protocol := []uint8{6, 17}[i%2]
		probes = append(probes, Probe{To: h1.Addresses[i/2%2], Protocol: protocol, Port: uint16(19601 + i)})
	}
	begin := time.Now()
	answers, err := h2.Probe(ctx, probes...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d probes in %v", len(probes), time.Since(begin))
	for _, a := range answers {
		want := Filtered
		switch key := fmt.Sprint(a.Protocol, " ", a.Port); key {
		case "17 20000":
			want = Connected
		case "6 20009":
			want = Refused
		}
		if a.Reach != want {
			t.Errorf("%s %d/%d: %s, want %s", a.To, a.Protocol, a.Port, a.Reach, want)
		}
	}
}
