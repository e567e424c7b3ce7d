package nftables

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// table is a table of the family with the set @s and one rule in each chain.
func table(family, name string, sets map[string]*linux.NamedSet) *linux.Table {
	return &linux.Table{Family: family, Name: name, Sets: sets}
}

func nftRule(t testing.TB, comment string, expr ...string) *linux.NftRule {
	t.Helper()
	n := &linux.NftRule{Comment: comment}
	for _, e := range expr {
		if !json.Valid([]byte(e)) {
			t.Fatalf("bad test: %s", e)
		}
		n.Expr = append(n.Expr, json.RawMessage(e))
	}
	return n
}

func matchOf(left, right string) string {
	return `{"match":{"op":"==","left":` + left + `,"right":` + right + `}}`
}

const (
	accept  = `{"accept":null}`
	tcpPort = `{"payload":{"protocol":"tcp","field":"dport"}}`
	ipFrom  = `{"payload":{"protocol":"ip","field":"saddr"}}`
	ip6From = `{"payload":{"protocol":"ip6","field":"saddr"}}`
)

func TestDecodeByMeaning(t *testing.T) {
	sets := map[string]*linux.NamedSet{
		"s": {Name: "s", Kind: "set", Flags: []string{"interval"}, Elem: []json.RawMessage{
			json.RawMessage(`{"range":["10.0.0.0","10.0.1.127"]}`), json.RawMessage(`"10.0.1.128"`),
			json.RawMessage(`{"prefix":{"addr":"192.168.0.0","len":16}}`),
		}},
		"dynamic": {Name: "dynamic", Kind: "set", Flags: []string{"timeout"}, Elem: []json.RawMessage{json.RawMessage(`"1.2.3.4"`)}},
	}
	inS := rules.NewAddresses([]netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("10.0.1.0/25"),
		netip.MustParsePrefix("10.0.1.128/32"), netip.MustParsePrefix("192.168.0.0/16"),
	})
	web := rules.Rule{Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 80, Last: 81}, {First: 443, Last: 443}}}
	with := func(a *rules.Addresses) *rules.Rule {
		w := web
		w.Remotes = a
		return &w
	}
	shut := web
	shut.Block = true
	const (
		drop      = `{"drop":null}`
		notLo     = `{"match":{"op":"!=","left":{"meta":{"key":"iifname"}},"right":"lo"}}`
		beginning = `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":[1,8,64]}}`
	)
	port := matchOf(tcpPort, `{"set":[443,{"range":[81,81]},80]}`)
	for name, c := range map[string]struct {
		family string
		expr   []string
		want   *rules.Rule // nil: opaque
	}{
		"any order of ports":     {"inet", []string{port, accept}, &web},
		"a counter":              {"inet", []string{port, `{"counter":{"packets":1,"bytes":2}}`, accept}, &web},
		"a set":                  {"inet", []string{matchOf(ipFrom, `"@s"`), port, accept}, with(inS)},
		"an anonymous set":       {"inet", []string{port, matchOf(ipFrom, `{"set":[{"prefix":{"addr":"10.0.0.0","len":24}},{"range":["10.0.1.0","10.0.1.128"]},{"prefix":{"addr":"192.168.0.0","len":16}}]}`), accept}, with(inS)},
		"one address":            {"ip", []string{port, matchOf(ipFrom, `"10.0.0.1"`), accept}, with(rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}))},
		"one family, anywhere":   {"inet", []string{matchOf(`{"meta":{"key":"nfproto"}}`, "10"), port, accept}, with(rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("::/0")}))},
		"the table's own family": {"ip6", []string{matchOf(`{"meta":{"key":"nfproto"}}`, "10"), port, accept}, &web},

		"a set with timeouts":            {"inet", []string{matchOf(ipFrom, `"@dynamic"`), port, accept}, nil},
		"a set that is not there":        {"inet", []string{matchOf(ipFrom, `"@t"`), port, accept}, nil},
		"a set of the other family":      {"inet", []string{matchOf(ip6From, `"@s"`), port, accept}, nil},
		"both families at once":          {"inet", []string{matchOf(ipFrom, `"10.0.0.1"`), matchOf(ip6From, `"fd00::1"`), port, accept}, nil},
		"destination instead source":     {"inet", []string{matchOf(strings.Replace(ipFrom, "saddr", "daddr", 1), `"10.0.0.1"`), port, accept}, nil},
		"not":                            {"inet", []string{strings.Replace(port, "==", "!=", 1), accept}, nil},
		"blocks":                         {"inet", []string{notLo, port, `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":[1,8,64]}}`, drop}, &shut},
		"blocks, as names":               {"inet", []string{port, notLo, `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["untracked","new","invalid"]}}`, drop}, &shut},
		"blocks, as a sum":               {"inet", []string{notLo, port, `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":{"|":["invalid","new","untracked"]}}}`, `{"counter":null}`, drop}, &shut},
		"blocks loopback too":            {"inet", []string{port, beginning, drop}, nil},
		"blocks answers too":             {"inet", []string{notLo, port, drop}, nil},
		"blocks what is new alone":       {"inet", []string{notLo, port, `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["new"]}}`, drop}, nil},
		"blocks answers alone":           {"inet", []string{notLo, port, `{"match":{"op":"!=","left":{"ct":{"key":"state"}},"right":["invalid","new","untracked"]}}`, drop}, nil},
		"blocks an unknown state":        {"inet", []string{notLo, port, `{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["invalid","new","untracked","snat"]}}`, drop}, nil},
		"blocks one address":             {"inet", []string{notLo, port, beginning, matchOf(ipFrom, `"10.0.0.1"`), drop}, nil},
		"blocks one family":              {"inet", []string{notLo, matchOf(`{"meta":{"key":"nfproto"}}`, "2"), port, beginning, drop}, nil},
		"blocks another interface":       {"inet", []string{`{"match":{"op":"!=","left":{"meta":{"key":"iifname"}},"right":"eth0"}}`, port, beginning, drop}, nil},
		"blocks another key":             {"inet", []string{notLo, port, `{"match":{"op":"in","left":{"ct":{"key":"status"}},"right":[1,8,64]}}`, drop}, nil},
		"blocks without a protocol":      {"inet", []string{notLo, beginning, drop}, nil},
		"lets in what blocks would stop": {"inet", []string{notLo, port, beginning, accept}, nil},
		"drop":                           {"inet", []string{port, `{"drop":null}`}, nil},
		"no verdict":                     {"inet", []string{port}, nil},
		"something behind":               {"inet", []string{port, accept, port}, nil},
		"a limit":                        {"inet", []string{port, `{"limit":{"rate":1,"per":"second"}}`, accept}, nil},
		"another interface":              {"inet", []string{matchOf(`{"meta":{"key":"iifname"}}`, `"eth0"`), port, accept}, nil},
		"everything":                     {"inet", []string{accept}, nil},
		"two protocols":                  {"inet", []string{port, matchOf(`{"meta":{"key":"l4proto"}}`, "17"), accept}, nil},
	} {
		got, ok := decode(table(c.family, "x", sets), rules.In, nftRule(t, "", c.expr...))
		switch {
		case ok != (c.want != nil):
			t.Errorf("%s: understood is %v", name, ok)
		case ok && !got.Same(c.want):
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestJoin joins the two halves of a rule and nothing else.
func TestJoin(t *testing.T) {
	mark := "farmwall:farm:x:00000000"
	v4 := nftRule(t, mark, matchOf(ipFrom, `"10.0.0.1"`), matchOf(tcpPort, "80"), accept)
	v6 := nftRule(t, mark, matchOf(ip6From, `"fd00::1"`), matchOf(tcpPort, "80"), accept)
	other := nftRule(t, mark, matchOf(ip6From, `"fd00::1"`), matchOf(tcpPort, "81"), accept)
	unmarked := nftRule(t, "", matchOf(ip6From, `"fd00::1"`), matchOf(tcpPort, "80"), accept)
	for name, c := range map[string]struct {
		rules []*linux.NftRule
		want  int
	}{
		"halves":           {[]*linux.NftRule{v4, v6}, 1},
		"a twin of a half": {[]*linux.NftRule{v4, v6, v4}, 2},
		"both twice":       {[]*linux.NftRule{v4, v4, v6, v6}, 2},
		"different ports":  {[]*linux.NftRule{v4, other}, 2},
		"without mark":     {[]*linux.NftRule{v4, unmarked}, 2},
	} {
		got := owned(table("inet", "farmwall", nil), &linux.Chain{Name: "input", Rules: c.rules}, rules.In, nil)
		if len(got) != c.want {
			t.Errorf("%s: %d rules: %+v", name, len(got), got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`[` + matchOf(tcpPort, "80") + `,` + accept + `]`)
	f.Add(`[` + matchOf(ipFrom, `{"range":["0.0.0.0","255.255.255.255"]}`) + `,` + matchOf(tcpPort, `{"set":[1,{"range":[2,3]}]}`) + `,` + accept + `]`)
	f.Add(`[` + matchOf(ip6From, `{"prefix":{"addr":"::","len":0}}`) + `,` + matchOf(`{"meta":{"key":"l4proto"}}`, "112") + `,` + accept + `]`)
	f.Fuzz(func(t *testing.T, text string) {
		n := &linux.NftRule{}
		if json.Unmarshal([]byte(text), &n.Expr) != nil {
			return
		}
		for _, family := range []string{"inet", "ip", "ip6", "netdev"} {
			r, ok := decode(table(family, "x", nil), rules.In, n)
			if ok && (r.Protocol == 0 || r.Remotes.Empty()) {
				t.Errorf("%s is %+v", text, r)
			}
		}
	})
}

func FuzzBetween(f *testing.F) {
	f.Add("0.0.0.0", "255.255.255.255")
	f.Add("10.0.0.3", "10.0.1.0")
	f.Add("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
	f.Fuzz(func(t *testing.T, first, last string) {
		ps, err := between(first, last)
		if err != nil {
			return
		}
		a, b := netip.MustParseAddr(first), netip.MustParseAddr(last)
		at := a
		for i, p := range ps {
			if p.Addr() != at {
				t.Fatalf("%s-%s: %v leaves a gap or overlaps", first, last, ps)
			}
			if i == len(ps)-1 {
				if lastOf(p) != b {
					t.Fatalf("%s-%s: %v ends elsewhere", first, last, ps)
				}
				return
			}
			at = lastOf(p).Next()
		}
	})
}

// FuzzBlock holds that a block's text is nothing but objects of its own table.
func FuzzBlock(f *testing.F) {
	f.Add("table inet farmwall {\n\tchain input {\n\t\ttype filter hook input priority 0; policy accept;\n\t\ttcp dport 80 accept comment \"x\"\n\t}\n}\n")
	f.Add("table ip x {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 1.2.3.4,\n\t\t\t     5.6.7.8 }\n\t}\n}\n")
	f.Add("table ip x {\n\tchain c {\n\t\taccept comment \"\n\t}\n}\nflush ruleset\"\n\t}\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := parseBlock(text)
		if err != nil {
			return
		}
		again, err := parseBlock(b.text())
		if err != nil || again.text() != b.text() {
			t.Fatalf("%q became %q: %v", text, b.text(), err)
		}
		for i, l := range strings.Split(strings.TrimSuffix(b.text(), "\n"), "\n") {
			if !strings.HasPrefix(l, "\t") && i != 0 && l != "}" {
				t.Fatalf("%q holds the line %q", text, l)
			}
		}
	})
}
