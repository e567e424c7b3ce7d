package tasks

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"farmwall/inventory"
)

func TestStale(t *testing.T) {
	ctx := context.Background()
	t.Run("ours moved", func(t *testing.T) {
		f := newFarm(t, 2)
		f.want(f.apply(ctx, Rollout{}), Changed, Changed)
		f.inv.Hosts[0].Rules[0] = extra("web", "external", 444)
		p, _ := f.plan()
		f.hosts[0].wall.Loaded = f.hosts[0].wall.Loaded[:1]
		writes := f.hosts[0].writes
		s := f.applied(ctx, p, Rollout{})
		f.want(s, Stale, OK)
		if f.hosts[0].writes != writes {
			t.Error("the host was written to")
		}
	})
	t.Run("ours moved, and the changes would be the same", func(t *testing.T) {
		f := newFarm(t, 1)
		f.want(f.apply(ctx, Rollout{}), Changed)
		f.inv.Hosts[0].Rules[0] = extra("web", "external", 444)
		p, _ := f.plan()
		f.hosts[0].wall.Saved = []string{"by hand"}
		f.want(f.applied(ctx, p, Rollout{}), Stale)
	})
	t.Run("only the rest moved", func(t *testing.T) {
		f := newFarm(t, 1)
		p, _ := f.plan()
		f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{9, "drop"})
		f.want(f.applied(ctx, p, Rollout{}), Changed)
	})
	t.Run("the rest moved, and the plan would be another", func(t *testing.T) {
		f := newFarm(t, 1)
		f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, inventory.ExtraRule{ID: "dns", Direction: "out", Scope: "any", Protocol: 17, Ports: []inventory.PortRange{{First: 53, Last: 53}}})
		p, _ := f.plan()
		f.hosts[0].wall.Blocks = true
		f.want(f.applied(ctx, p, Rollout{}), Stale)
		f.has(f.hosts[0])
		f.want(f.apply(ctx, Rollout{}), Changed)
		f.has(f.hosts[0], "dns", "member", "web")
	})
	for moves, want := range map[uint16]Status{1: Changed, 2: Changed, 3: Stale} {
		t.Run("the rest moves between reading and changing", func(t *testing.T) {
			f := newFarm(t, 1)
			h := f.hosts[0]
			left := moves
			h.fault = func(h *fakeHost, script string, n int) fault {
				if script == "change" && left > 0 {
					left--
					h.wall.Foreign = append(h.wall.Foreign, foreignRule{1000 + left, "drop"})
				}
				return fine
			}
			f.want(f.apply(ctx, Rollout{}), want)
		})
	}
	t.Run("ours moves between reading and changing", func(t *testing.T) {
		f := newFarm(t, 1)
		f.hosts[0].fault = func(h *fakeHost, script string, n int) fault {
			if script == "change" {
				h.wall.Saved = []string{"x"}
			}
			return fine
		}
		f.want(f.apply(ctx, Rollout{}), Stale)
	})
	t.Run("the entry changed", func(t *testing.T) {
		f := newFarm(t, 2)
		p, _ := f.plan()
		f.inv.Hosts[0].Rules[0] = extra("web", "external", 444)
		dials := f.hosts[0].dials
		f.want(f.applied(ctx, p, Rollout{}), Stale, Changed)
		if f.hosts[0].dials != dials+1 { // planning again, in the verb
			t.Error("the host was contacted")
		}
	})
	t.Run("the farm changed", func(t *testing.T) {
		f := newFarm(t, 3)
		p, _ := f.plan()
		f.inv.Hosts[2].Addresses.Value = []netip.Addr{netip.MustParseAddr("10.9.9.9")}
		s := f.applied(ctx, p, Rollout{})
		f.want(s, Stale, Stale, Stale)
		if !strings.Contains(s.Outcomes[0].Error, "h3 has other roles or addresses") {
			t.Errorf("error = %q", s.Outcomes[0].Error)
		}
		f.has(f.hosts[0])
	})
	t.Run("another inventory", func(t *testing.T) {
		f := newFarm(t, 2)
		p, _ := f.plan()
		g := newFarm(t, 3)
		f.want(f.verb(f.runner.Apply(ctx, g.inv, p, Rollout{})), Stale, Stale)
	})
}

