package catalog

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// member makes a host as inventory does, with every setting at its default.
func member(name, address string, roles ...inventory.Role) *inventory.Host {
	h := &inventory.Host{Name: name, Farm: "farm", Roles: slices.Sorted(slices.Values(roles))}
	h.Version = inventory.Setting[inventory.Version]{Name: "ras_version", Value: inventory.Version{Major: 16, Minor: 5}}
	on := func(name string, value bool) inventory.Setting[bool] {
		return inventory.Setting[bool]{Name: name, Value: value}
	}
	h.SSL, h.RDPUDP, h.ClientManager = on("ras_ssl", true), on("ras_rdp_udp", true), on("ras_client_manager", true)
	h.RDPLoadBalancing, h.DirectMode = on("ras_rdp_load_balancing", false), on("ras_direct_mode", false)
	h.AgentPush, h.ResolveEndpoints = on("ras_agent_push", false), on("farmwall_resolve_endpoints", false)
	h.Sources = inventory.Setting[inventory.Sources]{Name: "farmwall_sources", Value: inventory.SourcesFarm}
	h.Egress = inventory.Setting[inventory.Egress]{Name: "farmwall_egress", Value: inventory.EgressAuto}
	h.InternalNetworks.Name, h.ClientNetworks.Name, h.PushNetworks.Name = "ras_internal_networks", "ras_client_networks", "ras_push_networks"
	h.SecondLevelAuthServers.Name = "ras_second_level_auth_servers"
	if address != "" {
		h.Addresses.Value = []netip.Addr{netip.MustParseAddr(address)}
	}
	return h
}

func farm(members ...*inventory.Host) *inventory.Farm {
	return &inventory.Farm{Name: "farm", Members: members}
}

func set[T any](s *inventory.Setting[T], value T) {
	s.Value, s.Set, s.At = value, true, inventory.Position{File: "hosts", Line: 7}
}

func nets(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, t := range texts {
		ps = append(ps, netip.MustParsePrefix(t))
	}
	return ps
}

// rowsOnce reads the catalogue once for all tests.
var rowsOnce = sync.OnceValues(All)

func policy(t testing.TB, f *inventory.Farm, resolved rules.Resolved) *rules.Policy {
	t.Helper()
	all, err := rowsOnce()
	if err != nil {
		t.Fatal(err)
	}
	return rules.NewPolicy(all, f, resolved)
}

func desired(t testing.TB, p *rules.Policy, h *inventory.Host) (rules.Set, []rules.Note) {
	t.Helper()
	s, notes, err := p.Desired(h)
	if err != nil {
		t.Fatalf("%s: %v", h.Name, err)
	}
	return s, notes
}

// whole is a farm with one host of each role and a network of its own for each.
func whole() *inventory.Farm {
	var members []*inventory.Host
	for i, r := range inventory.Roles() {
		members = append(members, member(string(r), fmt.Sprintf("10.0.%d.1", i+1), r))
	}
	return farm(members...)
}

func of(f *inventory.Farm, r inventory.Role) *inventory.Host {
	for _, h := range f.Members {
		if h.Has(r) {
			return h
		}
	}
	return nil
}

// remotes is a rule's remotes in words, "-" for no rule.
func remotes(s rules.Set, id string) string {
	r := s.Find(id)
	switch {
	case r == nil:
		return "-"
	case r.Loopback:
		return "loopback"
	}
	return r.Remotes.String()
}

func noted(notes []rules.Note, kind rules.NoteKind, rule string) string {
	for _, n := range notes {
		if n.Kind == kind && n.Rule == rule {
			return n.Text
		}
	}
	return ""
}

func why(t *testing.T, s rules.Set, id string) string {
	t.Helper()
	r := s.Find(id)
	if r == nil || r.Why == nil {
		t.Fatalf("no rule %s", id)
	}
	return strings.Join(r.Why.Deciders, "; ")
}
