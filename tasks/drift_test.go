package tasks

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

func (f *fakeFarm) drift(opt DriftOptions) *Summary {
	f.Helper()
	return f.verb(f.runner.Drift(context.Background(), f.inv, f.inv.Hosts, opt))
}

func verbs(changes []rules.Change) string {
	var out []string
	for i := range changes {
		out = append(out, brief(&changes[i]))
	}
	return strings.Join(out, ", ")
}

func TestDriftCauses(t *testing.T) {
	f := newFarm(t, 5)
	f.want(f.apply(context.Background(), Rollout{}), Changed, Changed, Changed, Changed, Changed)
	f.want(f.drift(DriftOptions{}), OK, OK, OK, OK, OK)
	host := func(i int) { f.hosts[i].wall.Loaded = f.hosts[i].wall.Loaded[1:] } // "member" is gone
	policy := func(i int) { f.inv.Hosts[i].Rules[0] = extra("web", "external", 444) }
	host(0)
	policy(1)
	host(2)
	policy(2)
	f.hosts[3].wall.Foreign = append(f.hosts[3].wall.Foreign, foreignRule{443, "drop"})
	writes := f.hosts[0].writes
	s := f.drift(DriftOptions{})
	f.want(s, Differs, PendingOnly, Differs, Differs, OK)
	for i, want := range []struct{ cause, changes, pending string }{
		{"host", "add member", ""},
		{"policy", "", "replace web"},
		{"both", "add member", "replace web"},
		{"foreign rule", "", ""},
		{"", "", ""},
	} {
		o := s.Outcomes[i]
		if o.Cause != want.cause || verbs(o.Changes) != want.changes || verbs(o.Pending) != want.pending {
			t.Errorf("%s: cause %q, changes %q, pending %q", o.Host, o.Cause, verbs(o.Changes), verbs(o.Pending))
		}
	}
	if o := s.Outcomes[3]; len(o.Flows) != 1 || !strings.Contains(strings.Join(o.Warnings, " "), "foreign drop") {
		t.Errorf("a foreign rule decides: %+v", o)
	}
	if f.hosts[0].writes != writes || f.keeper.cycles != 2 || s.Run != "" {
		t.Errorf("drift wrote: %d scripts, %d cycles, run %q", f.hosts[0].writes-writes, f.keeper.cycles, s.Run)
	}

	// --fix restores what was last applied, and leaves what the inventory wants alone.
	s = f.drift(DriftOptions{Fix: true})
	f.want(s, Changed, PendingOnly, Changed, Differs, OK)
	if s.Run == "" || s.Outcomes[2].Cause != "both" || verbs(s.Outcomes[2].Pending) != "replace web" {
		t.Errorf("fixed: %+v", s.Outcomes[2])
	}
	f.want(f.drift(DriftOptions{}), OK, PendingOnly, PendingOnly, Differs, OK)
	if p := f.hosts[2].wall.Loaded[1].Ports[0].First; p != 443 {
		t.Errorf("web is at %d", p)
	}
	f.hosts[3].wall.Foreign = f.hosts[3].wall.Foreign[:1]
	f.want(f.drift(DriftOptions{Fix: true, ToInventory: true}), OK, Changed, Changed, OK, OK)
	f.want(f.drift(DriftOptions{}), OK, OK, OK, OK, OK)
	f.unfinished(0)
}

func TestDriftOfThePersistentCopy(t *testing.T) {
	f := newFarm(t, 1)
	f.want(f.apply(context.Background(), Rollout{}), Changed)
	f.hosts[0].wall.Saved = nil
	s := f.drift(DriftOptions{})
	f.want(s, Differs)
	if verbs(s.Outcomes[0].Changes) != "repair the persistent copy is another one" {
		t.Errorf("changes = %q", verbs(s.Outcomes[0].Changes))
	}
	f.want(f.drift(DriftOptions{Fix: true}), Changed)
	f.want(f.drift(DriftOptions{}), OK)
}

