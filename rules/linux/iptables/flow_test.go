//go:build linux

package iptables_test

import (
	"fmt"
	"os"
	"testing"

	"farmwall/rules"
)

// TestFlowsPass opens real connections: closed before, open where wanted after the
// change, and closed again after the undo.
func TestFlowsPass(t *testing.T) {
	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprintf("198.51.%d.%d/32", 100+i/250, 1+i%250), fmt.Sprintf("2001:db8:1::%x/128", 2*i))
	}
	want := newSet(t,
		rules.Rule{ID: "web", Direction: rules.In, Protocol: rules.TCP, Ports: ports(443)},
		rules.Rule{ID: "peers", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20002), Remotes: list("192.0.2.1/32", "2001:db8::/64", "10.0.0.0/8")},
		rules.Rule{ID: "others", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20003), Remotes: list("198.51.100.0/24", "2001:db8:1::/64")},
		rules.Rule{ID: "many", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20004), Remotes: list(append(many, "192.0.2.1/32", "2001:db8::1/128")...)},
		rules.Rule{ID: "not-many", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20005), Remotes: list(many...)},
		rules.Rule{ID: "ports", Direction: rules.In, Protocol: rules.TCP, Ports: ports(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 20006)},
		rules.Rule{ID: "exposure.tcp-20005", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20005, 8080), Block: true},
	)
	open := map[string]bool{"443": true, "20002": true, "20003": false, "20004": true, "20005": false, "20006": true, "80": false, "8080": false}
	for _, name := range []string{"default drop", "last rule"} {
		for _, backend := range []string{"nft", "legacy"} {
			if os.Getenv("FARMWALL_SOAK") != "1" && (name == "last rule") != (backend == "nft") {
				continue
			}
			t.Run(name+"/"+backend, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				for port := range open {
					h.Listen("192.0.2.10:"+port, "[2001:db8::10]:"+port)
				}
				for _, a := range []string{"192.0.2.10:443", "[2001:db8::10]:443"} {
					if !h.Opens(a) {
						t.Fatalf("%s is closed before there is a wall", a)
					}
				}
				h.restore(hosts[name].with(backend))
				// What a foreign rule opens and ours closes.
				h.Sh(asked("P -I INPUT -p tcp --dport 8080 -j ACCEPT", backend))
				before := h.Ruleset()
				if h.Reaches("192.0.2.10:443") || h.Reaches("[2001:db8::10]:443") || !h.Opens("192.0.2.10:8080") {
					t.Fatalf("the wall is none:\n%s", before)
				}
				r := h.Apply(want)
				for _, host := range []string{"192.0.2.10:", "[2001:db8::10]:"} {
					for port, open := range open {
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
}
