//go:build linux

package linux

import (
	"fmt"
	"math/rand"
	"strings"
)

// xtables makes random rulesets of iptables for the wire, as iptables-restore reads them.
type xtables struct {
	rnd    *rand.Rand
	v4     bool
	legacy bool
	b      strings.Builder
	table  string
	hooks  []string // of the table
	users  []string // chains that may be called from here
}

func (g *xtables) pick(list ...string) string { return list[g.rnd.Intn(len(list))] }

func (g *xtables) one(in int) bool { return g.rnd.Intn(in) == 0 }

func (g *xtables) program() string {
	return map[bool]string{true: "iptables", false: "ip6tables"}[g.v4]
}

func (g *xtables) ruleset() string {
	g.make("filter", "INPUT", "FORWARD", "OUTPUT")
	g.make("mangle", "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
	g.make("raw", "PREROUTING", "OUTPUT")
	g.make("security", "INPUT", "FORWARD", "OUTPUT")
	g.make("nat", "PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")
	return g.b.String()
}

// make writes one table; tables that are not empty by chance are rare but for filter.
func (g *xtables) make(table string, hooks ...string) {
	g.table, g.hooks, g.users = table, hooks, nil
	busy := table == "filter" || g.one(2) && (table == "mangle" || table == "raw" || g.one(2))
	g.b.WriteString("*" + table + "\n")
	for _, h := range hooks {
		policy := "ACCEPT"
		if table == "filter" && h != "FORWARD" && g.one(3) || table != "nat" && busy && g.one(25) {
			policy = "DROP"
		}
		g.b.WriteString(":" + h + " " + policy + " [0:0]\n")
	}
	n := g.rnd.Intn(4)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&g.b, ":c%d - [0:0]\n", i)
	}
	if busy {
		for i := n; i >= 1; i-- {
			g.rules(fmt.Sprintf("c%d", i), "")
			g.users = append(g.users, fmt.Sprintf("c%d", i))
		}
		for _, h := range hooks {
			if h != "FORWARD" {
				if g.one(2) && table == "filter" {
					g.b.WriteString("-A " + h + " -m " + g.pick("conntrack --ctstate", "state --state") + " RELATED,ESTABLISHED -j ACCEPT\n")
				}
				g.rules(h, h)
			}
		}
	}
	g.b.WriteString("COMMIT\n")
}

func (g *xtables) rules(chain, hook string) {
	for i := g.rnd.Intn(6); i > 0; i-- {
		var parts []string
		protocol := g.pick("", "", "tcp", "udp", "tcp")
		if protocol != "" {
			parts = append(parts, "-p "+protocol)
		} else if g.one(6) {
			parts = append(parts, g.pick("! -p tcp", "-p 112", "-p "+map[bool]string{true: "icmp", false: "icmpv6"}[g.v4], "! -p udp"))
		}
		for k := g.rnd.Intn(3); k > 0; k-- {
			if m := g.match(protocol, hook); !contains(parts, m) && !g.twice(parts, m) {
				parts = append(parts, m)
			}
		}
		if g.one(6) {
			parts = append(parts, `-m comment --comment "`+g.pick("plain", `a \"quoted\" word`, "--jump DROP")+`"`)
		}
		if g.one(120) {
			parts = append(parts, g.pick("-m limit --limit 5/hour", "-m statistic --mode random --probability 0.5", "-m length --length 20:1500"))
		}
		g.b.WriteString("-A " + chain + " " + strings.Join(append(parts, g.target(protocol, hook)), " ") + "\n")
	}
}

// twice says whether the rule holds an option of the match already, which iptables refuses.
func (g *xtables) twice(parts []string, m string) bool {
	option := func(s string) string {
		f := strings.Fields(strings.TrimPrefix(s, "! "))
		if f[0] == "-m" {
			return "-m " + f[1]
		}
		return f[0]
	}
	for _, p := range parts {
		if option(p) == option(m) {
			return true
		}
	}
	return false
}

