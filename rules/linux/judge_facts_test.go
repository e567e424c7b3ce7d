//go:build linux

package linux

import (
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
)

// fact is a ruleset and what it makes of TCP port 20009.
type fact struct {
	name, has, added string
	shell            string
	want             rules.Answer
}

// foundAtRandom are disagreements with the kernel that random rulesets showed, and
// others of their kind.
var foundAtRandom = []fact{
	{"a map's continue goes on with the rest of its rule", "table inet o { chain in { type filter hook input priority 0; ct state vmap { new : continue, established : accept } tcp dport 20009 drop\n } }\n", "", "", rules.Denied},
	{"what a map does not hold goes to the next rule", "table inet o { chain in { type filter hook input priority 0; ct state vmap { invalid : continue } drop\n accept\n } }\n", "", "", rules.Allowed},
	{"only the first packet of a connection", "table inet o { chain in { type filter hook input priority 0; policy drop; tcp flags & (fin|syn|rst|ack) == syn accept\n } }\n", "", "", rules.Denied},
	{"the same with what follows", "table inet o { chain in { type filter hook input priority 0; policy drop; tcp flags & (fin|syn|rst|ack) == syn accept\n ct state established accept\n } }\n", "", "", rules.Allowed},
	{"bits in a set", "table inet o { chain in { type filter hook input priority 0; policy drop; tcp flags { syn, syn|ack, ack, psh|ack, fin|ack } accept\n } }\n", "", "", rules.Unknown},
	{"bits in a set that drop", "table inet o { chain in { type filter hook input priority 0; tcp flags { fin|syn, syn|rst, 0x0 } drop\n } }\n", "", "", rules.Allowed},
	{"notrack after tracking", "table inet o { chain pre { type filter hook prerouting priority 10; notrack\n }\n chain in { type filter hook input priority 0; policy drop; ct state new,established accept\n } }\n", "", "", rules.Allowed},
	{"answers out of tracking", "table inet o { chain raw { type filter hook output priority -300; notrack\n }\n chain out { type filter hook output priority 0; policy drop; ct state established accept\n } }\n", "", "", rules.Denied},
	{"a source's type", "table inet o { chain in { type filter hook input priority 0; policy drop; fib saddr type unicast accept\n } }\n", "", "", rules.Allowed},
	{"a way back that exists", "table inet o { chain in { type filter hook input priority 0; policy drop; fib saddr . iif oif exists accept\n } }\n", "", "", rules.Allowed},
	{"a connection's mark", "table inet o { chain pre { type filter hook prerouting priority -10; tcp dport 20009 ct mark set 0x5\n }\n chain in { type filter hook input priority 0; policy drop; ct mark & 0x4 == 0x4 accept\n } }\n", "", "", rules.Allowed},
	{"a mark from the connection", "table inet o { chain pre { type filter hook prerouting priority -10; ct mark set 0x5\n meta mark set ct mark & 0x4 | 0x2\n }\n chain in { type filter hook input priority 0; policy drop; meta mark 0x6 accept\n ct state established accept\n } }\n", "", "", rules.Allowed},
	{"marks of a chain of the same priority", "table ip a { chain in { type filter hook input priority 0; meta mark set 0x1\n } }\ntable ip b { chain in { type filter hook input priority 0; policy drop; meta mark 0x1 accept\n } }\n", "", "", rules.Unknown},
	{"options that no packet has", "table inet o { chain in { type filter hook input priority 0; ip option lsrr exists drop\n exthdr frag exists drop\n } }\n", "", "", rules.Allowed},
	{"a mask with a hole", "table ip o { chain in { type filter hook input priority 0; policy drop; ip saddr & 255.0.255.0 == 10.0.0.0 accept\n } }\n", "", "", rules.Allowed},
	{"a client's port", "table inet o { chain in { type filter hook input priority 0; policy drop; tcp sport 1024-65535 tcp dport 20009 accept\n } }\n", "", "", rules.Allowed},
	{"legacy and nft both closed, one opened", "table inet o { chain in { type filter hook input priority 0; policy drop; tcp dport 20009 accept\n } }\n", "", "iptables-legacy -P INPUT DROP", rules.Denied},
	{"legacy and nft both opened", "table inet o { chain in { type filter hook input priority 0; policy drop; tcp dport 20009 accept\n } }\n", "", "iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -p tcp -m multiport --dports 443,20000:20010 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", rules.Allowed},
	{"legacy drops in raw", "", "", "iptables-legacy -t raw -A PREROUTING -s 10.9.0.0/255.255.0.0 -p tcp -m addrtype --dst-type LOCAL -j DROP", rules.Denied},
	{"legacy jumps and returns", "", "", "iptables-legacy -P INPUT DROP; iptables-legacy -N a; iptables-legacy -N b; iptables-legacy -A INPUT -g a; iptables-legacy -A INPUT -j ACCEPT; iptables-legacy -A a -j b; iptables-legacy -A b ! -i lo -j RETURN; iptables-legacy -A b -j ACCEPT", rules.Denied},
	{"legacy marks and asks", "", "", "iptables-legacy -P INPUT DROP; iptables-legacy -t mangle -A PREROUTING -p tcp --dport 20009 -j MARK --set-xmark 0x3/0x3; iptables-legacy -A INPUT -m mark --mark 0x1/0x1 -j ACCEPT", rules.Allowed},
	{"nft's back end with what nft does not show", "", "", "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -p tcp -m multiport --dports 22,20009 -m comment --comment \"-j DROP\" -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT", rules.Allowed},
	{"nft's back end, for another port", "", "", "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -p tcp -m multiport --dports 22,20010 -j ACCEPT", rules.Denied},
	{"nft's back end, limited", "", "", "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -p tcp -m hashlimit --hashlimit-upto 5/sec --hashlimit-name a -j ACCEPT", rules.Unknown},
	{"legacy, redirected", "", "", "iptables-legacy -t nat -A PREROUTING -p tcp --dport 20009 -j REDIRECT --to-ports 1", rules.Unknown},
	{"legacy, what docker does to others", "", "", "iptables-legacy -t nat -N DOCKER; iptables-legacy -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER; iptables-legacy -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80; iptables-legacy -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE", rules.Allowed},
}

