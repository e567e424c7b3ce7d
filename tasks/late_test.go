package tasks

import (
	"context"
	"testing"
)

// Whoever confirms too late is told so.
func TestConfirmingWhatHasEnded(t *testing.T) {
	f := newFarm(t, 2)
	f.hosts[1].fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			return cutBefore
		}
		return fine
	}
	run := f.verb(f.runner.Apply(context.Background(), f.inv, func() *Plan { p, _ := f.plan(); return p }(), Rollout{})).Run
	s := f.verb(f.runner.Confirm(context.Background(), f.inv, run))
	f.want(s, Changed, Failed)
	if s.Outcomes[1].Error == "" {
		t.Error("nobody says why")
	}
}

// An interrupt between reading and changing leaves nothing in the journal but intents
// that were made.
func TestNothingIsFinishedThatWasNotIntended(t *testing.T) {
	f := newFarm(t, 1)
	p, _ := f.plan()
	ctx, cancel := context.WithCancel(context.Background())
	f.hosts[0].fault = func(*fakeHost, string, int) fault { // the reading itself arrives
		cancel()
		return fine
	}
	finished := 0
	f.keeper.broken = func(what string) error {
		if what == "finish" {
			finished++
		}
		return nil
	}
	s := f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{}))
	if !s.Interrupted || s.Outcomes[0].Status != Skipped || finished > 0 {
		t.Errorf("%+v, %d finishes", s.Outcomes[0], finished)
	}
}
