package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

func (f *fakeFarm) rollback(run string) *Summary {
	f.Helper()
	s := f.verb(f.runner.Rollback(context.Background(), f.inv, run, nil, Rollout{}))
	f.unfinished(0)
	return s
}

func TestRollback(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 2)
	empty := f.hosts[0].wall.ours()
	first := f.apply(ctx, Rollout{})
	one := f.hosts[0].wall.ours()
	f.inv.Hosts[0].Rules[0] = extra("web", "external", 8443)
	second := f.apply(ctx, Rollout{})
	f.want(second, Changed, OK)

	// The first run is beneath the second on h1; h2 can go back.
	s := f.rollback(first.Run)
	f.want(s, Refused, Changed)
	if o := s.Outcomes[0]; !strings.Contains(o.Error, second.Run) || !strings.Contains(o.Hint, "rollback "+second.Run) {
		t.Errorf("outcome = %+v", o)
	}
	f.want(f.rollback(second.Run), Changed)
	if f.hosts[0].wall.ours() != one {
		t.Error("h1 is not as the first run left it")
	}
	f.want(f.rollback(second.Run), OK)
	// Now what is ours is again what the first run left.
	f.want(f.rollback(first.Run), Changed, OK)
	for _, h := range f.hosts {
		if h.wall.ours() != empty {
			t.Errorf("%s is not empty", h.name)
		}
	}
	f.want(f.drift(DriftOptions{}), PendingOnly, PendingOnly)
}

func TestRollbackKeepsWhatOthersChanged(t *testing.T) {
	f := newFarm(t, 1)
	run := f.apply(context.Background(), Rollout{}).Run
	h := f.hosts[0]
	h.wall.Loaded[1].Ports[0].Last = 445 // "web", by hand
	s := f.rollback(run)
	f.want(s, Changed)
	f.has(h, "web")
	if w := strings.Join(s.Outcomes[0].Warnings, " "); !strings.Contains(w, "web was changed on the host since") {
		t.Errorf("warnings = %q", w)
	}
	if p := h.wall.Loaded[0].Ports[0]; p.Last != 445 {
		t.Errorf("web opens %v", p)
	}
}

func TestRollbackSparesAnotherController(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	run := f.apply(ctx, Rollout{}).Run
	ann := f.runner
	f.runner = f.newRunner("bob@lap", &memKeeper{now: f.clock.Now})
	f.inv.Hosts[0].Rules[0] = extra("web", "external", 8443)
	f.want(f.apply(ctx, Rollout{}), Changed)
	f.runner = ann
	s := f.rollback(run)
	f.want(s, Refused)
	if !strings.Contains(s.Outcomes[0].Error, "bob@lap") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
}

func TestRollbackOfWhatIsNotThere(t *testing.T) {
	f := newFarm(t, 2)
	run := f.apply(context.Background(), Rollout{}).Run
	if _, err := f.runner.Rollback(context.Background(), f.inv, "r0", nil, Rollout{}); !errors.Is(err, ErrNoRun) {
		t.Errorf("err = %v", err)
	}
	f.inv.Hosts = f.inv.Hosts[1:]
	s := f.rollback(run)
	f.want(s, Failed, Changed)
	if !strings.Contains(s.Outcomes[0].Error, "not in the inventory") {
		t.Errorf("outcome = %+v", s.Outcomes[0])
	}
}

// A rollback goes through the same protocol: cut off, it ends where it began.
func TestRollbackThatCutsOff(t *testing.T) {
	f := newFarm(t, 1)
	run := f.apply(context.Background(), Rollout{}).Run
	h := f.hosts[0]
	ours := h.wall.ours()
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.downTill = f.clock.Now().Add(30 * time.Second)
		}
		return fine
	}
	f.want(f.rollback(run), Restored)
	if h.wall.ours() != ours {
		t.Error("not as before")
	}
}

func TestRemove(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 3)
	f.want(f.apply(ctx, Rollout{}), Changed, Changed, Changed)
	h := f.inv.Hosts[1]
	h.Farm, h.Roles, h.Rules = "", nil, nil
	f.inv.Farms[0].Members = []*inventory.Host{f.inv.Hosts[0], f.inv.Hosts[2]}
	remove := func() *Summary {
		return f.verb(f.runner.Remove(ctx, f.inv, f.inv.Hosts[:2], Rollout{}))
	}
	s := remove()
	f.want(s, Changed, Changed)
	for _, h := range f.hosts[:2] {
		f.has(h)
		if h.wall.Saved != nil {
			t.Errorf("%s still loads rules at boot", h.name)
		}
	}
	f.has(f.hosts[2], "member", "web")
	f.want(remove(), OK, OK)
	f.want(f.rollback(s.Run), Changed, Changed)
	f.has(f.hosts[1], "member", "web")
	// Without a journal the marks say whose the rules are.
	f.runner = f.newRunner("bob@lap", &memKeeper{now: f.clock.Now})
	f.want(remove(), Changed, Changed)
	f.has(f.hosts[1])
}

