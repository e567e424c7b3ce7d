//go:build linux

package linux

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/rules"
)

// hosts are set up in a namespace of their own and read by the real script with nft
// 1.0.6; testdata keeps what it printed. FARMWALL_UPDATE=1 reads them again.
var hosts = map[string]string{
	"empty": "ip link set lo up",
	"site":  oneCable + stateFiles,
	"rich": `ip link set lo up
ip link add eth0 type veth peer name far; ip link add br0 type bridge; ip link set far master br0; ip link set far up; ip link set br0 up
ip addr add 10.0.0.1/24 dev eth0; ip addr add fd00::1/64 dev eth0 nodad; ip link set eth0 up
ip route add default via 10.0.0.254; ip route add 192.0.2.0/24 nexthop via 10.0.0.253 nexthop via 10.0.0.252; ip route add blackhole 198.51.100.0/24
nft -f - <<X
table inet filter {
 set s { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/8, 192.168.0.0/16, 172.16.0.1-172.16.0.9 }
 }
 set t { type ipv4_addr . inet_service; flags interval,timeout; elements = { 10.0.0.0/8 . 80-90 timeout 1h }
 }
 map m { type inet_service : verdict; elements = { 22 : jump c, 80 : accept, 23 : drop }
 }
 chain c { tcp dport 22 accept
 }
 chain d {
 }
 chain input { type filter hook input priority filter; policy drop;
  iif lo accept comment "lo {"
  iifname "eth*" tcp dport { 80, 443 } counter accept
  meta nfproto ipv4 tcp flags & (fin|syn|rst|ack) == syn tcp dport vmap @m
  tcp dport vmap { 25 : goto d, 26-30 : jump c }
  ip saddr @s meta mark set 0x1 accept
  ip saddr . tcp dport @t accept
  ip saddr & 255.0.0.255 == 10.0.0.1 drop
  ct state established,related accept
  ct state { new, invalid } limit rate 10/second log prefix "x" accept
  fib daddr type { local, broadcast } accept
  tcp dport != 1-5 reject with tcp reset
  meta nfproto ipv6 reject
  ip6 saddr fe80::/10 accept
  jump c comment "farmwall:hook"
 }
}
table netdev n {
 chain i { type filter hook ingress device "eth0" priority 0; policy accept; ip saddr 1.2.3.4 drop
 }
 chain j { type filter hook ingress devices = { eth0, br0 } priority -5;
 }
}
table ip nat {
 chain pre { type nat hook prerouting priority dstnat; tcp dport 80 redirect to :8080
 }
 chain post { type nat hook postrouting priority srcnat; masquerade
 }
}
table bridge bb {
 chain x { type filter hook input priority 0; drop
 }
}
X`,
	"dormant":  oneCable + "nft -f - <<X\ntable inet z {\n flags dormant\n chain in { type filter hook input priority 0; policy drop; jump o comment \"farmwall:hook\"\n }\n chain o {\n }\n}\ntable ip a {\n chain o { type filter hook output priority 0; policy drop;\n }\n}\nX",
	"iptables": oneCable + "iptables-nft -P INPUT DROP; iptables-nft -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT; iptables-nft -A INPUT -m comment --comment x -p tcp --dport 22 -j ACCEPT; iptables-nft -A INPUT -j REJECT; nft insert rule ip filter INPUT tcp dport { 1, 2 } accept",
}

const oneCable = "ip link add eth0 type veth peer name far; ip addr add 10.0.0.1/24 dev eth0; ip link set far up; ip link set eth0 up\n"

// goldenFlows are asked of every host.
var goldenFlows = []rules.Flow{
	{Direction: rules.In, Protocol: rules.TCP, Port: 22},
	{Direction: rules.In, Protocol: rules.TCP, Port: 443},
	{Direction: rules.In, Protocol: rules.TCP, Port: 443, Remotes: rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/64")})},
	{Direction: rules.In, Protocol: rules.UDP, Port: 20009, Remotes: rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("172.16.0.0/24")})},
	{Direction: rules.In, Protocol: rules.VRRP, Remotes: rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")})},
	{Direction: rules.In, Protocol: rules.TCP, Port: 9, Loopback: true},
	{Direction: rules.Out, Protocol: rules.TCP, Port: 443},
}

func TestGoldens(t *testing.T) {
	for name, setup := range hosts {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".observe")
			update := os.Getenv("FARMWALL_UPDATE") == "1"
			if update {
				if err := os.WriteFile(file, readHost(t, shells[0], setup, "192.0.2.1 50000 10.0.0.1 22"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			out, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			st, err := New().Decode(out)
			if err != nil {
				t.Fatal(err)
			}
			got := summary(st)
			if update {
				if err := os.WriteFile(file+".want", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("decoded and judged otherwise:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// summary is what a host is understood to be.
func summary(st *rules.State) string {
	var b strings.Builder
	r := st.Native.(*Reading)
	fmt.Fprintf(&b, "manager %s, blocks outbound %v, farms %v, persistence %q\n", st.Manager, st.BlocksOutbound, st.Farms, st.Persistence)
	fmt.Fprintf(&b, "connection %v -> %v, addresses %v\n", st.Client, st.Local, st.Addresses)
	for _, i := range r.Interfaces {
		fmt.Fprintf(&b, "interface %s up=%v loopback=%v master=%q parent=%q\n", i.Name, i.Up, i.Loopback, i.Master, i.Parent)
	}
	for _, route := range r.Routes {
		if route.Table == "main" {
			fmt.Fprintf(&b, "route %s %s dev %q\n", route.Type, route.To, route.Dev)
		}
	}
	for _, t := range r.Ruleset.Tables {
		fmt.Fprintf(&b, "%s dormant=%v sets=%d\n", t.Place(), t.Dormant, len(t.Sets))
		for _, c := range t.Chains {
			fmt.Fprintf(&b, "  chain %s hook=%q priority=%d policy=%q devices=%v rules=%d ending=%q\n",
				c.Name, c.Hook, c.Priority, c.Policy, c.Devices, len(c.Rules), t.ending(c, 0))
		}
	}
	for _, j := range r.Jumps {
		fmt.Fprintf(&b, "jump %+v\n", j)
	}
	for _, f := range st.Findings {
		fmt.Fprintf(&b, "finding %s: %s\n", f.Kind, f.Text)
	}
	for _, f := range goldenFlows {
		text, err := json.Marshal(f)
		if err != nil {
			panic(err)
		}
		v := New().Judge(st, f)
		if len(v.Part) > 12 {
			v.Part = v.Part[:12]
		}
		fmt.Fprintf(&b, "flow %s\n  %s by %s\n  way %v\n  reason %q part %v\n", text, v.Answer, v.By, v.Way, v.Reason, v.Part)
	}
	return b.String()
}
