package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// fakeFarm is a farm of fake hosts with a runner for it.
type fakeFarm struct {
	*testing.T
	clock  *clock
	inv    *inventory.Inventory
	hosts  []*fakeHost
	dialer *fakeDialer
	keeper *memKeeper
	runner *Runner

	mu     sync.Mutex
	events []Event
}

// newFarm makes a farm of so many hosts, h1, h2 ..., each of which wants TCP 443
// from anywhere and TCP 20002 from the farm.
func newFarm(t *testing.T, hosts int) *fakeFarm {
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	f := &fakeFarm{T: t, clock: c, inv: &inventory.Inventory{}, dialer: &fakeDialer{hosts: map[string]*fakeHost{}}, keeper: &memKeeper{now: c.Now}}
	farm := &inventory.Farm{Name: "farm"}
	f.inv.Farms = []*inventory.Farm{farm}
	for i := range hosts {
		h := &inventory.Host{Name: fmt.Sprintf("h%d", i+1), Farm: "farm", Roles: []inventory.Role{inventory.RDSH}}
		h.Access.Address = fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)
		h.Addresses.Value = []netip.Addr{netip.MustParseAddr(h.Access.Address)}
		h.Rules = []inventory.ExtraRule{extra("web", "external", 443), extra("member", "internal", 20002)}
		f.inv.Hosts, farm.Members = append(f.inv.Hosts, h), append(farm.Members, h)
		host := newFakeHost(c, h.Name)
		f.hosts, f.dialer.hosts[h.Name] = append(f.hosts, host), host
	}
	f.runner = f.newRunner("ann@desk", f.keeper)
	return f
}

func (f *fakeFarm) newRunner(controller string, k Keeper) *Runner {
	return &Runner{Dialer: f.dialer, Dialect: func(*inventory.Host) (rules.Dialect, error) { return fakeDialect{}, nil },
		Journal: k, Now: f.clock.Now, sleep: f.clock.sleep, Controller: controller, Forks: 8,
		Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") },
		Exit:   func(s *Summary) int { return len(s.Outcomes) },
		Report: func(e Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
		}}
}

func extra(id, scope string, port uint16) inventory.ExtraRule {
	return inventory.ExtraRule{ID: id, Direction: "in", Scope: scope, Protocol: 6, Ports: []inventory.PortRange{{First: port, Last: port}}}
}

func (f *fakeFarm) plan() (*Plan, *Summary) {
	f.Helper()
	p, s, err := f.runner.Plan(context.Background(), f.inv, f.inv.Hosts, PlanOptions{})
	if err != nil {
		f.Fatalf("plan: %v", err)
	}
	return p, s
}

// apply plans and applies, and after it planning again must find nothing on every
// host that changed.
func (f *fakeFarm) apply(ctx context.Context, how Rollout) *Summary {
	f.Helper()
	p, _ := f.plan()
	return f.applied(ctx, p, how)
}

func (f *fakeFarm) applied(ctx context.Context, p *Plan, how Rollout) *Summary {
	f.Helper()
	s, err := f.runner.Apply(ctx, f.inv, p, how)
	if err != nil {
		f.Fatalf("apply: %v", err)
	}
	_, again := f.plan()
	for _, o := range s.Outcomes {
		// A host that is not planned for any more carries nothing of ours.
		next := again.Find(o.Host)
		if (o.Status == Changed || o.Status == OK) && next != nil && next.Status != OK {
			f.Errorf("%s was %s, and planning again finds %+v", o.Host, o.Status, next)
		}
	}
	f.sane()
	return s
}

// sane is what holds after any verb: every line is hung up, no host is between
// its states.
func (f *fakeFarm) sane() {
	f.Helper()
	f.dialer.mu.Lock()
	defer f.dialer.mu.Unlock()
	if f.dialer.open != 0 {
		f.Errorf("%d lines are still open", f.dialer.open)
	}
}

func (f *fakeFarm) want(s *Summary, statuses ...Status) {
	f.Helper()
	if len(s.Outcomes) != len(statuses) {
		f.Fatalf("%d outcomes, not %d", len(s.Outcomes), len(statuses))
	}
	for i, o := range s.Outcomes {
		if o.Status != statuses[i] {
			f.Errorf("%s is %q, not %q (%s: %s)", o.Host, o.Status, statuses[i], o.Step, o.Error)
		}
	}
}

func (f *fakeFarm) verb(s *Summary, err error) *Summary {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
	f.sane()
	return s
}

// later lets time go by, and every switch fire whose time has come.
func (f *fakeFarm) later(d time.Duration) {
	_ = f.clock.sleep(context.Background(), d)
	for _, h := range f.hosts {
		h.mu.Lock()
		h.tick()
		h.mu.Unlock()
	}
}

func (f *fakeFarm) has(h *fakeHost, ids ...string) {
	f.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	got := []string{}
	for _, r := range h.wall.Loaded {
		got = append(got, r.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(ids) {
		f.Errorf("%s holds %v, not %v", h.name, got, ids)
	}
}

func (f *fakeFarm) unfinished(want int) {
	f.Helper()
	left, err := f.keeper.Unfinished(context.Background())
	if err != nil || len(left) != want {
		f.Errorf("%d unfinished, not %d: %+v, %v", len(left), want, left, err)
	}
}
