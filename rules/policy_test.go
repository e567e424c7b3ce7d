package rules

import (
	"net/netip"
	"strings"
	"testing"

	"farmwall/inventory"
)

func host(name, address string, role inventory.Role) *inventory.Host {
	h := &inventory.Host{Name: name, Farm: "north", Roles: []inventory.Role{role}}
	h.Addresses.Value = []netip.Addr{netip.MustParseAddr(address)}
	return h
}

func inRow(id string, scope Scope, change func(*Row)) Row {
	r := Row{ID: id, Edition: "16", Roles: []inventory.Role{inventory.RDSH}, Direction: "in", Scope: scope, Protocol: TCP, Port: 80}
	if change != nil {
		change(&r)
	}
	return r
}

func wantedIDs(t *testing.T, h *inventory.Host, rows ...Row) string {
	t.Helper()
	set, _, err := NewPolicy(rows, &inventory.Farm{Name: "north", Members: []*inventory.Host{h}}, nil).Desired(h)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range set {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func TestLaterRowsThatAreServed(t *testing.T) {
	h := host("rds", "10.0.0.1", inventory.RDSH)
	h.SSL.Value, h.RDPUDP.Value = true, true
	when := func(names ...string) func(*Row) { return func(r *Row) { r.When = names } }
	for name, c := range map[string]struct {
		earlier, later Row
		want           string
	}{
		"the same":                          {inRow("a", Internal, nil), inRow("b", Internal, nil), "a"},
		"the same under another condition":  {inRow("a", Internal, when("ssl")), inRow("b", Internal, nil), "a"},
		"narrower":                          {inRow("a", External, nil), inRow("b", Internal, nil), "a"},
		"narrower under the same condition": {inRow("a", External, when("ssl")), inRow("b", Internal, when("ssl", "rdp_udp")), "a"},
		"narrower, but always":              {inRow("a", External, when("ssl")), inRow("b", Internal, when("rdp_udp")), "a b"},
		"wider":                             {inRow("a", Internal, nil), inRow("b", External, nil), "a b"},
		"another port":                      {inRow("a", Internal, nil), inRow("b", Internal, func(r *Row) { r.Port = 81 }), "a b"},
		"another protocol":                  {inRow("a", Internal, nil), inRow("b", Internal, func(r *Row) { r.Protocol = UDP }), "a b"},
		"of a newer version":                {inRow("a", Internal, nil), inRow("b", External, func(r *Row) { r.MinVersion = "19" }), "a"},
		"replacing":                         {inRow("a", Internal, nil), inRow("b", External, func(r *Row) { r.Replaces = "a" }), "b"},
		"replacing in a newer version":      {inRow("a", Internal, nil), inRow("b", External, func(r *Row) { r.Replaces, r.MinVersion = "a", "19" }), "a"},
		"of no role":                        {inRow("a", Internal, nil), inRow("b", External, func(r *Row) { r.Roles = nil }), "a"},
		"without a scope for anybody":       {inRow("a", Internal, nil), inRow("b", AnyScope, func(r *Row) { r.Port = 81 }), "a"},
		"under an unknown condition":        {inRow("a", Internal, nil), inRow("b", External, when("moonlight")), "a"},
	} {
		if got := wantedIDs(t, h, c.earlier, c.later); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestVersionBounds(t *testing.T) {
	for _, c := range []struct {
		low, high string
		v         inventory.Version
		want      bool
	}{
		{"", "", inventory.Version{Major: 1}, true},
		{"16.1", "", inventory.Version{Major: 16}, false},
		{"16.1", "", inventory.Version{Major: 16, Minor: 1}, true},
		{"16.1", "", inventory.Version{Major: 17}, true},
		{"", "14", inventory.Version{Major: 14, Minor: 9}, true},
		{"", "14", inventory.Version{Major: 15}, false},
		{"", "14.1", inventory.Version{Major: 14, Minor: 2}, false},
		{"15", "", inventory.Version{Major: 14, Minor: 9}, false},
		{"16.2", "16.4", inventory.Version{Major: 16, Minor: 3}, true},
	} {
		low, err := parseBound(c.low)
		if err != nil {
			t.Fatal(err)
		}
		high, err := parseBound(c.high)
		if err != nil {
			t.Fatal(err)
		}
		if within(c.v, low, high) != c.want {
			t.Errorf("%v within %q to %q: %v", c.v, c.low, c.high, !c.want)
		}
	}
	for _, bad := range []string{"x", "1.x", ".", "-1", "1.-2", "1.2.3"} {
		if _, err := parseBound(bad); err == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
	h := host("rds", "10.0.0.1", inventory.RDSH)
	p := NewPolicy([]Row{inRow("a", Internal, func(r *Row) { r.MinVersion = "new" })}, &inventory.Farm{Members: []*inventory.Host{h}}, nil)
	if _, _, err := p.Desired(h); err == nil || !strings.Contains(err.Error(), "row a") {
		t.Errorf("a row with a bad version: %v", err)
	}
}

func TestListsBecomeAnywhereOnlyWhenTheySayEverybody(t *testing.T) {
	l := newLists(nil)
	v4, v6 := l.networks(Everywhere()[:1]), l.networks(Everywhere()[1:])
	switch {
	case l.networks(Everywhere()) != nil:
		t.Error("0.0.0.0/0 and ::/0 are anywhere")
	case v4 == nil || v6 == nil:
		t.Error("one family is not anywhere")
	case l.union(v4, v6) != nil:
		t.Error("both together are anywhere")
	case !l.networks(nil).Empty() || !l.union(l.networks(nil), l.farm).Empty():
		t.Error("nobody became somebody")
	case l.union(v4, l.farm) != v4 || l.networks(Everywhere()[:1]) != v4:
		t.Error("a list was made twice")
	}
	set := Set{tcp("a", 80, v4), tcp("b", 80, v6)}
	if f, ok := set.Outsider(Flow{Direction: In, Protocol: TCP, Port: 80}); ok {
		t.Errorf("everybody is named, and yet %v is outside", f)
	}
}

func TestFarmNotes(t *testing.T) {
	h := host("g", "10.0.0.1", inventory.Guest)
	p := NewPolicy(nil, &inventory.Farm{Name: "north", Members: []*inventory.Host{h}}, nil)
	var all []string
	for _, n := range p.Notes() {
		all = append(all, n.String())
	}
	if s := strings.Join(all, "\n"); !strings.Contains(s, "16.5 is assumed") || !strings.Contains(s, "30006") {
		t.Errorf("notes of the farm: %q", s)
	}
	h.Version.Set, h.Roles = true, []inventory.Role{inventory.RDSH}
	if n := NewPolicy(nil, &inventory.Farm{Members: []*inventory.Host{h}}, nil).Notes(); len(n) != 0 {
		t.Errorf("nothing to say, and yet %v", n)
	}
}
