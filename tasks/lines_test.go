package tasks

import (
	"context"
	"testing"
)

// A change that follows its plan at once begins on the line that read the host.
func TestAChangeBeginsOnTheLineOfItsPlan(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile  func(f *fakeFarm)
		status     Status
		dials, see int // of the changed host: log-ins, readings
	}{
		"at once":                {func(*fakeFarm) {}, Changed, 2, 2},
		"after the host hung up": {func(f *fakeFarm) { f.dialer.hangUp() }, Changed, 3, 3},
		"after waiting long":     {func(f *fakeFarm) { f.runner.HangUp() }, Changed, 3, 3},
		"another took the lease": {func(f *fakeFarm) {
			f.hosts[0].lease.Number++
			f.hosts[0].wall.Loaded = nil
		}, LeaseTaken, 1, 2}, // and one that says since when
		"ours moved":    {func(f *fakeFarm) { f.hosts[0].wall.Saved = []string{"x"} }, Stale, 1, 1},
		"foreign moved": {func(f *fakeFarm) { f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{9, "accept"}) }, Changed, 2, 3},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFarm(t, 2)
			f.want(f.apply(context.Background(), Rollout{}), Changed, Changed)
			f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, extra("more", "external", 8443))
			h, same := f.hosts[0], f.hosts[1]
			dials, ran, others := h.dials, h.ran["observe"], same.dials
			f.runner.KeepLines = true
			p, _ := f.plan()
			if f.dialer.open != 1 {
				t.Errorf("%d lines are open after the plan, not that of the host which changes", f.dialer.open)
			}
			c.meanwhile(f)
			s, err := f.runner.Apply(context.Background(), f.inv, p, Rollout{})
			if err != nil {
				t.Fatal(err)
			}
			f.want(s, c.status, OK)
			if got := h.dials - dials; got != c.dials {
				t.Errorf("%d log-ins, not %d", got, c.dials)
			}
			if got := h.ran["observe"] - ran; got != c.see {
				t.Errorf("%d readings, not %d", got, c.see)
			}
			if got := same.dials - others; got != 1 {
				t.Errorf("the host that stays as it is: %d log-ins", got)
			}
			f.runner.HangUp()
			f.sane()
		})
	}
}

// Only so many lines stay open, and none after hanging up.
func TestKeptLinesAreBounded(t *testing.T) {
	f := newFarm(t, keptLines+20)
	f.runner.KeepLines = true
	p, _ := f.plan()
	if f.dialer.open != keptLines {
		t.Errorf("%d lines are open, not %d", f.dialer.open, keptLines)
	}
	s, err := f.runner.Apply(context.Background(), f.inv, p, Rollout{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range s.Outcomes {
		if o.Status != Changed {
			t.Errorf("%s is %s: %s", o.Host, o.Status, o.Error)
		}
	}
	f.runner.HangUp()
	f.sane()
}
