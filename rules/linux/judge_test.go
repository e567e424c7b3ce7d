package linux

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
)

func addresses(list ...string) *rules.Addresses {
	var ps []netip.Prefix
	for _, s := range list {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return rules.NewAddresses(ps)
}

// twoCards is a host with two networks and, on the second, the way to everywhere.
func twoCards(ruleset string) *Reading {
	r := &Reading{Nft: "/usr/sbin/nft", Interfaces: []Interface{
		{Name: "lo", Index: 1, Up: true, Loopback: true, Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")}},
		{Name: "lan", Index: 2, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.1/24")}},
		{Name: "wan", Index: 3, Up: true, Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.5/24")}},
	}}
	routes := "default via 203.0.113.1 dev wan\n10.1.0.0/24 dev lan\n203.0.113.0/24 dev wan\n10.0.0.0/8 via 10.1.0.254 dev lan metric 50\n10.0.0.0/8 via 203.0.113.1 dev wan metric 90\n"
	if err := r.decodeNetwork(routes, ""); err != nil {
		panic(err)
	}
	r.Ruleset = parsed(ruleset)
	return r
}

// parsed reads chains written as "FAMILY HOOK PRIORITY POLICY" with rules of JSON,
// one a line, after it.
func parsed(text string) *Ruleset {
	items := []string{`{"metainfo":{}}`}
	family, chain := "", ""
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if !strings.HasPrefix(line, "{") {
			var hook, policy string
			var priority int
			if _, err := fmt.Sscan(line, &family, &hook, &priority, &policy); err != nil {
				panic(err)
			}
			chain = fmt.Sprint("c", i)
			items = append(items, fmt.Sprintf(`{"table":{"family":%q,"name":%q}}`, family, chain),
				fmt.Sprintf(`{"chain":{"family":%q,"table":%q,"name":%q,"type":"filter","hook":%q,"prio":%d,"policy":%q,"dev":"lan"}}`, family, chain, chain, hook, priority, policy))
			continue
		}
		items = append(items, fmt.Sprintf(`{"rule":{"family":%q,"table":%q,"chain":%q,"expr":[%s]}}`, family, chain, chain, line))
	}
	r, err := decodeNft([]byte(`{"nftables":[` + strings.Join(items, ",") + `]}`))
	if err != nil {
		panic(err)
	}
	return r
}

func matching(object, key, op, right string) string {
	left := fmt.Sprintf(`{"meta":{"key":%q}}`, key)
	if object != "meta" {
		left = fmt.Sprintf(`{"payload":{"protocol":%q,"field":%q}}`, object, key)
	}
	return fmt.Sprintf(`{"match":{"op":%q,"left":%s,"right":%s}}`, op, left, right)
}

func TestJudgeSplits(t *testing.T) {
	const accept, drop = `,{"accept":null}`, `,{"drop":null}`
	onLan := "ip input 0 drop\n" + matching("meta", "iifname", "==", `"lan"`) + accept
	in := func(remotes *rules.Addresses) rules.Flow {
		return rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: remotes}
	}
	outsider := in(nil)
	outsider.Not = addresses("10.0.0.0/8")
	for _, c := range []struct {
		name, ruleset string
		flow          rules.Flow
		change        func(r *Reading)
		want          rules.Answer
		part, by, why string // part of what is said
	}{
		{"the route gives the interface", onLan, in(addresses("10.1.0.9/32")), nil, rules.Allowed, "", "", ""},
		{"another route, another interface", onLan, in(addresses("198.51.100.9/32")), nil, rules.Denied, "", "policy drop", ""},
		{"the lower metric wins", onLan, in(addresses("10.77.0.0/16")), nil, rules.Allowed, "", "", ""},
		{"split by routes", onLan, in(addresses("10.1.0.9/32", "198.51.100.9/32")), nil, rules.Denied, "198.51.100.9/32", "policy drop", ""},
		{"two routes of one metric", onLan, in(addresses("10.77.0.0/16")), func(r *Reading) {
			for i := range r.Routes {
				r.Routes[i].Metric = 0
			}
		}, rules.Unknown, "", "", "on which interface"},
		{"policy routing", onLan, in(addresses("10.1.0.9/32")), func(r *Reading) { r.PolicyRoutes = []string{"from 10.1.0.1 lookup 7"} }, rules.Unknown, "", "", "on which interface"},
		{"policy routing that does not matter", "ip input 0 drop\n" + matching("tcp", "dport", "==", "443") + accept, in(addresses("10.1.0.9/32")),
			func(r *Reading) { r.PolicyRoutes = []string{"from 10.1.0.1 lookup 7"} }, rules.Allowed, "", "", ""},
		{"no route", onLan, in(addresses("192.0.2.1/32")), func(r *Reading) { r.Routes = r.Routes[1:] }, rules.Unknown, "", "", "on which interface"},
		{"split by addresses", "ip input 0 drop\n" + matching("ip", "saddr", "==", `{"prefix":{"addr":"10.1.0.0","len":25}}`) + accept,
			in(addresses("10.1.0.0/24")), nil, rules.Denied, "10.1.0.128/25", "policy drop", ""},
		{"a range that is no prefix", "ip input 0 accept\n" + matching("ip", "saddr", "==", `{"range":["10.1.0.5","10.1.0.6"]}`) + drop,
			in(addresses("10.1.0.0/24")), nil, rules.Denied, "[10.1.0.5/32 10.1.0.6/32]", "rule 1", ""},
		{"outsiders", "ip input 0 drop\n" + matching("ip", "saddr", "==", `{"prefix":{"addr":"10.0.0.0","len":8}}`) + accept, outsider, nil, rules.Denied, "", "", ""},
		{"no IPv6 here", "ip6 input 0 drop", in(nil), nil, rules.Allowed, "", "", ""},
		{"no client's source port", "ip input 0 drop\n" + matching("tcp", "sport", ">=", `1024`) + accept, in(addresses("10.1.0.9/32")), nil, rules.Allowed, "", "", ""},
		{"a source port decides for some", "ip input 0 drop\n" + matching("tcp", "sport", "==", `{"range":[2048,65535]}`) + accept, in(addresses("10.1.0.9/32")), nil, rules.Denied, "", "policy drop", ""},
		{"every source port", "ip input 0 drop\n" + matching("tcp", "sport", "<", `5000`) + accept + "\n" + matching("tcp", "sport", ">=", `5000`) + accept, in(addresses("10.1.0.9/32")), nil, rules.Allowed, "", "", ""},
		{"one of two own addresses", "ip input 0 drop\n" + matching("ip", "daddr", "==", `"10.1.0.1"`) + accept, in(addresses("10.1.0.9/32")), nil, rules.Denied, "", "policy drop", ""},
		{"legacy tables", "", in(nil), func(r *Reading) { r.Legacy = []string{"ip filter"} }, rules.Unknown, "", "ip filter", "legacy"},
		{"legacy tables of the other family", "", in(nil), func(r *Reading) { r.Legacy = []string{"ip6 filter"} }, rules.Allowed, "", "", ""},
		{"legacy tables open nothing that nft drops", "ip input 0 drop", in(nil), func(r *Reading) { r.Legacy = []string{"ip filter"} }, rules.Denied, "", "policy drop", ""},
		{"ingress on the way", "netdev ingress 0 drop", in(addresses("10.1.0.9/32")), nil, rules.Denied, "", "policy drop", ""},
		{"ingress elsewhere", "netdev ingress 0 drop", in(addresses("198.51.100.9/32")), nil, rules.Allowed, "", "", ""},
		{"ingress below a bridge", "netdev ingress 0 drop", in(addresses("198.51.100.9/32")), func(r *Reading) { r.Interfaces[1].Master = "wan" }, rules.Unknown, "", "", "made of"},
		{"a bridge with rules", "bridge input 0 drop", in(addresses("198.51.100.9/32")), func(r *Reading) { r.Interfaces[1].Master = "wan" }, rules.Unknown, "", "", "bridge"},
		{"an expression that is not known", "ip input 0 drop\n" + `{"match":{"op":"==","left":{"osf":{"key":"name"}},"right":"Linux"}}` + accept, in(nil), nil, rules.Unknown, "", "rule 1", "osf"},
		{"a statement that is not known", "ip input 0 accept\n" + `{"frobnicate":null}`, in(nil), nil, rules.Unknown, "", "rule 1", "frobnicate"},
		{"the same, for another port", "ip input 0 accept\n" + matching("tcp", "dport", "==", "80") + `,{"frobnicate":null}`, in(nil), nil, rules.Allowed, "", "", ""},
		{"loopback", "inet input 0 drop\n" + matching("meta", "iif", "==", `"lo"`) + accept, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 9, Loopback: true}, nil, rules.Allowed, "", "", ""},
		{"loopback, closed on its way out", "inet output 0 drop", rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 9, Loopback: true}, nil, rules.Denied, "", "policy drop", ""},
		{"from the host itself", onLan, in(addresses("10.1.0.1/32")), nil, rules.Denied, "", "policy drop", ""},
		{"out by its route", "ip output 0 drop\n" + matching("meta", "oifname", "==", `"lan"`) + accept, rules.Flow{Direction: rules.Out, Protocol: rules.UDP, Port: 53, Remotes: addresses("10.5.0.0/16")}, nil, rules.Allowed, "", "", ""},
		{"VRRP goes to its group", "ip input 0 drop\n" + matching("ip", "daddr", "==", `"224.0.0.18"`) + accept, rules.Flow{Direction: rules.In, Protocol: rules.VRRP, Remotes: addresses("10.1.0.7/32")}, nil, rules.Allowed, "", "", ""},
		{"xt's match", "ip input 0 accept\n" + `{"xt":{"type":"match","name":"recent"}}` + drop, in(nil), nil, rules.Unknown, "", "rule 1", "recent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := twoCards(c.ruleset)
			if c.change != nil {
				c.change(r)
			}
			v := New().Judge(&rules.State{Native: r}, c.flow)
			if v.Answer != c.want || !strings.Contains(fmt.Sprint(v.Part), c.part) || !strings.Contains(v.By, c.by) || !strings.Contains(v.Reason, c.why) {
				t.Errorf("judged %+v, want %s part %q by %q reason %q", v, c.want, c.part, c.by, c.why)
			}
			if c.part == "" && len(v.Part) > 0 {
				t.Errorf("only a part %v, want all", v.Part)
			}
		})
	}
}

