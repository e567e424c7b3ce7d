package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A wanted flow that turns out to be closed counts: no new batch starts, and what
// --on-fail says is taken back.
func TestAVerdictIsAGate(t *testing.T) {
	ctx := context.Background()
	for on, want := range map[OnFail][]Status{
		FailHost:  {Changed, Changed, NotOpen, Changed, Skipped},
		FailBatch: {Changed, Changed, Restored, Restored, Skipped},
		FailRun:   {Restored, Restored, Restored, Restored, Skipped},
	} {
		f := newFarm(t, 5)
		var old []string
		for _, h := range f.hosts {
			old = append(old, h.wall.ours())
		}
		closeOnChange(f.hosts[2], 443)
		p, _ := f.plan()
		s := f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{Serial: []Portion{{N: 2}}, OnFail: on}))
		f.want(s, want...)
		if !strings.Contains(s.Outcomes[2].Error, "web") {
			t.Errorf("%s: %+v", on, s.Outcomes[2])
		}
		for i, h := range f.hosts {
			if back := h.wall.ours() == old[i]; back != (want[i] == Restored || want[i] == Skipped) {
				t.Errorf("%s: %s is %s, and back: %v", on, h.name, want[i], back)
			}
		}
		f.unfinished(0)
		f.nothingLeft(string(on))
	}
}

// What the plan called closed is nothing new, and stops nobody.
func TestWhatWasClosedBeforeIsNoFailure(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 3)
	f.want(f.apply(ctx, Rollout{}), Changed, Changed, Changed)
	f.hosts[0].wall.Foreign = append([]foreignRule{{443, "drop"}}, f.hosts[0].wall.Foreign...)
	for _, h := range f.inv.Hosts {
		h.Rules = append(h.Rules, extra("more", "external", 444))
	}
	f.want(f.apply(ctx, Rollout{Serial: []Portion{{N: 1}}, OnFail: FailRun}), NotOpen, Changed, Changed)
}

// After each soak all hosts of the run are looked at again, those of earlier batches
// too; what went wrong meanwhile is a failure of the run.
func TestSoak(t *testing.T) {
	ctx := context.Background()
	const soak = 5 * time.Minute
	for name, c := range map[string]struct {
		spoil  func(f *fakeFarm) // happens while the second batch soaks
		on     OnFail
		strict bool
		want   []Status
	}{
		"nothing":                    {func(*fakeFarm) {}, FailRun, false, []Status{Changed, Changed, Changed}},
		"a foreign drop":             {func(f *fakeFarm) { spoil(f.hosts[0], "drop") }, FailHost, false, []Status{NotOpen, Changed, Skipped}},
		"a foreign drop, run":        {func(f *fakeFarm) { spoil(f.hosts[0], "drop") }, FailRun, false, []Status{Restored, Restored, Skipped}},
		"a foreign drop, batch":      {func(f *fakeFarm) { spoil(f.hosts[0], "drop") }, FailBatch, false, []Status{Restored, Restored, Skipped}},
		"nobody can say":             {func(f *fakeFarm) { spoil(f.hosts[1], "odd") }, FailRun, false, []Status{Changed, Changed, Changed}},
		"nobody can say, strict":     {func(f *fakeFarm) { spoil(f.hosts[1], "odd") }, FailRun, true, []Status{Restored, Restored, Skipped}},
		"it does not answer":         {func(f *fakeFarm) { f.hosts[1].down = true }, FailHost, false, []Status{Changed, Doubtful, Skipped}},
		"it does not answer, run":    {func(f *fakeFarm) { f.hosts[1].down = true }, FailRun, false, []Status{Restored, Doubtful, Skipped}},
		"somebody changed our rules": {func(f *fakeFarm) { f.hosts[1].wall.Loaded = f.hosts[1].wall.Loaded[:1] }, FailHost, false, []Status{Changed, Doubtful, Skipped}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFarm(t, 3)
			var waits []string
			begun := f.clock.Now()
			f.runner.sleep = func(ctx context.Context, d time.Duration) error {
				if d == soak {
					if waits = append(waits, fmt.Sprint(f.clock.Now().Sub(begun))); len(waits) == 2 {
						c.spoil(f)
					}
				}
				return f.clock.sleep(ctx, d)
			}
			p, _ := f.plan()
			s := f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{Serial: []Portion{{N: 1}}, OnFail: c.on, Strict: c.strict, Soak: soak}))
			f.want(s, c.want...)
			if want := 2 + statuses(c.want, Changed)/3; len(waits) != want {
				t.Errorf("it soaked at %v, not %d times", waits, want)
			}
			if n := slices.IndexFunc(f.events, func(e Event) bool { return e.Kind == Waiting && e.Until != nil }); n < 0 || !strings.Contains(f.events[n].Text, "batch 1 of 3 soaks for 5m0s") {
				t.Error("nobody says that it soaks")
			}
			if name == "it does not answer, run" { // its way back is finished when it does again
				f.hosts[1].down = false
				f.runner.sleep = f.clock.sleep
				f.want(f.verb(f.runner.Recover(ctx, f.inv, nil, RecoverOptions{})), Restored)
				f.has(f.hosts[1])
				f.nothingLeft(name)
			}
		})
	}
}

func spoil(h *fakeHost, action string) {
	h.wall.Foreign = append([]foreignRule{{443, action}}, h.wall.Foreign...)
}

func statuses(list []Status, s Status) int {
	n := 0
	for _, have := range list {
		if have == s {
			n++
		}
	}
	return n
}

// An interrupt while a batch soaks does what --on-fail says of a failure, and so does
// one between batches.
func TestAnInterruptIsAFailureOfTheRun(t *testing.T) {
	for on, want := range map[OnFail][]Status{
		FailHost:  {Changed, Changed, Skipped},
		FailBatch: {Changed, Restored, Skipped},
		FailRun:   {Restored, Restored, Skipped},
	} {
		f := newFarm(t, 3)
		ctx, cancel := context.WithCancel(context.Background())
		waits := 0
		f.runner.sleep = func(ctx context.Context, d time.Duration) error {
			if waits++; waits == 2 {
				cancel()
			}
			return f.clock.sleep(ctx, d)
		}
		p, _ := f.plan()
		s := f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{Serial: []Portion{{N: 1}}, OnFail: on, Soak: time.Minute}))
		cancel()
		f.want(s, want...)
		if !s.Interrupted {
			t.Error("not called interrupted")
		}
		f.nothingLeft(string(on))
	}
	// Once all has come to its end there is nothing to take back.
	f := newFarm(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f.hosts[1].onRun = func(script string) {
		if script == "confirm" {
			cancel()
		}
	}
	p, _ := f.plan()
	f.runner.Forks = 1
	f.want(f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{OnFail: FailRun})), Changed, Changed)
}
