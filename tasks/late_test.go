package tasks

import (
	"context"
	"testing"
	"time"

	"farmwall/rules"
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

// The line breaks while the host's script has the lease and has not armed its switch
// yet: that is no host in its old state.
func TestALostLineWhileTheScriptIsAtWork(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			rec := f.keeper.runs[0].Hosts[0]
			h.lease = rules.Lease{Number: rec.Lease, Run: rec.Run, Holder: "ann@desk run " + rec.Run, Since: time.Second}
			return cutBefore
		}
		return fine
	}
	slept := false
	f.runner.sleep = func(ctx context.Context, d time.Duration) error {
		if !slept {
			slept = true
			h.mu.Lock()
			rec := f.keeper.runs[0].Hosts[0]
			h.undo, h.target = fakeCopy{Loaded: h.wall.Loaded}, fakeCopy{Loaded: rec.Target}
			h.token, h.deadline, h.staged, h.wall.Loaded = "armed", f.clock.Now().Add(time.Minute), rec.Target.Digest(), rec.Target
			h.mu.Unlock()
		}
		return f.clock.sleep(ctx, d)
	}
	f.want(f.apply(context.Background(), Rollout{}), Changed)
	f.unfinished(0)
}