// What could not be read is not guessed.
func TestJudgeWithoutARuleset(t *testing.T) {
	for _, st := range []*rules.State{{}, {Native: &Reading{}}, {Native: &Reading{Nft: "/usr/sbin/nft", UID: 1000}}} {
		if v := New().Judge(st, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 22}); v.Answer != rules.Unknown || v.Reason == "" {
			t.Errorf("judged %+v", v)
		}
	}
}

// A ruleset that would take for ever is given up, with words.
func TestJudgeGivesUp(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"nftables":[{"metainfo":{}},{"table":{"family":"inet","name":"t"}}`)
	for i := 0; i <= 15; i++ {
		fmt.Fprintf(&b, `,{"chain":{"family":"inet","table":"t","name":"c%d"}}`, i)
	}
	b.WriteString(`,{"chain":{"family":"inet","table":"t","name":"in","type":"filter","hook":"input","prio":0,"policy":"drop"}},{"rule":{"family":"inet","table":"t","chain":"in","expr":[{"jump":{"target":"c0"}}]}}`)
	for i := 0; i < 15; i++ {
		for k := 0; k < 4; k++ {
			fmt.Fprintf(&b, `,{"rule":{"family":"inet","table":"t","chain":"c%d","expr":[{"jump":{"target":"c%d"}}]}}`, i, i+1)
		}
	}
	b.WriteString("]}")
	ruleset, err := decodeNft([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	r := twoCards("")
	r.Ruleset = ruleset
	v := New().Judge(&rules.State{Native: r}, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 22})
	if v.Answer != rules.Unknown || !strings.Contains(v.Reason, "too large") {
		t.Errorf("judged %+v", v)
	}
}

// A thousand members and as many rules are judged quickly.
func BenchmarkJudge(b *testing.B) {
	var list []netip.Prefix
	var elements []string
	for i := range 2000 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i), byte(2 * i)})
		list = append(list, netip.PrefixFrom(a, 32))
		elements = append(elements, fmt.Sprintf("%q", a))
	}
	r := twoCards("ip input 0 drop\n" + strings.Repeat(matching("tcp", "dport", "==", "1")+`,{"accept":null}`+"\n", 1000) +
		matching("ip", "saddr", "==", `{"set":[`+strings.Join(elements, ",")+`]}`) + `,{"accept":null}`)
	f := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: rules.NewAddresses(list)}
	st := &rules.State{Native: r}
	for b.Loop() {
		if v := New().Judge(st, f); v.Answer != rules.Allowed {
			b.Fatalf("%+v", v)
		}
	}
}