func TestDriftWithoutALastSet(t *testing.T) {
	f := newFarm(t, 2)
	s := f.drift(DriftOptions{Fix: true})
	f.want(s, PendingOnly, PendingOnly)
	if f.hosts[0].writes != 0 || !strings.Contains(strings.Join(s.Outcomes[0].Warnings, " "), "journal knows nothing") {
		t.Errorf("%d writes, warnings %q", f.hosts[0].writes, s.Outcomes[0].Warnings)
	}
	f.want(f.drift(DriftOptions{Fix: true, ToInventory: true}), Changed, Changed)
	f.want(f.drift(DriftOptions{}), OK, OK)
}

// A second controller's confirmed apply is no drift, and --fix leaves it alone.
func TestDriftAfterAnotherController(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	f.want(f.apply(ctx, Rollout{}), Changed)
	ann := f.runner
	f.runner = f.newRunner("bob@lap", &memKeeper{now: f.clock.Now})
	f.inv.Hosts[0].Rules[0] = extra("web", "external", 8443)
	bob := f.apply(ctx, Rollout{})
	f.want(bob, Changed)
	f.runner = ann
	f.inv.Hosts[0].Rules[0] = extra("web", "external", 443)
	writes := f.hosts[0].writes
	for _, fix := range []bool{false, true} {
		s := f.drift(DriftOptions{Fix: fix})
		f.want(s, Foreign)
		if s.Outcomes[0].Cause != "run "+bob.Run+" of bob@lap" {
			t.Errorf("cause = %q", s.Outcomes[0].Cause)
		}
	}
	if f.hosts[0].writes != writes {
		t.Error("the other controller's rules were touched")
	}
	if p, _ := f.plan(); len(p.Hosts[0].Findings) != 1 || !strings.Contains(p.Hosts[0].Findings[0].Text, "bob@lap") {
		t.Errorf("plan does not tell: %+v", p.Hosts[0].Findings)
	}
	f.want(f.drift(DriftOptions{Fix: true, ToInventory: true}), Changed)
	f.want(f.drift(DriftOptions{}), OK)
}

// What another controller confirmed with the same rules is all right.
func TestDriftAfterAnotherControllerWithTheSameRules(t *testing.T) {
	f := newFarm(t, 1)
	f.want(f.apply(context.Background(), Rollout{}), Changed)
	f.hosts[0].record.Run, f.hosts[0].record.Controller = "r9", "bob@lap"
	f.want(f.drift(DriftOptions{}), OK)
	f.hosts[0].wall.Loaded = nil
	f.want(f.drift(DriftOptions{Fix: true}), Changed)
	f.has(f.hosts[0], "member", "web")
}

func TestDriftNamesWhatIsGoneAndKeepsFormerMembers(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 3)
	f.want(f.apply(ctx, Rollout{}), Changed, Changed, Changed)
	f.inv.Hosts, f.inv.Farms[0].Members = f.inv.Hosts[:2], f.inv.Farms[0].Members[:1]
	h := f.inv.Hosts[1]
	h.Farm, h.Roles, h.Rules = "", nil, nil // h2 is no member any more
	s := f.drift(DriftOptions{})
	f.want(s, PendingOnly, PendingOnly)
	if len(s.Gone) != 1 || s.Gone[0] != "h3 (farm)" {
		t.Errorf("gone = %q", s.Gone)
	}
	if o := s.Outcomes[1]; o.Farm != "farm" || verbs(o.Pending) != "remove member, remove web" {
		t.Errorf("former member: %+v", o)
	}
	f.want(f.apply(ctx, Rollout{}), Changed, Changed)
	f.has(f.hosts[1])
	// Nothing of ours is left on it, so nobody asks it any more.
	f.want(f.drift(DriftOptions{}), OK)
}

