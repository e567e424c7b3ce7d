package catalog

import (
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

func extra(id string, change func(*inventory.ExtraRule)) inventory.ExtraRule {
	e := inventory.ExtraRule{ID: id, Direction: "in", Scope: "internal", Protocol: 6, Ports: []rules.PortRange{{First: 5666, Last: 5667}}, Commentary: "monitoring", At: inventory.Position{File: "hosts", Line: 3}}
	if change != nil {
		change(&e)
	}
	return e
}

func TestExtraRules(t *testing.T) {
	type e = *inventory.ExtraRule
	bare := member("bare", "") // no role, no address, no member
	bare.Farm = ""
	set(&bare.Egress, inventory.EgressAlways)
	bare.Rules = []inventory.ExtraRule{
		extra("internal", nil),
		extra("external", func(x e) { x.Scope = "external" }),
		extra("any", func(x e) { x.Scope = "any" }),
		extra("exactly", func(x e) { x.Remotes = nets("192.0.2.0/24", "2001:db8::/32") }),
		extra("everybody", func(x e) { x.Remotes = nets("0.0.0.0/0", "::/0") }),
		extra("v4", func(x e) { x.Remotes = nets("0.0.0.0/0") }),
		extra("local", func(x e) { x.Direction, x.Scope = "local", "localhost" }),
		extra("out", func(x e) { x.Direction, x.Remotes = "out", nets("192.0.2.1/32") }),
		extra("proxy", func(x e) { x.Direction, x.RemoteName = "out", "proxy.example" }),
		extra("gre", func(x e) { x.Protocol, x.Ports = 47, nil }),
		extra("old", func(x e) { x.MaxVersion = inventory.Version{Major: 15} }),
		extra("this", func(x e) {
			x.MinVersion, x.MaxVersion = inventory.Version{Major: 16, Minor: 5}, inventory.Version{Major: 16}
		}),
	}
	p := policy(t, farm(member("gw", "10.0.0.1", inventory.Gateway)), nil)
	s, notes := desired(t, p, bare)
	for id, want := range map[string]string{
		"internal": "10.0.0.1", "external": "anywhere", "any": "anywhere", "exactly": "192.0.2.0/24, 2001:db8::/32", "everybody": "anywhere",
		"v4": "0.0.0.0/0", "local": "loopback", "out": "192.0.2.1", "proxy": "anywhere", "gre": "10.0.0.1", "old": "-", "this": "10.0.0.1",
	} {
		if got := remotes(s, id); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if len(s) != len(bare.Rules)-1 || noted(notes, rules.NoteOff, "old") == "" {
		t.Errorf("%d rules of %d, notes %v", len(s), len(bare.Rules), notes)
	}
	r := s.Find("exactly")
	if r.Farm != "farm" || r.Why.Role != "" || r.Why.Row != "exactly" || r.Why.Text != "monitoring" || !strings.Contains(why(t, s, "exactly"), "farmwall_rules (hosts:3)") {
		t.Errorf("%+v, %+v", r, r.Why)
	}
	if s.Find("out").Direction != rules.Out || s.Find("out").OnlyIfBlocked {
		t.Errorf("%+v", s.Find("out"))
	}
	// In no farm at all there is nobody internal.
	s, notes = desired(t, policy(t, nil, nil), bare)
	if s.Find("internal") != nil || noted(notes, rules.NoteNobody, "internal") == "" || s.Find("exactly") == nil {
		t.Errorf("without a farm: %v", notes)
	}
}

func TestExtraRulesThatMeanSomethingElse(t *testing.T) {
	type e = *inventory.ExtraRule
	h := member("gw", "10.0.0.1", inventory.Gateway)
	cases := map[string]func(e){
		"the name of a row of the port reference": func(x e) { x.ID = "perfmon-in-tcp-3000" },
		"1 to 64 of a-z":        func(x e) { x.ID = "x\"; flush ruleset" },
		"must have ports":       func(x e) { x.Ports = nil },
		"the ports 0-0":         func(x e) { x.Ports = []rules.PortRange{{}} },
		"the ports 9-8":         func(x e) { x.Ports = []rules.PortRange{{First: 9, Last: 8}} },
		"none with another":     func(x e) { x.Protocol = 47 },
		"comes from a name":     func(x e) { x.RemoteName = "example.com" },
		"for this host alone":   func(x e) { x.Scope, x.Remotes = "localhost", nets("10.0.0.0/8") },
		`rule "twice" is there`: nil,
	}
	for want, change := range cases {
		h.Rules = []inventory.ExtraRule{extra("good", nil), extra("bad", change)}
		if change == nil {
			h.Rules = []inventory.ExtraRule{extra("twice", nil), extra("twice", nil)}
		}
		s, _, err := policy(t, farm(h), nil).Desired(h)
		if err == nil || s != nil || !strings.Contains(err.Error(), want) || change != nil && !strings.HasPrefix(err.Error(), "hosts:3: ") {
			t.Errorf("%s: %v", want, err)
		}
	}
	h.Rules = nil
	for _, change := range cases {
		if change != nil {
			h.Rules = append(h.Rules, extra("bad", change))
		}
	}
	_, _, err := policy(t, farm(h), nil).Desired(h)
	for want, change := range cases {
		if change != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("of all mistakes at once, %q is not said: %v", want, err)
		}
	}
	h.Rules, h.Farm = nil, "Not A Farm"
	if _, _, err := policy(t, farm(h), nil).Desired(h); err == nil {
		t.Error("a farm's name that no mark can hold")
	}
}
