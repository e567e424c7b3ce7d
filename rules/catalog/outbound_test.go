package catalog

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

func TestEgress(t *testing.T) {
	const id = "pa-out-tcp-443-ras.parallels.com"
	for egress, want := range map[inventory.Egress]string{inventory.EgressAuto: "if blocked", inventory.EgressAlways: "always", inventory.EgressNever: "never"} {
		pa := member("pa", "10.0.0.1", inventory.PublishingAgent)
		set(&pa.Egress, egress)
		s, notes := desired(t, policy(t, farm(pa), nil), pa)
		got := "never"
		if r := s.Find(id); r != nil {
			if got = "always"; r.OnlyIfBlocked {
				got = "if blocked"
			}
			if r.Direction != rules.Out || r.Remotes != nil {
				t.Errorf("%s: %+v", egress, r)
			}
		}
		if got != want {
			t.Errorf("%s: written %s", egress, got)
		}
		if said := strings.Contains(noted(notes, rules.NoteOff, ""), "farmwall_egress is never (hosts:7)"); said != (want == "never") {
			t.Errorf("%s: notes %v", egress, notes)
		}
	}
}

func TestSettleNeedsBlockedOutbound(t *testing.T) {
	pa := member("pa", "10.0.0.1", inventory.PublishingAgent)
	s, _ := desired(t, policy(t, farm(pa), nil), pa)
	const id = "pa-out-tcp-443-ras.parallels.com"
	if s.Settle(&rules.State{}).Find(id) != nil || s.Settle(&rules.State{BlocksOutbound: true}).Find(id) == nil {
		t.Error("outbound rules belong to hosts that block outbound traffic, and only to them")
	}
	if s.Find(id) == nil || !s.Find(id).OnlyIfBlocked {
		t.Error("settling changed the set itself")
	}
}

func TestLicensingHostsByVersion(t *testing.T) {
	old := []string{"erp.2x.com", "prm.2x.com"}
	later := []string{"account.parallels.com", "license.parallels.com", "ras.parallels.com", "s.parallels.com"}
	for v, want := range map[inventory.Version][]string{{Major: 14, Minor: 1}: old, {Major: 14}: old, {Major: 15}: later, {Major: 16, Minor: 5}: later, {}: later} {
		pa := member("pa", "10.0.0.1", inventory.PublishingAgent)
		set(&pa.Version, v)
		s, _ := desired(t, policy(t, farm(pa), nil), pa)
		for _, name := range append(slices.Clone(old), later...) {
			if got := s.Find("pa-out-tcp-443-"+name) != nil; got != slices.Contains(want, name) {
				t.Errorf("%v: %s %v", v, name, got)
			}
		}
	}
}

func TestSecondLevelServers(t *testing.T) {
	const id = "console-out-udp-1812-2fa"
	one := func(servers []string, resolve bool, resolved rules.Resolved) (string, []rules.Note, error) {
		c := member("c", "10.0.0.1", inventory.Console)
		set(&c.SecondLevelAuthServers, servers)
		set(&c.ResolveEndpoints, resolve)
		s, notes, err := policy(t, farm(c), resolved).Desired(c)
		return remotes(s, id), notes, err
	}
	if got, notes, _ := one(nil, false, nil); got != "-" || noted(notes, rules.NoteNobody, id) != "nobody to open to: ras_second_level_auth_servers names none" {
		t.Errorf("no servers: %s, %v", got, notes)
	}
	if got, _, _ := one([]string{"192.0.2.1", "198.51.100.0/24"}, false, nil); got != "192.0.2.1, 198.51.100.0/24" {
		t.Errorf("addresses: %s", got)
	}
	if got, _, _ := one([]string{"192.0.2.1", "radius.example"}, false, nil); got != "anywhere" {
		t.Errorf("a name, allowed by port: %s", got)
	}
	answer := rules.Resolved{"radius.example": {netip.MustParseAddr("203.0.113.5")}}
	for _, name := range []string{"www.turbo.net", "download.parallels.com"} {
		answer[name] = []netip.Addr{netip.MustParseAddr("203.0.113.80")}
	}
	if got, _, err := one([]string{"192.0.2.1", "radius.example"}, true, answer); got != "192.0.2.1, 203.0.113.5" || err != nil {
		t.Errorf("a name, resolved: %s %v", got, err)
	}
	if _, _, err := one([]string{"radius.example"}, true, nil); err == nil || !strings.Contains(err.Error(), "radius.example was not resolved") {
		t.Errorf("a name that nobody resolved: %v", err)
	}
	answer["radius.example"] = []netip.Addr{}
	if got, notes, err := one([]string{"radius.example"}, true, answer); got != "-" || err != nil || noted(notes, rules.NoteNobody, id) == "" {
		t.Errorf("a name without addresses: %s %v %v", got, notes, err)
	}
}

func TestEndpointsToResolve(t *testing.T) {
	c := member("c", "10.0.0.1", inventory.Console)
	set(&c.SecondLevelAuthServers, []string{"radius.example", "192.0.2.1"})
	c.Rules = []inventory.ExtraRule{{ID: "proxy", Direction: "out", Protocol: 6, Ports: []rules.PortRange{{First: 3128, Last: 3128}}, RemoteName: "proxy.example"}}
	p := policy(t, farm(c), nil)
	if got := p.Endpoints(c); got != nil {
		t.Errorf("nothing is to be resolved, not %v", got)
	}
	set(&c.ResolveEndpoints, true)
	if got := p.Endpoints(c); !slices.Equal(got, []string{"download.parallels.com", "proxy.example", "radius.example", "www.turbo.net"}) {
		t.Errorf("to be resolved: %v", got)
	}
}
