//go:build linux

package linux

import (
	"net/netip"
	"testing"

	"farmwall/rules"
)

// What random rulesets showed on other ways than foundAtRandom's: over loopback, over
// IPv6, and outwards.
func TestJudgeAgreesWithTheKernelOnOtherWays(t *testing.T) {
	need(t, "iptables-nft", "iptables-legacy")
	w := newWire(t)
	v6 := netip.MustParseAddr("fd00:9::1:5")
	for _, row := range []struct {
		name, ruleset string
		shot          shot
		want          rules.Answer
	}{
		{"IPv6 to another host is unicast", "table inet o { chain out { type filter hook output priority 0; meta nfproto ipv6 fib daddr type unicast reject\n } }\n",
			shot{proto: rules.TCP, port: 20003, remote: v6}, rules.Denied},
		{"IPv6 from another host is unicast", "table inet o { chain in { type filter hook input priority 0; policy drop; fib saddr type unicast accept\n } }\n",
			shot{in: true, proto: rules.TCP, port: 20003, remote: v6}, rules.Allowed},
		{"notrack of what came over loopback does nothing", "table inet o { chain pre { type filter hook prerouting priority -300; iif lo notrack\n }\n chain in { type filter hook input priority 0; policy drop; ct state new,established accept\n } }\n",
			shot{in: true, proto: rules.TCP, port: 20003}, rules.Allowed},
		{"masqueraded over loopback, let in by its interface", "table ip n { chain post { type nat hook postrouting priority 100; masquerade\n }\n chain in { type filter hook input priority 0; policy drop; iif lo accept\n } }\n",
			shot{in: true, proto: rules.TCP, port: 20003}, rules.Allowed},
		{"masqueraded over loopback, asked for its address", "table ip n { chain post { type nat hook postrouting priority 100; masquerade\n }\n chain in { type filter hook input priority 0; policy drop; ip saddr 127.0.0.1 accept\n } }\n",
			shot{in: true, proto: rules.TCP, port: 20003}, rules.Unknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.host.load(t, "flush ruleset\n"+row.ruleset)
			s := New()
			x := row.shot
			f, st := x.flow(w.host.observe(t, s))
			v := s.Judge(st, f)
			if v.Answer != row.want {
				t.Errorf("judged %s by %q (%s), want %s", v.Answer, v.By, v.Reason, row.want)
			}
			if w.fire(t, []*shot{&x}); row.want != rules.Unknown && x.open != (row.want == rules.Allowed) {
				t.Errorf("want %s, and the kernel says open=%v", row.want, x.open)
			}
		})
	}
}
