package tasks

import (
	"context"
	"testing"
	"time"
)

// A switch that has died undoes nothing; when its time is over the host is asked
// to undo all the same.
func TestADeadSwitch(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	old := h.wall.ours()
	h.stuck = true
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.downTill = f.clock.Now().Add(30 * time.Second)
			return cutAfter
		}
		return fine
	}
	f.want(f.apply(context.Background(), Rollout{}), Restored)
	if h.wall.ours() != old {
		t.Error("not in its old state")
	}
	f.unfinished(0)
}

// The same after the controller has died, too.
func TestRecoverUndoesWhereTheSwitchDied(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	old := h.wall.ours()
	h.stuck = true
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.down = true
			return cutAfter
		}
		return fine
	}
	p, _ := f.plan()
	f.want(f.verb(f.runner.Apply(context.Background(), f.inv, p, Rollout{})), Doubtful)
	f.unfinished(1)
	h.down, h.fault = false, nil
	f.later(time.Hour)
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Restored)
	if h.wall.ours() != old {
		t.Error("not in its old state")
	}
	f.unfinished(0)
	f.want(f.apply(context.Background(), Rollout{}), Changed)
}

// A host whose confirm was not answered counts as failed and turns out to be changed
// when it is looked at again: it goes back with the others.
func TestALateSuccessGoesBackWithTheRun(t *testing.T) {
	f := newFarm(t, 2)
	var old []string
	for _, h := range f.hosts {
		old = append(old, h.wall.ours())
	}
	f.hosts[1].fault = func(h *fakeHost, script string, n int) fault {
		if script == "confirm" && n == 1 {
			h.downTill = f.clock.Now().Add(45 * time.Second)
			return cutAfter
		}
		return fine
	}
	p, _ := f.plan()
	s := f.verb(f.runner.Apply(context.Background(), f.inv, p, Rollout{OnFail: FailRun}))
	f.want(s, Restored, Restored)
	for i, h := range f.hosts {
		if h.wall.ours() != old[i] {
			t.Errorf("%s is not in its old state", h.name)
		}
	}
	f.unfinished(0)
	runs := map[string]bool{}
	for _, run := range f.keeper.runs {
		if runs[run.ID] || run.Ended.IsZero() {
			t.Errorf("run %s is there twice, or has no end", run.ID)
		}
		runs[run.ID] = true
	}
}