func (g *xtables) match(protocol, hook string) string {
	not := g.pick("", "", "", "! ")
	var any []string
	if g.v4 {
		any = append(any, not+"-s "+g.pick("10.9.0.2", "10.9.0.0/25", "10.8.0.0/16", "10.0.0.0/255.0.255.0", "198.51.100.0/24", "127.0.0.0/8", "10.9.0.1"),
			not+"-d "+g.pick("10.9.0.1", "10.9.0.0/26", "10.8.0.1", "127.0.0.1", "10.9.0.77"),
			"-m iprange "+not+"--src-range "+g.pick("10.9.0.64-10.9.0.140", "10.8.0.0-10.9.0.2"), "-m iprange "+not+"--dst-range 10.8.0.1-10.9.0.1",
			"-m addrtype "+not+"--"+g.pick("src", "dst")+"-type "+g.pick("LOCAL", "UNICAST", "BROADCAST", "LOCAL,BROADCAST", "MULTICAST"),
			"-m conntrack "+not+"--ctorigsrc "+g.pick("10.9.0.0/25", "10.9.0.1", "198.51.100.9"), "-m conntrack "+not+"--ctorigdst 10.9.0.1", not+"-f")
	} else {
		any = append(any, not+"-s "+g.pick("fd00:9::2", "fd00:9::/64", "fd00:9::1:0/112", "fd00:77::/32", "::1", "fd00:9::1"),
			not+"-d "+g.pick("fd00:9::1", "fd00:9::/64", "::1", "fd00:77::9"), "-m iprange "+not+"--src-range fd00:9::1-fd00:9::2",
			"-m addrtype "+not+"--"+g.pick("src", "dst")+"-type "+g.pick("LOCAL", "UNICAST", "MULTICAST", "LOCAL,UNICAST"),
			g.pick("-m frag --fragfirst", "-m rt", "-m hbh", "-m dst"))
	}
	inward := hook != "OUTPUT" && hook != "POSTROUTING" && hook != ""
	outward := hook != "INPUT" && hook != "PREROUTING" && hook != ""
	if inward || g.legacy && hook == "" {
		any = append(any, not+"-i "+g.pick("h0", "h+", "h1", "lo", "x"))
	}
	if outward || g.legacy && hook == "" {
		any = append(any, not+"-o "+g.pick("h0", "h+", "h1", "lo", "x"))
	}
	if inward {
		any = append(any, "-m pkttype "+not+"--pkt-type "+g.pick("unicast", "broadcast", "multicast"), "-m devgroup "+not+"--src-group "+g.pick("0", "7", "0x3/0x3"))
	} else if outward {
		any = append(any, "-m devgroup "+not+"--dst-group "+g.pick("0", "7"))
	}
	if hook == "PREROUTING" && (g.table == "raw" || g.table == "mangle") {
		any = append(any, "-m rpfilter "+g.pick("", "--loose", "--invert", "--validmark"))
	}
	if protocol != "" {
		any = append(any, "-m "+protocol+" "+not+"--dport "+g.pick("53", "20009", "20000:20010", ":1000", "20009:"),
			"-m "+protocol+" "+not+"--sport "+g.pick("1024:65535", "53"), "-m "+protocol+" --sport 0:65535", // saves leave this out, also after !
			"-m multiport "+not+"--"+g.pick("dports", "ports", "dports", "sports")+" "+g.pick("53,443", "53,400:1000", "443"),
			"-m multiport "+not+"--dports 20000:20005,20009")
	}
	if protocol == "tcp" {
		any = append(any, "-m tcp "+not+"--syn", "-m tcp "+not+"--tcp-flags "+g.pick("SYN,ACK SYN", "ALL NONE", "FIN,SYN FIN,SYN", "SYN,ACK SYN,ACK"))
	}
	any = append(any, "-m conntrack "+not+"--ctstate "+g.pick("NEW", "ESTABLISHED", "INVALID", "NEW,UNTRACKED", "RELATED,ESTABLISHED", "DNAT", "NEW,SNAT"),
		"-m state "+not+"--state "+g.pick("NEW", "INVALID", "ESTABLISHED"), "-m conntrack --ctdir "+g.pick("ORIGINAL", "REPLY"),
		"-m conntrack "+not+"--ctproto "+g.pick("tcp", "udp"), "-m conntrack --ctorigdstport "+g.pick("53", "20009"), "-m conntrack --ctstate NEW --ctdir ORIGINAL",
		"-m mark "+not+"--mark "+g.pick("0x0", "0x1", "0x1/0x3", "0x2"), "-m connmark "+not+"--mark "+g.pick("0x0", "0x1", "0x4/0x4", "0x7"),
		"-m physdev "+not+"--physdev-is-bridged", "-m helper "+not+`--helper "ftp"`, "-m recent --set --name r")
	return g.pick(any...)
}

func (g *xtables) target(protocol, hook string) string {
	if g.table == "nat" {
		list := []string{"-j RETURN", "-j ACCEPT", "-m comment --comment nothing"}
		if hook == "POSTROUTING" {
			list = append(list, "-j MASQUERADE")
		}
		if hook == "PREROUTING" && protocol != "" && g.one(12) {
			list = append(list, "-j REDIRECT --to-ports 1")
		}
		return g.pick(list...)
	}
	list := []string{"-j ACCEPT", "-j DROP", "-j ACCEPT", "-j RETURN", "-j NFLOG --nflog-group 9", "-m comment --comment counts"}
	if g.table == "filter" {
		list = append(list, "-j DROP")
		if protocol == "tcp" {
			list = append(list, "-j REJECT --reject-with tcp-reset")
		} else {
			list = append(list, "-j REJECT")
		}
	}
	if g.table != "filter" {
		list = append(list, "-j MARK "+g.pick("--set-mark 1", "--set-xmark 0x2/0x3", "--or-mark 0x1", "--and-mark 0x2", "--xor-mark 3"),
			"-j MARK "+g.pick("--set-mark 1", "--set-mark 2"),
			"-j CONNMARK "+g.pick("--set-mark 1", "--set-xmark 0x4/0x4", "--save-mark", "--restore-mark", "--save-mark --nfmask 0x1 --ctmask 0x3", "--restore-mark --mask 0x4"))
	}
	if g.table == "raw" && g.one(2) && hook != "" {
		list = append(list, g.pick("-j CT --notrack", "-j NOTRACK"))
	}
	if g.table == "mangle" && protocol == "tcp" {
		list = append(list, "-j DSCP --set-dscp 5")
	}
	for _, c := range g.users {
		list = append(list, "-j "+c, "-j "+c, "-g "+c)
	}
	return g.pick(list...)
}
