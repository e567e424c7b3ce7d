//go:build linux

package main

import "fmt"

// base writes a base chain.
func (m *wallmaker) base(hook string) {
	closed := !m.one(3)
	// A filter at ingress or before routing that drops by default is seldom.
	if hook == "ingress" || hook == "prerouting" {
		closed = m.one(3)
	}
	priority, device := m.pick("filter", "0", "10", "filter - 5"), ""
	switch hook {
	case "ingress":
		priority, device = m.pick("0", "-500"), `device "eth0" `
	case "prerouting":
		priority = m.pick("raw", "mangle", "-300", "-150")
	}
	policy, final := "accept", ""
	if closed {
		if policy = "drop"; m.one(3) {
			policy, final = "accept", m.pick("end", "jump reject_all", "goto reject_all")
		}
	}
	fmt.Fprintf(&m.b, "\tchain %s_%s {\n\t\ttype filter hook %s %spriority %s; policy %s;\n", hook, m.pick("main", "1", "x-y"), hook, device, priority, policy)
	m.early = priority == "raw" || priority == "-300" || hook == "ingress"
	m.preamble(hook)
	switch hook {
	case "output":
		m.output()
	default:
		for range m.rnd.Intn(3) {
			m.line("%s", m.ban())
		}
		if m.one(3) {
			m.line("%s", m.pick("jump services", "tcp dport 8000-9999 jump services", "meta l4proto tcp jump services", "tcp dport { 9090 } goto services"))
		}
		m.ssh()
		for range m.rnd.Intn(3) {
			m.line("%s", m.allow())
		}
		if m.one(4) {
			m.line("%s", m.ban())
		}
	}
	if m.one(4) {
		m.line("%s", m.pick(`limit rate 5/minute log prefix "fw: "`, `log prefix "in: " level debug`, "counter"))
	}
	switch final {
	case "end":
		m.line("%s", m.end())
	case "":
	default:
		m.line("%s", final)
	}
	m.b.WriteString("\t}\n")
}

// preamble is what nearly every chain begins with.
func (m *wallmaker) preamble(hook string) {
	side := "iif"
	if hook == "output" {
		side = "oif"
	}
	if hook == "ingress" {
		m.line("meta protocol != { ip, ip6 } accept")
	} else {
		m.line("%s", m.pick(side+` "lo" accept`, side+`name "lo" accept`, side+`name vmap { "lo" : accept }`))
	}
	if m.v6 {
		m.line("%s", m.pick("icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept", "meta l4proto ipv6-icmp accept", "ip6 nexthdr icmpv6 counter accept"))
	}
	if m.v4 && m.one(2) {
		m.line("%s", m.pick("ip protocol icmp accept", "icmp type { echo-request, destination-unreachable } accept", "icmp type echo-request limit rate 10/second accept"))
	}
	switch {
	case m.early:
		m.line("tcp flags & (syn|ack) != syn accept")
		m.line("udp sport { 53, 123, 5003-5013 } accept")
	case hook == "output" && m.one(6): // answers are told by their port alone
		m.line("tcp sport { 22, 80, 443, 8443 } accept")
	case m.one(3):
		m.line("ct state vmap { established : accept, related : accept, invalid : drop }")
	default:
		m.line("%s", m.pick("ct state established,related accept", "ct state { established, related } counter accept", "ct state related accept\n\t\tct state established accept"))
	}
}

// ssh lets the controller in.
func (m *wallmaker) ssh() {
	list := []string{"tcp dport 22 accept", "tcp dport 22 counter accept", "tcp dport { 22, 8443 } accept", "tcp dport @open_tcp accept", "tcp dport vmap @svc"}
	if m.family != "netdev" {
		list = append(list, `iifname "eth0" tcp dport 22 accept`, `iifname { "eth0", "wg0" } tcp dport 22 accept`)
	}
	if !m.early {
		list = append(list, "ct state new tcp dport 22 accept")
	}
	if m.one(2) {
		m.line("%s", m.pick(list...))
		return
	}
	if m.v4 {
		m.line("%s", m.pick("ip saddr @admins4 tcp dport 22 accept", "ip saddr { 10.78.0.254, 192.0.2.1 } tcp dport 22 accept", "ip saddr 10.78.0.240/28 accept"))
	}
	if m.v6 {
		m.line("%s", m.pick("ip6 saddr @admins6 tcp dport 22 accept", "ip6 saddr fd78::fe tcp dport 22 accept"))
	}
}

// output lets some things out.
func (m *wallmaker) output() {
	m.line("%s", m.pick("udp dport 53 accept", "udp dport { 53, 123 } accept", "tcp dport { 80, 443 } accept"))
	if m.one(3) {
		m.line("%s", m.pick("tcp dport 25 reject", "meta skuid 0 accept", "tcp dport 5003 drop"))
	}
}
