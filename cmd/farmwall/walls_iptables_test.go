//go:build linux

package main

import (
	"fmt"
	"strings"
)

// emptied is what every script of iptables begins with: no rules of anybody.
const emptied = `#!/bin/sh
set -e
nft flush ruleset
for p in iptables ip6tables; do
	while read -r t; do
		for c in PREROUTING INPUT FORWARD OUTPUT POSTROUTING; do $p-legacy -t $t -P $c ACCEPT 2>/dev/null || :; done
		$p-legacy -t $t -F; $p-legacy -t $t -X
	done </proc/net/${p%tables}_tables_names
done
`

// iptables writes one host's rules as administrators of iptables do, as a script for
// its shell: one back end, one or both families, at times a table of nft beside it.
func (m *wallmaker) iptables() string {
	m.b.WriteString(emptied)
	backend := m.pick("nft", "legacy")
	families := m.pick("ip ip6", "ip ip6", "ip ip6", "ip", "ip6")
	for _, family := range strings.Fields(families) {
		m.v4, m.v6 = family == "ip", family == "ip6"
		program := map[bool]string{true: "iptables", false: "ip6tables"}[m.v4]
		fmt.Fprintf(&m.b, "%s-%s-restore <<'END'\n", program, backend)
		m.xfilter()
		m.xothers()
		m.b.WriteString("END\n")
	}
	if m.one(6) {
		m.b.WriteString("nft -f - <<'END'\n")
		m.table("inet", m.pick("extra", "filter"), m.pick("input", "prerouting"))
		m.b.WriteString("END\n")
	}
	return m.b.String()
}

// rule writes one rule, at times with a comment.
func (m *wallmaker) rule(chain, text string) {
	comment := ""
	if m.one(6) {
		comment = `-m comment --comment "` + m.pick(`web`, `SSH für Büro`, `-j FARMWALL-IN`, `a \"quoted\" word`, `$(id) \\ ;`, `--comment farmwall:x:y:00000000 `, `COMMIT`) + `" `
	}
	at := max(strings.LastIndex(text, "-j "), strings.LastIndex(text, "-g "))
	fmt.Fprintf(&m.b, "-A %s %s%s%s\n", chain, text[:at], comment, text[at:])
}