// Another customer's farm in the same journal is one line, not all of its hosts.
func TestDriftSumsUpFarmsOfOtherInventories(t *testing.T) {
	f := newFarm(t, 2)
	f.want(f.apply(context.Background(), Rollout{}), Changed, Changed)
	for _, h := range f.inv.Hosts {
		h.Farm = "other"
	}
	f.inv.Farms[0].Name = "other"
	s := f.drift(DriftOptions{})
	if len(s.Gone) != 1 || s.Gone[0] != "farm farm as a whole (2)" {
		t.Errorf("gone = %q", s.Gone)
	}
}

func TestDriftWhileSomebodyChanges(t *testing.T) {
	f := newFarm(t, 1)
	f.want(f.apply(context.Background(), Rollout{}), Changed)
	f.hosts[0].token, f.hosts[0].deadline, f.hosts[0].lease.Holder = "armed", f.clock.Now().Add(1e9), "bob@lap run r9"
	s := f.drift(DriftOptions{Fix: true})
	f.want(s, LeaseTaken)
	if !strings.Contains(s.Outcomes[0].Error, "bob@lap run r9") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
}

func TestResolve(t *testing.T) {
	ctx := context.Background()
	named := func(t *testing.T) *fakeFarm {
		f := newFarm(t, 3)
		f.inv.Hosts[2].Addresses.Value, f.inv.Hosts[2].Access.Address = nil, "h3.example"
		return f
	}
	t.Run("all of a name's addresses, once", func(t *testing.T) {
		f := named(t)
		asked := 0
		f.runner.Lookup = func(_ context.Context, name string) ([]netip.Addr, error) {
			asked++
			return []netip.Addr{netip.MustParseAddr("2001:db8::3"), netip.MustParseAddr("10.0.0.9")}, nil
		}
		p, _ := f.plan()
		if got := p.Hosts[0].Wanted.Find("member").Remotes.String(); !strings.Contains(got, "2001:db8::3") || !strings.Contains(got, "10.0.0.9") {
			t.Errorf("members are %s", got)
		}
		if asked != 1 || f.inv.Hosts[2].Addresses.Value != nil {
			t.Errorf("asked %d times; the inventory has %v now", asked, f.inv.Hosts[2].Addresses.Value)
		}
		s := f.applied(ctx, p, Rollout{})
		f.want(s, Changed, Changed, Changed)
		f.want(f.verb(f.runner.Rollback(ctx, f.inv, s.Run, nil, Rollout{})), Changed, Changed, Changed)
	})
	t.Run("a name that does not resolve", func(t *testing.T) {
		f := named(t)
		_, _, err := f.runner.Plan(ctx, f.inv, f.inv.Hosts, PlanOptions{})
		if err == nil || !strings.Contains(err.Error(), "h3.example") || f.hosts[0].dials != 0 {
			t.Errorf("%v, %d dials", err, f.hosts[0].dials)
		}
		s := f.drift(DriftOptions{})
		f.want(s, OK, OK, OK)
		if w := strings.Join(s.Outcomes[0].Warnings, " "); !strings.Contains(w, "h3.example") {
			t.Errorf("warnings = %q", w)
		}
		f.want(f.verb(f.runner.Verify(ctx, f.inv, f.inv.Hosts, VerifyOptions{})), NotOpen, NotOpen, NotOpen)
	})
	t.Run("the same address twice", func(t *testing.T) {
		f := named(t)
		f.runner.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("::ffff:10.0.0.1")}, nil
		}
		_, _, err := f.runner.Plan(ctx, f.inv, f.inv.Hosts, PlanOptions{})
		if err == nil || !strings.Contains(err.Error(), "h1 and h3") {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("only the farm that does not resolve", func(t *testing.T) {
		f := named(t)
		h := f.inv.Hosts[0]
		h.Farm = "other"
		f.inv.Farms[0].Members = f.inv.Farms[0].Members[1:]
		f.inv.Farms = append(f.inv.Farms, &inventory.Farm{Name: "other", Members: []*inventory.Host{h}})
		s := f.apply(ctx, Rollout{})
		f.want(s, Changed, Failed, Failed)
		if f.hosts[1].dials != 0 {
			t.Error("a host of the farm that does not resolve was contacted")
		}
	})
}
