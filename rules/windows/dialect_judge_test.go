package windows_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
	lab "farmwall/transport/lab/windows"
)

// TestJudgeAgreesWithTheLab holds verdicts against those of the lab's own firewall, which
// shares nothing with ours: random rules, settings and connections.
func TestJudgeAgreesWithTheLab(t *testing.T) {
	asked, open := 0, 0
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 7))
		o := lab.Options{Name: "RD1", Dir: t.TempDir(), Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.5")},
			Policy: map[string]map[string]uint32{"DomainProfile": {}}, GroupPolicy: map[string]map[string]uint32{"DomainProfile": {}}}
		o.Rules, o.GPO = randomEntries(r, 30), randomEntries(r, 5)
		if r.IntN(4) == 0 {
			o.GroupPolicy["DomainProfile"]["AllowLocalPolicyMerge"] = uint32(r.IntN(2))
		}
		if r.IntN(6) == 0 {
			o.Policy["DomainProfile"]["DefaultInboundAction"] = uint32(r.IntN(2))
		}
		if r.IntN(10) == 0 {
			o.GroupPolicy["DomainProfile"][[]string{"EnableFirewall", "DoNotAllowExceptions"}[r.IntN(2)]] = uint32(r.IntN(2))
		}
		h, err := lab.New(o)
		if err != nil {
			t.Fatal(err)
		}
		m := &machine{h, t}
		s := m.state()
		for range 100 {
			client := netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(r.IntN(3)), byte(1 + r.IntN(250))})
			if client == o.Addresses[0] {
				continue
			}
			port := uint16(80 + r.IntN(12))
			v := dialect.Judge(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: port, Remotes: rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(client, 32)})})
			want := rules.Denied
			if h.Admits(netip.AddrPortFrom(client, 50000), netip.AddrPortFrom(o.Addresses[0], port), "") {
				want = rules.Allowed
				open++
			}
			asked++
			if v.Answer != want {
				t.Errorf("seed %d: %s to %d is %s by %s %s; the lab says %s\n%s", seed, client, port, v.Answer, v.By, v.Reason, want, entries(h))
				break
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if asked < 3_000 || open < asked/10 || open > asked*9/10 {
		t.Errorf("of %d connections %d were open: the test says little", asked, open)
	}
}

func randomEntries(r *rand.Rand, n int) []lab.Entry {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var out []lab.Entry
	for i := range n {
		var b strings.Builder
		b.WriteString("v2.30|Action=" + pick("Allow", "Allow", "Allow", "Block") + "|Active=" + pick("TRUE", "TRUE", "FALSE") + "|Dir=" + pick("In", "In", "In", "Out") + "|")
		if r.IntN(5) > 0 {
			b.WriteString("Protocol=" + pick("6", "6", "6", "17") + "|")
			for range r.IntN(3) {
				first := 80 + r.IntN(12)
				if r.IntN(2) == 0 {
					fmt.Fprintf(&b, "LPort=%d|", first)
				} else {
					fmt.Fprintf(&b, "LPort2_10=%d-%d|", first, first+r.IntN(4))
				}
			}
		}
		for _, p := range []string{"Domain", "Private", "Public"} {
			if r.IntN(4) == 0 {
				b.WriteString("Profile=" + p + "|")
			}
		}
		for range r.IntN(3) {
			b.WriteString("RA4=" + pick(fmt.Sprintf("10.0.0.%d", r.IntN(250)), fmt.Sprintf("10.0.%d.0/255.255.255.0", r.IntN(3)), "10.1.0.0/16", "10.0.1.7-10.0.2.9", "LocalSubnet", "DefaultGateway", "DNS") + "|")
		}
		if r.IntN(8) == 0 {
			b.WriteString("LA4=" + pick("10.0.0.5", "10.0.0.6", "10.0.0.0/24") + "|")
		}
		fmt.Fprintf(&b, "Name=r%d|", i)
		out = append(out, lab.Entry{ID: fmt.Sprintf("{%d-%d}", n, i), Text: b.String()})
	}
	return out
}

func entries(h *lab.Host) string {
	var b strings.Builder
	for _, e := range append(h.Local(), h.GPO()...) {
		b.WriteString(e.Text + "\n")
	}
	return b.String()
}