// xfilter writes the table filter.
func (m *wallmaker) xfilter() {
	policy, final := "DROP", ""
	switch m.rnd.Intn(6) {
	case 0:
		policy = "ACCEPT"
	case 1, 2:
		policy, final = "ACCEPT", m.pick("-j DROP", "-j REJECT", "-j reject_all", "-g reject_all", "-m limit --limit 5/min -j LOG\n-A INPUT -j DROP")
	}
	out := m.pick("ACCEPT", "ACCEPT", "ACCEPT", "DROP")
	fmt.Fprintf(&m.b, "*filter\n:INPUT %s [0:0]\n:FORWARD %s [0:0]\n:OUTPUT %s [0:0]\n:reject_all - [0:0]\n:services - [0:0]\n:f2b-sshd - [0:0]\n", policy, m.pick("ACCEPT", "DROP"), out)
	m.rule("reject_all", m.pick("-p tcp --dport 113 -j DROP", "-p udp -j RETURN"))
	m.rule("reject_all", m.pick("-j DROP", "-j REJECT"))
	for range 1 + m.rnd.Intn(3) {
		m.rule("services", m.xallow())
	}
	m.rule("f2b-sshd", "-s "+m.xbanned()+" -j "+m.pick("DROP", "REJECT"))
	m.rule("f2b-sshd", "-j RETURN")
	if m.one(2) {
		m.rule("INPUT", "-p tcp -m multiport --dports 22 -j f2b-sshd")
	}
	m.rule("INPUT", m.pick("-i lo -j ACCEPT", "-i lo -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT"))
	m.rule("INPUT", m.pick("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-m state --state RELATED,ESTABLISHED -j ACCEPT"))
	if m.v6 {
		m.rule("INPUT", "-p ipv6-icmp -j ACCEPT")
	} else if m.one(2) {
		m.rule("INPUT", m.pick("-p icmp -j ACCEPT", "-p icmp --icmp-type 8 -m limit --limit 10/sec -j ACCEPT"))
	}
	for range m.rnd.Intn(3) {
		m.rule("INPUT", m.xban())
	}
	if m.one(3) {
		m.rule("INPUT", m.pick("-j services", "-p tcp --dport 8000:9999 -j services", "-p tcp --dport 9090 -g services"))
	}
	m.rule("INPUT", m.pick("-p tcp --dport 22 -j ACCEPT", "-p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT", "-i eth0 -p tcp -m multiport --dports 22,8443 -j ACCEPT", "-p tcp --syn --dport 22 -j ACCEPT"))
	for range m.rnd.Intn(3) {
		m.rule("INPUT", m.xallow())
	}
	if final != "" {
		m.b.WriteString("-A INPUT " + final + "\n")
	}
	if out == "DROP" {
		m.rule("OUTPUT", "-o lo -j ACCEPT")
		m.rule("OUTPUT", "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
		if m.v6 {
			m.rule("OUTPUT", "-p ipv6-icmp -j ACCEPT")
		}
		m.rule("OUTPUT", m.pick("-p udp --dport 53 -j ACCEPT", "-p tcp -m multiport --dports 80,443 -j ACCEPT"))
	}
	m.b.WriteString("COMMIT\n")
}

// xothers writes tables besides filter.
func (m *wallmaker) xothers() {
	if m.one(4) {
		m.b.WriteString("*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n")
		m.rule("PREROUTING", m.pick("-m conntrack --ctstate INVALID -j DROP", "-p tcp --tcp-flags FIN,SYN FIN,SYN -j DROP", "-p udp --dport 7003 -j DROP", "-p tcp --dport 80 -j MARK --set-mark 7"))
		m.b.WriteString("COMMIT\n")
	}
	if m.one(5) {
		m.b.WriteString("*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
		m.rule("PREROUTING", m.pick("-p tcp --dport 20009 -j DROP", "-s "+m.xbanned()+" -j DROP", "-p udp --dport 53 -j CT --notrack"))
		m.b.WriteString("COMMIT\n")
	}
	if m.one(4) && m.v4 {
		m.b.WriteString("*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n" +
			"-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n-A DOCKER -i docker0 -j RETURN\nCOMMIT\n")
	}
}

func (m *wallmaker) xbanned() string {
	if m.v6 {
		return m.pick("fd78::202", "2001:db8::/32")
	}
	return m.pick("10.78.0.202", "203.0.113.0/24")
}

// xallow lets something in that no rule of a farm is about.
func (m *wallmaker) xallow() string {
	list := []string{"-p tcp --dport 8080 -j ACCEPT", "-p tcp -m multiport --dports 8080,9090,30000:30100 -j ACCEPT", "-p udp --dport 53 -j ACCEPT", "-p 47 -j ACCEPT",
		"-p tcp ! --dport 1:10000 -m multiport --dports 30050 -j ACCEPT"}
	if m.v4 {
		list = append(list, "-s 10.78.0.254 -j ACCEPT", "-s 10.78.0.201 -p tcp --dport 8080:8090 -j ACCEPT", "-m iprange --src-range 10.78.0.200-10.78.0.201 -p tcp --dport 9090 -j ACCEPT",
			"! -s 10.78.0.202 -p tcp --dport 9090 -j ACCEPT")
	} else {
		list = append(list, "-s fd78::fe -j ACCEPT", "-s fd78::/64 -p tcp --dport 9090 -j ACCEPT")
	}
	return m.pick(list...)
}

// xban closes something on purpose.
func (m *wallmaker) xban() string {
	list := []string{"-p tcp --dport 23 -j DROP", "-p udp -m multiport --dports 111,137:139 -j DROP", "-p tcp -m multiport --dports 20009,135 -j DROP", "-p udp --dport 7003 -j DROP",
		"-p tcp --tcp-flags ALL FIN,PSH,URG -j DROP", "-p tcp --dport 80 -j REJECT --reject-with tcp-reset", "-m conntrack --ctstate INVALID -j DROP", "-s " + m.xbanned() + " -j DROP"}
	if m.v4 {
		list = append(list, "-s 10.78.0.203 -j DROP", "-m addrtype --dst-type BROADCAST -j DROP", "-f -j DROP")
	}
	return m.pick(list...)
}
