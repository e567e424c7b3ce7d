//go:build linux

package linux

import (
	"fmt"
	"math/rand"
	"strings"
)

// generator makes random rulesets of nft for the wire.
type generator struct {
	rnd      *rand.Rand
	doubtful bool
	out      bool // the table that is being made looks at what the host sends
	b        strings.Builder
	chains   []string // of the table that is being made, callable from here
	v6, v4   bool     // what the table sees
}

func (g *generator) pick(list ...string) string { return list[g.rnd.Intn(len(list))] }

func (g *generator) one(in int) bool { return g.rnd.Intn(in) == 0 }

func (g *generator) ruleset() string {
	tables := 1 + g.rnd.Intn(3)
	for i := 0; i < tables; i++ {
		g.out = g.one(3)
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
	fmt.Fprintf(&g.b, "counter c { }\nlimit l { rate 5/hour }\nset i { type ifname . inet_service; elements = { h0 . 53, h1 . 20009, lo . 443 }\n}\n")
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
		// What the wire itself needs: the sentinel.
		if family == "netdev" {
			g.b.WriteString("meta protocol != { ip, ip6 } accept\n")
		}
		if family != "netdev" && g.one(2) {
			g.b.WriteString("ct state established,related accept\n")
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
			g.b.WriteString(m + " ")
		}
		if g.one(4) {
			g.b.WriteString(g.pick("counter ", "counter name \"c\" ", "log group 9 ", "meta priority set 5 "))
		}
		if g.one(60) {
			g.doubtful = true
			g.b.WriteString(g.pick("limit rate 5/hour ", "quota over 5 mbytes ", "meta length > 20 ", "limit name \"l\" ") + " ")
		}
		v := g.verdict(family, hook, l4)
		if l3 == "" && l4 == "" && g.v4 && !g.out && g.one(10) {
			v = "ip saddr vmap @m4"
		}
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
	case first == "exthdr":
		l3 = "ip6"
	case strings.HasPrefix(m, "@nh"), strings.Contains(m, "original ip "):
		l3 = "ip"
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
		any = append(any, "ip saddr & 255.0.255.0 "+op+g.pick("10.0.0.0", "198.0.100.0"), "ip option rr exists", "ip version 4", "@nh,72,8 6")
	}
	if g.v6 {
		any = append(any, g.pick("exthdr frag exists", "exthdr hbh exists", "ip6 nexthdr "+op+"6"), "ip6 "+side+" "+op+g.pick("fd00:9::2", "fd00:9::/64", "{ fd00:9::1:5, fd00:9::99 }", "@s6"))
	}
	any = append(any, g.pick("tcp", "udp", "tcp")+" dport "+op+g.pick("53", "20009", "20000-20010", "{ 53, 443, 20009 }", "@p"),
		g.pick("tcp", "udp")+" dport "+g.pick("< 1000", ">= 20009", "> 53", "<= 20003"),
		"meta l4proto "+op+g.pick("tcp", "udp", "{ tcp, udp }"), "th dport "+op+g.pick("53", "20009"))
	if family != "netdev" {
		if family == "inet" {
			any = append(any, "meta nfproto "+op+g.pick("ipv4", "ipv6"))
		}
		if g.out {
			any = append(any, "oifname "+op+g.pick("h0", "lo", `"h*"`, "{ h0, x }"), "oif "+op+g.pick("h0", "lo"), "oifgroup "+op+g.pick("0", "7", "{ 5, 7 }"),
				"fib saddr type "+op+"local", "fib daddr type "+op+g.pick("local", "unicast", "{ local, broadcast }"), "oifname . tcp dport @i")
		} else {
			any = append(any, "iifname "+op+g.pick("h0", "lo", `"h*"`, "{ h0, x }"), "iif "+op+g.pick("h0", "lo"), "fib daddr type "+op+g.pick("local", "broadcast", "{ local, multicast }"),
				"iifgroup "+op+g.pick("0", "7", "{ 5, 7 }"), "iifname . udp dport @i", "meta skuid "+op+"0",
				"fib saddr type "+op+g.pick("local", "unicast", "{ unicast, multicast }"), "fib saddr . iif oif "+g.pick("exists", "missing"),
				"fib saddr . mark . iif oif "+g.pick("exists", "missing"), "meta pkttype "+op+g.pick("host", "{ broadcast, multicast }"))
		}
		any = append(any, "ct state "+g.pick("new", "established,related", "{ new, untracked }", "invalid"), "ct state != "+g.pick("new", "established"),
			"tcp flags "+g.pick("syn", "& (fin|syn|rst|ack) == syn", "& (fin|syn) == (fin|syn)", "!= syn"), "meta mark "+op+g.pick("0x1", "0x2", "0x0"), "meta mark & 0x3 "+op+"0x1", "ct mark "+op+g.pick("0x0", "0x7", "0x1"),
			"ct direction "+op+g.pick("original", "reply"), "ct state != { established, related }", "ct state vmap { new : continue, established : accept } ct state new",
			"meta l4proto tcp ct original proto-dst "+g.pick("53", "20009"), "ct protocol "+op+"6", "tcp flags { syn, syn | ack, ack }")
		if g.v4 {
			any = append(any, "ct original ip saddr "+op+g.pick("10.9.0.0/25", "10.9.0.1", "198.51.100.9"), "ct original ip daddr "+op+"10.9.0.1")
		}
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
		list = append(list, "meta mark set "+g.pick("0x1", "0x2", "meta mark | 0x1", "meta mark & 0x2", "meta mark ^ 0x3", "ct mark", "ct mark & 0x1 | 0x2")+" continue",
			"ct mark set "+g.pick("0x1", "meta mark", "ct mark | 0x4", "meta mark & 0xff")+" continue")
		if g.v4 && hook == "prerouting" && g.one(4) {
			list = append(list, "notrack")
		}
	}
	for _, c := range g.chains {
		list = append(list, "jump "+c, "jump "+c, "goto "+c)
	}
	if family != "netdev" {
		device := map[bool]string{true: "oifname", false: "iifname"}[g.out]
		list = append(list, g.pick("ct state vmap { established : accept, related : accept, invalid : drop }", "ct state vmap { new : accept, untracked : drop }",
			device+" vmap { lo : accept, h0 : "+g.pick("drop", "accept", "continue")+" }", g.pick("ct status dnat ", "ct status snat,dnat ")+g.pick("accept", "drop")))
		if l4 == "" {
			list = append(list, "meta l4proto vmap { tcp : "+g.pick("drop", "accept", "return")+", 112 : drop }")
		}
	}
	if len(g.chains) > 0 && l4 == "" {
		list = append(list, "tcp dport vmap { 53 : drop, 20000-20010 : jump "+g.chains[0]+", 443 : accept }")
	}
	return g.pick(list...)
}
