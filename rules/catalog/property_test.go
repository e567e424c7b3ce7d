package catalog

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// anyFarm makes a farm of all kinds of members, settings and hostile texts.
func anyFarm(r *rand.Rand, n int) *inventory.Farm {
	coin := func() bool { return r.IntN(2) == 0 }
	f := farm()
	for i := range n {
		var roles []inventory.Role
		for _, role := range inventory.Roles() {
			if r.IntN(6) == 0 {
				roles = append(roles, role)
			}
		}
		h := member(fmt.Sprintf("h%d'; $(reboot)\n", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), roles...)
		set(&h.Version, inventory.Version{Major: 13 + r.IntN(10), Minor: r.IntN(3)})
		for _, s := range []*inventory.Setting[bool]{&h.SSL, &h.RDPUDP, &h.ClientManager, &h.RDPLoadBalancing, &h.DirectMode, &h.AgentPush} {
			if coin() {
				set(s, coin())
			}
		}
		for _, s := range []*inventory.Setting[[]netip.Prefix]{&h.InternalNetworks, &h.ClientNetworks, &h.PushNetworks} {
			if r.IntN(4) == 0 {
				set(s, nets("192.0.2.7/24", "fd00::/8", "10.0.0.0/9")[r.IntN(3):])
			}
		}
		if coin() {
			set(&h.Sources, inventory.SourcesPeers)
		}
		set(&h.Egress, []inventory.Egress{"", inventory.EgressAlways, inventory.EgressNever}[r.IntN(3)])
		if coin() {
			set(&h.SecondLevelAuthServers, []string{"192.0.2.1", "radius.example", "\"; drop"}[:1+r.IntN(3)])
		}
		if coin() {
			h.Rules = []inventory.ExtraRule{extra("x", func(x *inventory.ExtraRule) { x.Commentary = "\"\n; nft flush ruleset # $(x)" })}
		}
		f.Members = append(f.Members, h)
	}
	return f
}

func TestWantedRulesOfAnyFarm(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	for range 30 {
		f := anyFarm(r, 1+r.IntN(12))
		p, again := rules.NewPolicy(all, f, nil), rules.NewPolicy(all, f, nil)
		for _, h := range f.Members {
			s, _ := desired(t, p, h)
			if other, _ := desired(t, again, h); other.Digest() != s.Digest() || len(rules.Diff(s, other)) != 0 {
				t.Fatalf("%q: two answers for one question", h.Name)
			}
			for i := range s {
				checkWanted(t, f, h, &s[i])
				if i > 0 && s[i-1].ID >= s[i].ID {
					t.Fatalf("%s stands before %s", s[i-1].ID, s[i].ID)
				}
			}
			for _, e := range rules.Flows(s) {
				if (e.Want == rules.Allowed) != s.Admits(e.Flow) {
					t.Fatalf("%s: %s from %s is expected to be %s", e.Rule, e.Flow, e.Flow.Remotes, e.Want)
				}
			}
		}
	}
}

// checkWanted says what must be true of every wanted rule, whoever it is for.
func checkWanted(t *testing.T, f *inventory.Farm, h *inventory.Host, r *rules.Rule) {
	t.Helper()
	if _, id, _, ok := rules.ParseMark(r.Mark()); !ok || id != r.ID {
		t.Fatalf("%q has the mark %q", r.ID, r.Mark())
	}
	if r.Remotes.Empty() || r.Why == nil || r.Opaque != "" || r.Hash != "" || r.Farm != "farm" {
		t.Fatalf("%+v", r)
	}
	ported := r.Protocol == rules.TCP || r.Protocol == rules.UDP
	if ported != (len(r.Ports) > 0) {
		t.Fatalf("%s: protocol %d with ports %v", r.ID, r.Protocol, r.Ports)
	}
	open := r.Direction == rules.In && !r.Loopback && r.Remotes == nil
	if open && !h.Has(inventory.Gateway) && !h.Has(inventory.HALB) {
		t.Fatalf("%s opens a host with %v to everybody", r.ID, h.Roles)
	}
	for _, p := range r.Ports {
		if p.First != 135 && p.First != 445 || r.Direction != rules.In {
			continue
		}
		for _, o := range f.Members {
			pusher := o.Has(inventory.PublishingAgent) || o.Has(inventory.Console)
			pushed := false
			for _, n := range h.PushNetworks.Value {
				pushed = pushed || n.Contains(o.Addresses.Value[0])
			}
			if r.Remotes.Contains(o.Addresses.Value[0]) != (pusher || pushed) {
				t.Fatalf("%s: %v with roles %v in the push networks %v: %v", r.ID, o.Addresses.Value, o.Roles, pushed, r.Remotes)
			}
		}
	}
}

// large makes a farm of n hosts in the shape of real ones: mostly session
// hosts, each with settings of its own.
func large(n int) *inventory.Farm {
	f := farm()
	for i := range n {
		role := []inventory.Role{inventory.RDSH, inventory.RDSH, inventory.RDSH, inventory.RDSH, inventory.Guest, inventory.RemotePC, inventory.Gateway, inventory.PublishingAgent}[i%8]
		h := member(fmt.Sprintf("host%05d", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), role)
		set(&h.InternalNetworks, nets("172.16.0.0/12", "192.168.0.0/16"))
		if i%2 == 0 {
			set(&h.Sources, inventory.SourcesPeers)
		}
		f.Members = append(f.Members, h)
	}
	return f
}

// Address lists must be shared: a list of its own for each host would make a
// farm of n hosts cost n times n.
func TestListsAreShared(t *testing.T) {
	f := large(2000)
	p := policy(t, f, nil)
	lists := map[*rules.Addresses]bool{}
	for _, h := range f.Members {
		s, _ := desired(t, p, h)
		for i := range s {
			lists[s[i].Remotes] = true
		}
	}
	if len(lists) > 12 {
		t.Errorf("2000 hosts of 5 roles and 2 kinds of sources have %d address lists", len(lists))
	}
}

// Hosts are planned at the same time; the race detector watches.
func TestDesiredAtTheSameTime(t *testing.T) {
	f := large(64)
	p, alone := policy(t, f, nil), policy(t, f, nil)
	var all sync.WaitGroup
	for _, h := range f.Members {
		all.Go(func() {
			s, _, err := p.Desired(h)
			if other, _, _ := alone.Desired(h); err != nil || s.Digest() != other.Digest() {
				t.Errorf("%s: %v", h.Name, err)
			}
		})
	}
	all.Wait()
}

func BenchmarkPlanning(b *testing.B) {
	all, err := All()
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1000, 10000} {
		f := large(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p := rules.NewPolicy(all, f, nil)
				for _, h := range f.Members {
					if _, _, err := p.Desired(h); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "us/host")
		})
	}
}
