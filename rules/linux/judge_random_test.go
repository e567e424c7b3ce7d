//go:build linux

package linux

import (
	"fmt"
	"math/rand"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// cases is how many random rulesets a run tries: some, or with FARMWALL_SOAK=1 many.
func cases(some, many int) int {
	if os.Getenv("FARMWALL_SOAK") == "1" {
		return many
	}
	return some
}

// seed is FARMWALL_SEED, else always the same, so that a run is like the one before;
// a soak takes the clock's. It is printed so that a failure can be repeated.
func seed(t testing.TB) int64 {
	s := int64(22)
	if os.Getenv("FARMWALL_SOAK") == "1" {
		s = time.Now().UnixNano()
	}
	if text := os.Getenv("FARMWALL_SEED"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s = n
	}
	t.Logf("FARMWALL_SEED=%d", s)
	return s
}

// Random rulesets in a real kernel, real packets, and the judge must say the same.
func TestJudgeAgreesWithTheKernelAtRandom(t *testing.T) {
	w := newWire(t)
	s := New()
	plain := w.host.observe(t, s)
	rnd := rand.New(rand.NewSource(seed(t)))
	refused := 0
	tally := map[rules.Answer]int{}
	for i := 0; i < cases(150, 3000); i++ {
		g := generator{rnd: rnd, plain: plain}
		ruleset := "flush ruleset\n" + g.ruleset()
		if _, err := w.host.try(ruleset, "nft", "-f", "-"); err != nil {
			if refused++; refused > 3+i/20 {
				t.Fatalf("nft refuses too many of the rulesets: %v\n%s", err, ruleset)
			}
			continue
		}
		st := g.observe(t, w, s)
		for k := 0; k < 3; k++ {
			f, remote := g.flow()
			v := s.Judge(st, f)
			tally[v.Answer]++
			if v.Answer == rules.Unknown {
				if !g.doubtful {
					t.Fatalf("case %d: %s %d to port %d, peer %s: unknown (%s by %s) and nothing in it is doubtful:\n%s",
						i, f.Direction, f.Protocol, f.Port, remote, v.Reason, v.By, ruleset)
				}
				continue
			}
			if open := w.passes(t, f.Direction == rules.In, f.Protocol, f.Port, remote); open != (v.Answer == rules.Allowed) {
				t.Fatalf("case %d: %s %d to port %d, peer %s: judged %s by %q, and the kernel says open=%v:\n%s",
					i, f.Direction, f.Protocol, f.Port, remote, v.Answer, v.By, open, ruleset)
			}
			wider(t, s, st, f, remote, v, ruleset)
		}
	}
	t.Logf("refused by nft %d; allowed %d, denied %d, unknown %d", refused, tally[rules.Allowed], tally[rules.Denied], tally[rules.Unknown])
	if tally[rules.Allowed] == 0 || tally[rules.Denied] == 0 {
		t.Error("the rulesets did not differ enough to show anything")
	}
}

// observe reads the wire's host; where nft's JSON alone has it all, by that alone,
// because the whole script costs ten processes.
func (g *generator) observe(t *testing.T, w *wire, s *System) *rules.State {
	t.Helper()
	if text := g.b.String(); g.plain == nil || strings.Contains(text, "dormant") || strings.Contains(text, "netdev") {
		return w.host.observe(t, s)
	}
	ruleset, err := decodeNft([]byte(w.host.run(t, "", "nft", "-j", "-s", "-n", "list", "ruleset")))
	if err != nil {
		t.Fatal(err)
	}
	r := *g.plain.Native.(*Reading)
	r.Ruleset = ruleset
	return &rules.State{Manager: "nftables", Native: &r}
}

// wider compares the verdict for one address with the one for everybody: the part
// that a verdict names must fare as it says, and no address worse.
func wider(t *testing.T, s *System, st *rules.State, f rules.Flow, remote netip.Addr, one rules.Verdict, ruleset string) {
	t.Helper()
	f.Remotes = nil
	all := s.Judge(st, f)
	if rank(all.Answer) > rank(one.Answer) {
		t.Fatalf("everybody fares better (%s by %q) than %s (%s by %q):\n%s", all.Answer, all.By, remote, one.Answer, one.By, ruleset)
	}
	named := len(all.Part) == 0
	for _, p := range all.Part {
		named = named || p.Contains(remote)
	}
	if named != (all.Answer == one.Answer) {
		t.Fatalf("%s is named=%v in the part %v (%s by %q), and alone is %s by %q:\n%s",
			remote, named, all.Part, all.Answer, all.By, one.Answer, one.By, ruleset)
	}
}

// generator makes random rulesets and flows for the wire.
type generator struct {
	rnd      *rand.Rand
	plain    *rules.State // the host without rules
	doubtful bool
	out      bool
	b        strings.Builder
	chains   []string // of the table that is being made, callable from here
	v6, v4   bool     // what the table sees
}

func (g *generator) pick(list ...string) string { return list[g.rnd.Intn(len(list))] }

func (g *generator) one(in int) bool { return g.rnd.Intn(in) == 0 }

func (g *generator) ruleset() string {
	g.out = g.one(3)
	tables := 1 + g.rnd.Intn(3)
	for i := 0; i < tables; i++ {
		g.table(i)
	}
	return g.b.String()
}

func (g *generator) table(n int) {
	family := g.pick("inet", "inet", "inet", "ip", "ip6", "netdev")
	if family == "netdev" && g.out {
		family = "inet"
	}
	g.v4, g.v6 = family != "ip6", family != "ip"
	fmt.Fprintf(&g.b, "table %s t%d {\n", family, n)
	if g.one(12) {
		g.b.WriteString("flags dormant\n")
	}
	if g.v4 {
		fmt.Fprintf(&g.b, "set s4 { type ipv4_addr; flags interval; elements = { 10.9.0.128/25, 10.9.0.5-10.9.0.90 }\n}\n")
		fmt.Fprintf(&g.b, "set c4 { type ipv4_addr . inet_service; flags interval; elements = { 10.9.0.0/25 . 20000-20009, 10.9.0.130 . 53 }\n}\n")
		fmt.Fprintf(&g.b, "map m4 { type ipv4_addr : verdict; flags interval; elements = { 10.9.0.0/26 : accept, 10.9.0.77 : drop, 10.9.0.130 : continue }\n}\n")
	}
	if g.v6 {
		fmt.Fprintf(&g.b, "set s6 { type ipv6_addr; flags interval; elements = { fd00:9::1:0/112 }\n}\n")
	}
	fmt.Fprintf(&g.b, "set p { type inet_service; flags interval; elements = { 53, 20000-20010 }\n}\n")
	g.chains = nil
	for i := g.rnd.Intn(4); i > 0; i-- {
		name := fmt.Sprintf("c%d", i)
		fmt.Fprintf(&g.b, "chain %s {\n", name)
		g.rules(family, "")
		g.b.WriteString("}\n")
		g.chains = append(g.chains, name)
	}
	for i := 1 + g.rnd.Intn(2); i > 0; i-- {
		hook := g.pick("input", "input", "prerouting")
		if g.out {
			hook = g.pick("output", "output", "postrouting")
		}
		device := ""
		if family == "netdev" {
			hook, device = "ingress", `device "h0" `
		}
		fmt.Fprintf(&g.b, "chain b%d {\ntype filter hook %s %spriority %d; policy %s;\n", i, hook, device,
			[]int{-300, -150, -10, 0, 0, 10, 100}[g.rnd.Intn(7)], g.pick("accept", "accept", "drop"))
		// What the wire itself needs: neighbours, answers, and the sentinel.
		if family == "netdev" {
			g.b.WriteString("meta protocol != { ip, ip6 } accept\n")
		}
		if g.v6 {
			g.b.WriteString("icmpv6 type { 133-137 } accept\n")
		}
		g.rules(family, hook)
		g.b.WriteString("}\n")
	}
	g.b.WriteString("}\n")
}

func (g *generator) rules(family, hook string) {
	for i := g.rnd.Intn(6); i > 0; i-- {
		l3, l4 := "", ""
		for k := g.rnd.Intn(3); k > 0; k-- {
			m := g.match(family)
			t3, t4 := layers(m)
			if l3 != "" && t3 != "" && t3 != l3 || l4 != "" && t4 != "" {
				continue // nft refuses contradictions
			}
			if t3 != "" {
				l3 = t3
			}
			if t4 != "" {
				l4 = t4
			}
			// Whether a SYN asks for ECN differs from host to host.
			g.doubtful = g.doubtful || strings.HasPrefix(m, "tcp flags !=")
			g.b.WriteString(m + " ")
		}
		if g.one(4) {
			g.b.WriteString("counter ")
		}
		if g.one(15) {
			g.doubtful = true
			g.b.WriteString(g.pick("limit rate 5/hour ", "meta skuid 12345 ", "meta length > 20 ") + " ")
		}
		v := g.verdict(family, hook, l4)
		if l3 == "" && l4 == "" && g.v4 && !g.out && g.one(10) {
			v = "ip saddr vmap @m4"
		}
		// The bits of a connection are known where the flow comes in and is tracked.
		g.doubtful = g.doubtful || strings.HasPrefix(v, "ct status") && (g.out || g.b.Len() > 0 && !strings.Contains(hook, "input"))
		g.b.WriteString(v + "\n")
	}
}

// layers says what a match already fixes of network and transport protocol.
func layers(m string) (l3, l4 string) {
	first, _, _ := strings.Cut(m, " ")
	switch {
	case strings.Contains(m, "nfproto"), strings.HasPrefix(m, "meta protocol"):
		l3 = m
	case first == "ip", first == "ip6":
		l3 = first
	}
	switch {
	case strings.Contains(m, " . tcp"), strings.Contains(m, " . udp"), first == "tcp", first == "udp", first == "th",
		strings.Contains(m, "l4proto"), strings.HasPrefix(m, "ip protocol"):
		l4 = m
	}
	return l3, l4
}

func (g *generator) match(family string) string {
	side, other := "saddr", "daddr"
	if g.out {
		side, other = other, side
	}
	op := g.pick("", "", "", "!= ")
	var any []string
	if g.v4 {
		any = append(any, "ip "+side+" "+op+g.pick("10.9.0.2", "10.9.0.0/25", "10.9.0.64-10.9.0.140", "{ 10.9.0.2, 10.9.0.77 }", "@s4"),
			"ip "+other+" "+op+g.pick("10.9.0.1", "10.9.0.9", "10.0.0.0/8"), "ip "+side+" & 255.255.255.192 == 10.9.0.64",
			"ip protocol "+op+g.pick("6", "17", "112"))
		if !g.out {
			any = append(any, "ip saddr . tcp dport @c4", "ip saddr . udp dport @c4")
		}
	}
	if g.v6 {
		any = append(any, "ip6 "+side+" "+op+g.pick("fd00:9::2", "fd00:9::/64", "{ fd00:9::1:5, fd00:9::99 }", "@s6"))
	}
	any = append(any, g.pick("tcp", "udp", "tcp")+" dport "+op+g.pick("53", "20009", "20000-20010", "{ 53, 443, 20009 }", "@p"),
		g.pick("tcp", "udp")+" dport "+g.pick("< 1000", ">= 20009", "> 53", "<= 20003"),
		"meta l4proto "+op+g.pick("tcp", "udp", "{ tcp, udp }"), "th dport "+op+g.pick("53", "20009"))
	if family != "netdev" {
		if family == "inet" {
			any = append(any, "meta nfproto "+op+g.pick("ipv4", "ipv6"))
		}
		if g.out {
			any = append(any, "oifname "+op+g.pick("h0", "lo", `"h*"`, "{ h0, x }"), "oif "+op+g.pick("h0", "lo"))
		} else {
			any = append(any, "iifname "+op+g.pick("h0", "lo", `"h*"`, "{ h0, x }"), "iif "+op+g.pick("h0", "lo"), "fib daddr type "+op+g.pick("local", "broadcast", "{ local, multicast }"))
		}
		any = append(any, "ct state "+g.pick("new", "established,related", "{ new, untracked }", "invalid"), "ct state != "+g.pick("new", "established"),
			"tcp flags "+g.pick("syn", "& (fin|syn|rst|ack) == syn", "& (fin|syn) == (fin|syn)", "!= syn"), "meta mark "+op+g.pick("0x1", "0x2", "0x0"))
	} else {
		any = append(any, "meta protocol "+g.pick("ip", "ip6", "!= ip"), "iifname "+op+g.pick("h0", "x"))
	}
	return g.pick(any...)
}

func (g *generator) verdict(family, hook, l4 string) string {
	list := []string{"accept", "drop", "accept", "drop", "continue", "return"}
	if hook != "" && family != "netdev" && (hook == "input" || hook == "output") {
		list = append(list, "reject", "reject")
	}
	if family != "netdev" {
		list = append(list, "meta mark set "+g.pick("0x1", "0x2")+" continue")
	}
	for _, c := range g.chains {
		list = append(list, "jump "+c, "jump "+c, "goto "+c)
	}
	if family != "netdev" {
		device := map[bool]string{true: "oifname", false: "iifname"}[g.out]
		list = append(list, g.pick("ct state vmap { established : accept, related : accept, invalid : drop }", "ct state vmap { new : accept, untracked : drop }",
			device+" vmap { lo : accept, h0 : "+g.pick("drop", "accept", "continue")+" }", "ct status dnat "+g.pick("accept", "drop")))
		if l4 == "" {
			list = append(list, "meta l4proto vmap { tcp : "+g.pick("drop", "accept", "return")+", 112 : drop }")
		}
	}
	if len(g.chains) > 0 && l4 == "" {
		list = append(list, "tcp dport vmap { 53 : drop, 20000-20010 : jump "+g.chains[0]+", 443 : accept }")
	}
	return g.pick(list...)
}

func (g *generator) flow() (rules.Flow, netip.Addr) {
	remote := wirePeers[g.rnd.Intn(len(wirePeers))]
	f := rules.Flow{Direction: rules.In, Protocol: []rules.Protocol{rules.TCP, rules.UDP}[g.rnd.Intn(2)],
		Port:    []uint16{53, 443, 20009, 20003}[g.rnd.Intn(4)],
		Remotes: rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(remote, remote.BitLen())})}
	if g.out {
		f.Direction = rules.Out
	}
	return f, remote
}
