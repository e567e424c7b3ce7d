//go:build linux

package main

import (
	"fmt"
	"math/rand"
	"strings"
)

// wallmaker writes rulesets as administrators do by hand. All of them let SSH in
// from the lab's controller.
type wallmaker struct {
	rnd    *rand.Rand
	b      strings.Builder
	family string
	v4, v6 bool // what the table sees
	reject bool // its chains may say reject
	early  bool // the chain comes before connections are tracked
}

func (m *wallmaker) pick(list ...string) string { return list[m.rnd.Intn(len(list))] }

func (m *wallmaker) one(in int) bool { return m.rnd.Intn(in) == 0 }

func (m *wallmaker) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if m.one(6) && !strings.HasSuffix(text, "{") && !strings.HasPrefix(text, "type ") && !strings.Contains(text, "comment") {
		text += ` comment "` + m.pick("SSH für Büro", "don't touch; ask Bob", "{ } # $HOME `id` $(id)", "a, b: c = d", "web", "farm wall", "%s %d \\t", "} } }", "drop", "jump farmwall_in", "1 # handle 7") + `"`
	}
	m.b.WriteString("\t\t" + text + "\n")
}

// ruleset writes one host's whole ruleset.
func (m *wallmaker) ruleset() string {
	m.b.WriteString("flush ruleset\n")
	switch m.rnd.Intn(8) {
	case 0, 1, 2:
		m.table("inet", m.pick("filter", "firewall", "my-fw", "global"), "input")
	case 3:
		m.table("ip", m.pick("filter", "v4"), "input")
		m.table("ip6", m.pick("filter", "v6"), "input")
	case 4:
		m.table("inet", "filter", "input", "output")
	case 5:
		m.table(m.pick("ip", "ip6"), "only", "input")
	case 6:
		m.table("inet", "filter", "prerouting", "input", "output")
	case 7: // nothing at input: one of the tables below is all there is
	}
	if m.one(3) {
		m.table(m.pick("inet", "inet", "ip", "ip6"), "early", "prerouting")
	}
	if m.one(4) {
		m.table("netdev", m.pick("edge", "ddos"), "ingress")
	}
	if m.one(5) {
		m.table("inet", "second", m.pick("input", "output"))
	}
	if m.one(6) {
		m.b.WriteString("table ip nat {\n\tchain postrouting {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t\toifname \"docker0\" masquerade\n\t}\n}\n")
	}
	return m.b.String()
}

// table writes a table with base chains at the hooks.
func (m *wallmaker) table(family, name string, hooks ...string) {
	m.family, m.v4, m.v6 = family, family != "ip6", family != "ip"
	m.reject = hooks[0] == "input" || hooks[0] == "output"
	fmt.Fprintf(&m.b, "table %s %s {\n", family, name)
	if m.one(10) && family != "netdev" {
		m.b.WriteString("\tflags dormant\n")
	}
	if m.one(6) {
		m.b.WriteString("\tcomment \"managed by hand\"\n")
	}
	m.sets()
	m.chain("reject_all", func() {
		if m.one(2) {
			m.line("tcp dport 113 drop")
		}
		m.line("%s", m.end())
	})
	m.chain("services", func() {
		for range 1 + m.rnd.Intn(3) {
			m.line("%s", m.allow())
		}
		if m.one(3) {
			m.line("return")
		}
	})
	for _, hook := range hooks {
		m.base(hook)
	}
	if m.one(4) && family != "netdev" {
		m.b.WriteString("\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n")
	}
	m.b.WriteString("}\n")
}

func (m *wallmaker) chain(name string, body func()) {
	fmt.Fprintf(&m.b, "\tchain %s {\n", name)
	body()
	m.b.WriteString("\t}\n")
}

func (m *wallmaker) sets() {
	if m.v4 {
		m.b.WriteString("\tset admins4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\telements = { 10.78.0.254, 192.168.0.0/16 }\n\t}\n" +
			"\tset banned4 {\n\t\ttype ipv4_addr\n\t\tflags interval\n\t\tauto-merge\n\t\telements = { 10.78.0.202, 203.0.113.0/24 }\n\t}\n")
	}
	if m.v6 {
		m.b.WriteString("\tset admins6 {\n\t\ttype ipv6_addr\n\t\tflags interval\n\t\telements = { fd78::fe, 2001:db8::/32 }\n\t}\n" +
			"\tset banned6 {\n\t\ttype ipv6_addr\n\t\telements = { fd78::202, 2001:db8::bad }\n\t}\n")
	}
	m.b.WriteString("\tset open_tcp {\n\t\ttype inet_service\n\t\tflags interval\n\t\telements = { 22, 8080, 30000-30100 }\n\t}\n")
	m.b.WriteString("\tmap svc {\n\t\ttype inet_service : verdict\n\t\telements = { 22 : accept, 113 : drop, 9090 : accept }\n\t}\n")
}

// end is what closes a chain.
func (m *wallmaker) end() string {
	if !m.reject {
		return m.pick("drop", "counter drop")
	}
	return m.pick("drop", "counter drop", `log prefix "dropped: " drop`, "reject", "counter reject")
}

// allow lets something in that no rule of a farm is about.
func (m *wallmaker) allow() string {
	list := []string{"tcp dport 8080 accept", "tcp dport { 8080, 9090 } accept", "tcp dport @open_tcp accept", "udp dport 53 accept", "tcp dport vmap @svc", "meta l4proto 47 accept"}
	if m.v4 {
		list = append(list, "ip saddr @admins4 accept", "ip saddr 10.78.0.201 tcp dport 8080-8090 accept", "ip saddr . tcp dport { 10.78.0.201 . 9090, 10.78.0.254 . 22 } accept")
	}
	if m.v6 {
		list = append(list, "ip6 saddr @admins6 accept", "ip6 saddr fd78::/64 tcp dport 9090 accept")
	}
	return m.pick(list...)
}

// ban closes something on purpose.
func (m *wallmaker) ban() string {
	list := []string{"tcp dport 23 drop", "udp dport { 111, 137-139 } drop", "tcp dport { 20009, 135 } drop", "udp dport 7003 counter drop",
		"tcp flags & (fin|syn|rst|psh|ack|urg) == (fin|psh|urg) drop", "tcp dport 80 drop"}
	if m.v4 {
		list = append(list, "ip saddr @banned4 drop", "ip saddr 10.78.0.203 drop", "ip saddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4 } "+m.lo()+"drop", "ip frag-off & 0x1fff != 0 counter drop")
	}
	if m.v6 {
		list = append(list, "ip6 saddr @banned6 drop", "ip6 saddr fd78::203 tcp dport 80-20100 drop")
	}
	if m.family != "netdev" {
		if !m.early {
			list = append(list, "ct state invalid drop")
		}
		list = append(list, "fib daddr type broadcast drop", "meta pkttype multicast tcp dport 80 drop")
	}
	return m.pick(list...)
}

func (m *wallmaker) lo() string { return m.pick(`iifname != "lo" `, `iif != "lo" `) }
