//go:build linux

package nftables_test

import (
	"testing"

	"farmwall/rules"
)

// walls are rulesets that close by default and let neighbours find each other.
var walls = map[string]string{
	"inet": `table inet filter {
	chain input {
		type filter hook input priority 0; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
`,
	"ip and ip6 with a last rule": `table ip filter {
	chain input { type filter hook input priority 0; tcp dport 22 accept; drop; }
}
table ip6 filter {
	chain input {
		type filter hook input priority 0; policy accept;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		reject
	}
}
`,
	"netdev ingress": `table netdev guard {
	chain wire {
		type filter hook ingress device "eth0" priority -10; policy drop;
		meta protocol arp accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
`,
	"prerouting": `table inet early {
	chain pre {
		type filter hook prerouting priority raw; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
`,
	"three walls, one behind the other": `table netdev guard {
	chain wire {
		type filter hook ingress device "eth0" priority 0; policy drop;
		meta protocol arp accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
table inet early {
	chain pre {
		type filter hook prerouting priority -300; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
table inet filter {
	chain input {
		type filter hook input priority 10; policy drop;
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}
`,
}

// TestFlowsPass opens real connections: closed before, open where wanted after the
// change, and closed again after the undo.
func TestFlowsPass(t *testing.T) {
	want := newSet(t,
		rules.Rule{ID: "web", Direction: rules.In, Protocol: rules.TCP, Ports: ports(443)},
		rules.Rule{ID: "peers", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20002), Remotes: list("192.0.2.1/32", "2001:db8::/64")},
		rules.Rule{ID: "others", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20003), Remotes: list("198.51.100.0/24", "2001:db8:1::/64")},
	)
	for name, wall := range walls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.Listen("192.0.2.10:443", "192.0.2.10:20002", "192.0.2.10:20003", "192.0.2.10:80",
				"[2001:db8::10]:443", "[2001:db8::10]:20002", "[2001:db8::10]:20003", "[2001:db8::10]:80")
			for _, a := range []string{"192.0.2.10:443", "[2001:db8::10]:443"} {
				if !h.Opens(a) {
					t.Fatalf("%s is closed before there is a wall", a)
				}
			}
			h.nft(wall)
			before := h.Ruleset()
			for _, a := range []string{"192.0.2.10:443", "[2001:db8::10]:443"} {
				if h.Reaches(a) {
					t.Fatalf("%s is open behind the wall:\n%s", a, before)
				}
			}
			r := h.Apply(want)
			for _, host := range []string{"192.0.2.10", "[2001:db8::10]"} {
				for port, open := range map[string]bool{":443": true, ":20002": true, ":20003": false, ":80": false} {
					if open && !h.Opens(host+port) || !open && h.Reaches(host+port) {
						t.Errorf("%s%s: open is not %v\n%s", host, port, open, h.Ruleset())
					}
				}
			}
			h.NothingToDo(want)
			if r := h.Revert(r.Lease); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := h.Ruleset(); after != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
			}
			if h.Reaches("192.0.2.10:443") {
				t.Error("still open after the undo")
			}
		})
	}
}