func TestAPlanFileIsAppliedOnce(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 2)
	p, _ := f.plan()
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		t.Fatal(err)
	}
	read := func() *Plan {
		p, err := ReadPlan(bytes.NewReader(file.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	f.want(f.applied(ctx, read(), Rollout{}), Changed, Changed)
	s := f.verb(f.runner.Apply(ctx, f.inv, read(), Rollout{}))
	f.want(s, Stale, Stale)
	if !strings.Contains(s.Outcomes[0].Error, "applied before") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
	// With another journal the fingerprint says so.
	f.runner = f.newRunner("bob@lap", &memKeeper{now: f.clock.Now})
	f.want(f.verb(f.runner.Apply(ctx, f.inv, read(), Rollout{})), Stale, Stale)
}

// Two controllers at once: each host is changed by one at a time, and nobody
// changes what the other is at.
func TestTwoRunnersAtOnce(t *testing.T) {
	for range 20 {
		f := newFarm(t, 4)
		runners := []*Runner{f.newRunner("ann@desk", f.keeper), f.newRunner("bob@lap", &memKeeper{now: f.clock.Now})}
		summaries := make([]*Summary, 2)
		var both sync.WaitGroup
		for i, r := range runners {
			both.Go(func() {
				p, _, err := r.Plan(context.Background(), f.inv, f.inv.Hosts, PlanOptions{})
				if err == nil {
					summaries[i], err = r.Apply(context.Background(), f.inv, p, Rollout{})
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		for i, h := range f.hosts {
			changed := 0
			for _, s := range summaries {
				switch st := s.Outcomes[i].Status; st {
				case Changed:
					changed++
				case OK, LeaseTaken, Stale:
				default:
					t.Errorf("%s: %+v", h.name, s.Outcomes[i])
				}
			}
			if changed != 1 || h.ran["confirm"] != 1 {
				t.Errorf("%s: changed by %d, confirmed %d times", h.name, changed, h.ran["confirm"])
			}
			f.has(h, "member", "web")
		}
	}
}

func TestLeaseTaken(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.lease.Number, h.lease.Holder = 7, "bob@lap run r9"
		}
		return fine
	}
	s := f.apply(context.Background(), Rollout{})
	f.want(s, LeaseTaken)
	if !strings.Contains(s.Outcomes[0].Error, "bob@lap run r9") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
	f.has(h)
}

func TestPlanFile(t *testing.T) {
	f := newFarm(t, 5)
	f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{443, "drop"})
	f.want(f.apply(context.Background(), Rollout{}), NotOpen, Changed, Changed, Changed, Changed)
	f.inv.Hosts[1].Rules[0] = extra("web", "internal", 443)
	f.inv.Hosts[2].Rules = f.inv.Hosts[2].Rules[:1]
	p, _ := f.plan()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.Bytes()
	again, err := ReadPlan(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var c bytes.Buffer
	if err := again.Write(&c); err != nil || !bytes.Equal(text, c.Bytes()) {
		t.Errorf("read and written again it is another file (%v)", err)
	}
	if len(again.Hosts[0].Flows) != 1 || again.Hosts[1].Wanted.Digest() != p.Hosts[1].Wanted.Digest() {
		t.Errorf("read: %+v", again.Hosts[0])
	}
	if n := bytes.Count(text, []byte("10.0.0.2/31")); n != 1 {
		t.Errorf("the farm's address list is there %d times", n)
	}
	if bytes.Contains(text, []byte("secret")) {
		t.Error("a secret")
	}
	const stride = 29 // a prime, so that no field is left out
	for i := 0; i < len(text); i += stride {
		bad := bytes.Clone(text)
		bad[i] ^= 0x20
		if _, err := ReadPlan(bytes.NewReader(bad)); !errors.Is(err, ErrPlanDamaged) && !errors.Is(err, ErrPlanNewer) {
			t.Fatalf("byte %d of %d flipped (%q): %v", i, len(text), text[i], err)
		}
	}
	for cut := 0; cut < len(text)-1; cut += 4 * stride {
		if _, err := ReadPlan(bytes.NewReader(text[:cut])); !errors.Is(err, ErrPlanDamaged) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	newer := bytes.Replace(text, []byte(`"farmwall_plan":2`), []byte(`"farmwall_plan":3,"more":{}`), 1)
	if _, err := ReadPlan(bytes.NewReader(newer)); !errors.Is(err, ErrPlanNewer) || !strings.Contains(err.Error(), "3") {
		t.Errorf("newer: %v", err)
	}
}

func FuzzReadPlan(f *testing.F) {
	p := &Plan{Format: PlanFormat, Verb: "apply", Hosts: []HostPlan{{Host: "h", Wanted: sampleSet(f, "a")}}}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"farmwall_plan":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadPlan(bytes.NewReader(text))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := p.Write(&again); err != nil || !bytes.Equal(again.Bytes(), text) {
			t.Errorf("taken, and written otherwise: %v", err)
		}
	})
}