func TestManual(t *testing.T) {
	ctx := context.Background()
	how := func(confirmed func(context.Context, string, []string) error) Rollout {
		return Rollout{Manual: true, Confirmed: confirmed, Serial: []Portion{{N: 2}}}
	}
	t.Run("confirmed here", func(t *testing.T) {
		f := newFarm(t, 3)
		var asked [][]string
		s := f.apply(ctx, how(func(_ context.Context, run string, hosts []string) error {
			asked = append(asked, hosts)
			for _, name := range hosts {
				if h := f.dialer.hosts[name]; h.token != "armed" || h.deadline.Sub(f.clock.Now()) > manualWindow {
					t.Errorf("%s: %s", name, h.token)
				}
			}
			return nil
		}))
		f.want(s, Changed, Changed, Changed)
		if fmt.Sprint(asked) != "[[h1 h2] [h3]]" {
			t.Errorf("asked for %v", asked)
		}
	})
	t.Run("refused", func(t *testing.T) {
		f := newFarm(t, 3)
		s := f.apply(ctx, how(func(context.Context, string, []string) error { return errors.New("no") }))
		f.want(s, Restored, Restored, Skipped)
		f.has(f.hosts[0])
	})
	t.Run("nobody answers", func(t *testing.T) {
		f := newFarm(t, 1)
		s := f.apply(ctx, how(func(context.Context, string, []string) error {
			f.later(manualWindow + time.Second)
			return nil
		}))
		f.want(s, Restored)
		f.has(f.hosts[0])
	})
	t.Run("confirmed elsewhere", func(t *testing.T) {
		f := newFarm(t, 2)
		s := f.apply(ctx, how(func(ctx context.Context, run string, hosts []string) error {
			other := f.newRunner("ann@lap", f.keeper)
			s, err := other.Confirm(context.Background(), f.inv, run)
			if err != nil {
				t.Error(err)
			}
			f.want(s, Changed, Changed)
			<-ctx.Done() // the journal tells the run that waits
			return ctx.Err()
		}))
		f.want(s, Changed, Changed)
		if f.hosts[0].ran["confirm"] != 1 {
			t.Errorf("confirmed %d times", f.hosts[0].ran["confirm"])
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		f := newFarm(t, 3)
		ctx, cancel := context.WithCancel(ctx)
		s := f.apply(ctx, how(func(ctx context.Context, run string, hosts []string) error {
			cancel()
			return ctx.Err()
		}))
		f.want(s, Restored, Restored, Skipped)
		f.has(f.hosts[0])
		if !s.Interrupted {
			t.Error("not called interrupted")
		}
	})
	t.Run("broken while it waited", func(t *testing.T) {
		f := newFarm(t, 1)
		s := f.apply(ctx, how(func(context.Context, string, []string) error {
			f.hosts[0].wall.Loaded = f.hosts[0].wall.Loaded[:1]
			return nil
		}))
		f.want(s, Restored)
	})
	t.Run("an unknown run", func(t *testing.T) {
		f := newFarm(t, 1)
		if _, err := f.runner.Confirm(ctx, f.inv, "r0"); !errors.Is(err, ErrNoRun) {
			t.Errorf("err = %v", err)
		}
	})
}

func TestPing(t *testing.T) {
	f := newFarm(t, 2)
	f.want(f.apply(context.Background(), Rollout{}), Changed, Changed)
	f.hosts[1].dialErr = transport.ErrUnknownKey
	pongs, s, err := f.runner.Ping(context.Background(), f.inv, f.inv.Hosts)
	f.want(f.verb(s, err), OK, Unreachable)
	if p := pongs[0]; p.System != "Fake 1" || p.Manager != "fake" || p.Record.Controller != "ann@desk" || p.Local != "192.0.2.1:22" || p.Lease.Number != 1 {
		t.Errorf("pong = %+v", p)
	}
	if pongs[1].Hint != "mend it" {
		t.Errorf("pong = %+v", pongs[1])
	}
}

// Rolling back a run that changed nothing on a host says nothing about it.
func TestRollbackOfAFailureHidesNoDrift(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	f.want(f.apply(ctx, Rollout{}), Changed)
	f.inv.Hosts[0].Rules[0] = extra("web", "external", 8443)
	f.hosts[0].fault = func(h *fakeHost, script string, n int) fault {
		if script == "confirm" {
			return cutBefore
		}
		return fine
	}
	failed := f.apply(ctx, Rollout{})
	f.want(failed, Restored)
	f.hosts[0].fault = nil
	f.hosts[0].wall.Loaded = f.hosts[0].wall.Loaded[:1]
	f.want(f.rollback(failed.Run), OK)
	d := f.drift(DriftOptions{})
	f.want(d, Differs)
	if got := verbs(d.Outcomes[0].Changes); got != "add web" {
		t.Errorf("drift finds %q", got)
	}
}