// What makes a port truly open: each row is loaded into a real kernel, a real
// connection is made, and the judge has to say the same.
func TestJudgeAgreesWithTheKernel(t *testing.T) {
	const (
		policyDrop = "table inet other { chain in { type filter hook input priority 0; policy drop; icmpv6 type { 133-137 } accept\n } }\n"
		finalDrop  = "table inet other { chain in { type filter hook input priority 0; icmpv6 type { 133-137 } accept\n drop\n } }\n"
		reject     = "table inet other { chain in { type filter hook input priority 0; icmpv6 type { 133-137 } accept\n reject\n } }\n"
		second     = "table ip more { chain in { type filter hook input priority 5; policy drop; } }\n"
	)
	own := func(priority string) string {
		return "table inet farmwall { chain in { type filter hook input priority " + priority + "; tcp dport 20009 accept\n } }\n"
	}
	rows := []fact{
		{"nothing", "", "", "", rules.Allowed},
		{"own table beside a policy of drop", policyDrop, own("0"), "", rules.Denied},
		{"own table before it", policyDrop, own("-300"), "", rules.Denied},
		{"own table after it", policyDrop, own("300"), "", rules.Denied},
		{"own table before a final drop", finalDrop, own("-10"), "", rules.Denied},
		{"own table before a final reject", reject, own("-10"), "", rules.Denied},
		{"rule at the top of that chain", policyDrop, "insert rule inet other in tcp dport 20009 accept\n", "", rules.Allowed},
		{"rule after a final drop", finalDrop, "add rule inet other in tcp dport 20009 accept\n", "", rules.Denied},
		{"rule before a final drop", finalDrop, "insert rule inet other in tcp dport 20009 accept\n", "", rules.Allowed},
		{"chain and jump", policyDrop, "add chain inet other ours\nadd rule inet other ours tcp dport 20009 accept\ninsert rule inet other in jump ours\n", "", rules.Allowed},
		{"two closed chains, one opened", policyDrop + second, "insert rule inet other in tcp dport 20009 accept\n", "", rules.Denied},
		{"two closed chains, both opened", policyDrop + second, "insert rule inet other in tcp dport 20009 accept\ninsert rule ip more in tcp dport 20009 accept\n", "", rules.Allowed},
		{"iptables' policy of drop", "", own("0"), "iptables-nft -P INPUT DROP", rules.Denied},
		{"iptables' policy of drop, opened by it", "", "", "iptables-nft -P INPUT DROP; iptables-nft -I INPUT -p tcp --dport 20009 -j ACCEPT", rules.Allowed},
		{"dropped in prerouting", "table ip raw { chain pre { type filter hook prerouting priority -300; tcp dport 20009 drop\n } }\n", own("0"), "", rules.Denied},
		{"dropped at ingress", "table netdev n { chain i { type filter hook ingress device \"h0\" priority 0; tcp dport 20009 drop\n } }\n", own("0"), "", rules.Denied},
		{"a mark that opens", "table inet other { chain in { type filter hook input priority 0; policy drop; icmpv6 type { 133-137 } accept\n meta mark 0x77 accept\n } }\n",
			"table inet farmwall { chain in { type filter hook input priority -10; tcp dport 20009 meta mark set 0x77\n } }\n", "", rules.Allowed},
		{"a mark that nobody sets", "table inet other { chain in { type filter hook input priority 0; policy drop; meta mark 0x77 accept\n } }\n", own("0"), "", rules.Denied},
		{"a dormant table", "table inet other { flags dormant; chain in { type filter hook input priority 0; policy drop; } }\n", "", "", rules.Allowed},
		{"only established", "table inet other { chain in { type filter hook input priority 0; policy drop; ct state established,related accept\n } }\n", "", "", rules.Denied},
		{"new connections", "table inet other { chain in { type filter hook input priority 0; policy drop; ct state new,established accept\n } }\n", "", "", rules.Allowed},
		{"goto ends the base chain by its policy", "table inet other { chain c { tcp dport 1 accept\n }\n chain in { type filter hook input priority 0; policy drop; goto c\n accept\n } }\n", "", "", rules.Denied},
		{"return from a base chain is its policy", "table inet other { chain in { type filter hook input priority 0; policy drop; return\n accept\n } }\n", "", "", rules.Denied},
		{"a verdict map", "table inet other { map m { type inet_service : verdict; elements = { 20009 : accept } }\n chain in { type filter hook input priority 0; policy drop; tcp dport vmap @m\n } }\n", "", "", rules.Allowed},
		{"redirected elsewhere", "table ip n { chain pre { type nat hook prerouting priority -100; tcp dport 20009 redirect to :1\n } }\n", "", "", rules.Unknown},
		{"limited", "table inet other { chain in { type filter hook input priority 0; policy drop; limit rate 10/second accept\n } }\n", "", "", rules.Unknown},
		{"limited, and then dropped elsewhere", "table inet other { chain in { type filter hook input priority 0; policy drop; limit rate 10/second accept\n } }\n" + second, "", "", rules.Denied},
		{"a doubt that does not matter", "table inet other { chain in { type filter hook input priority 0; policy accept; limit rate 10/second accept\n } }\n", "", "", rules.Allowed},
		{"out of connection tracking", "table inet other { chain pre { type filter hook prerouting priority -300; notrack\n }\n chain in { type filter hook input priority 0; policy drop; ct state new accept\n } }\n", "", "", rules.Denied},
		{"state before tracking", "table inet other { chain pre { type filter hook prerouting priority -300; ct state invalid drop\n } }\n", "", "", rules.Denied},
		{"what the way back takes", "table inet other { chain pre { type filter hook prerouting priority -10; fib saddr . iif oif missing drop\n } }\n", "", "", rules.Allowed},
		{"a workstation's ruleset", "table inet filter { chain input { type filter hook input priority 0; policy drop; ct state invalid drop\n ct state { established, related } accept\n iif lo accept\n meta l4proto { icmp, ipv6-icmp } accept\n ip protocol igmp accept\n meta pkttype host limit rate 5/second counter reject with icmpx type admin-prohibited\n } }\n", "", "", rules.Denied},
		{"a server's ruleset", "table inet filter { set admins { type ipv4_addr; flags interval; elements = { 10.9.0.0/24 } }\n chain services { tcp dport { 22, 20009 } ip saddr @admins accept\n }\n chain input { type filter hook input priority 0; policy drop; ct state vmap { established : accept, related : accept, invalid : drop }\n iifname vmap { lo : accept, h0 : jump services }\n ct status dnat accept\n log prefix \"dropped \" counter\n } }\n", "", "", rules.Allowed},
		{"the same for somebody else", "table inet filter { set admins { type ipv4_addr; flags interval; elements = { 10.8.0.0/24 } }\n chain services { tcp dport { 22, 20009 } ip saddr @admins accept\n }\n chain input { type filter hook input priority 0; policy drop; ct state vmap { established : accept, related : accept, invalid : drop }\n iifname vmap { lo : accept, h0 : jump services }\n ct status dnat accept\n log prefix \"dropped \" counter\n } }\n", "", "", rules.Denied},
		{"forged addresses", "table inet filter { chain pre { type filter hook prerouting priority -300; iifname != lo ip saddr 127.0.0.0/8 drop\n tcp flags & (fin|syn) == (fin|syn) drop\n tcp flags & (fin|syn|rst|psh|ack|urg) == 0 drop\n ip frag-off & 0x1fff != 0 drop\n } }\n", "", "", rules.Allowed},
		{"a mark that it gets only where it was not accepted", "table ip a { chain p { type filter hook prerouting priority 100; meta length > 20 accept\n meta mark set 2\n } }\n table inet b { chain in { type filter hook input priority 0; policy drop; meta mark 0 accept\n } }\n", "", "", rules.Unknown},
		{"a set that a rule fills", "table inet other { set s { type ipv4_addr; flags dynamic; size 99; }\n chain in { type filter hook input priority 0; policy drop; tcp dport 20009 add @s { ip saddr }\n ip saddr @s accept\n } }\n", "", "", rules.Unknown},
	}
	need(t, "iptables-nft", "iptables-legacy")
	w := newWire(t)
	for _, row := range append(rows, foundAtRandom...) {
		t.Run(row.name, func(t *testing.T) {
			w.host.load(t, "flush ruleset\n"+row.has+row.added)
			if strings.Contains(row.shell, "legacy") {
				w.host.shell(t, "iptables-legacy -P INPUT ACCEPT; for table in filter mangle raw nat security; do iptables-legacy -t $table -F; iptables-legacy -t $table -X; done")
				defer w.host.shell(t, "iptables-legacy -P INPUT ACCEPT; for table in filter mangle raw nat security; do iptables-legacy -t $table -F; done")
			}
			if row.shell != "" {
				w.host.shell(t, row.shell)
			}
			s := New()
			st := w.host.observe(t, s)
			st.Local = netip.MustParseAddrPort("10.9.0.1:22")
			remote := netip.MustParseAddr("10.9.0.2")
			flow := rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 20009, Remotes: rules.NewAddresses([]netip.Prefix{netip.PrefixFrom(remote, 32)})}
			v := s.Judge(st, flow)
			if v.Answer != row.want {
				t.Errorf("judged %s by %q (%s), want %s", v.Answer, v.By, v.Reason, row.want)
			}
			if v.Answer == rules.Unknown && v.Reason == "" {
				t.Error("unknown without a reason")
			}
			if open := w.passes(t, true, rules.TCP, 20009, remote); row.want != rules.Unknown && open != (row.want == rules.Allowed) {
				t.Errorf("judged %s, and the kernel says open=%v", v.Answer, open)
			}
		})
	}
}
