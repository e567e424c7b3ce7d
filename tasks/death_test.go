package tasks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// steps are the scripts of one change, in order; the first observe is the plan's.
var steps = []struct {
	script string
	n      int
}{{"observe", 2}, {"change", 1}, {"observe", 3}, {"confirm", 1}}

// oldOrNew fails unless the host holds what it held before or what it was to hold.
func (f *fakeFarm) oldOrNew(h *fakeHost, old string) (isNew bool) {
	f.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick()
	if h.token == "armed" || h.token == "confirming" || h.token == "undoing" {
		f.Errorf("%s: the token is still %s", h.name, h.token)
	}
	if h.wall.ours() == old {
		return false
	}
	if len(h.wall.Loaded) != 2 || len(h.wall.Saved) != 2 {
		f.Errorf("%s is between its states: %+v", h.name, h.wall)
	}
	return true
}

// The line is cut at every step, before and after the script took effect; it
// comes back at once, after a while, or never.
func TestTheLineIsCutAtEveryStep(t *testing.T) {
	for _, at := range steps {
		for _, cut := range []fault{cutBefore, cutAfter} {
			for _, away := range []time.Duration{0, 20 * time.Second, time.Hour} {
				t.Run(fmt.Sprintf("%s %d, %v, away %s", at.script, at.n, cut, away), func(t *testing.T) {
					f := newFarm(t, 1)
					h := f.hosts[0]
					old := h.wall.ours()
					h.fault = func(h *fakeHost, script string, n int) fault {
						if script == at.script && n == at.n {
							h.downTill = f.clock.Now().Add(away)
							return cut
						}
						return fine
					}
					p, _ := f.plan()
					s := f.verb(f.runner.Apply(context.Background(), f.inv, p, Rollout{}))
					status := s.Outcomes[0].Status
					f.later(time.Hour)
					isNew := f.oldOrNew(h, old)
					switch status {
					case Changed:
						if !isNew {
							t.Error("called changed, and holds its old state")
						}
						f.unfinished(0)
					case Restored, Failed, Unreachable:
						if isNew {
							t.Errorf("called %s, and holds its new state", status)
						}
						f.unfinished(0)
					case Doubtful:
						if away < time.Hour {
							t.Errorf("in doubt though the host came back: %+v", s.Outcomes[0])
						}
						r := f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{}))
						if got := r.Outcomes[0].Status; got != Changed && got != Restored && got != Failed || (got == Changed) != isNew {
							t.Errorf("recover says %s (%s); new: %v", got, r.Outcomes[0].Error, isNew)
						}
						f.unfinished(0)
					default:
						t.Errorf("status %q", status)
					}
					h.fault = nil
					last := f.apply(context.Background(), Rollout{})
					if isNew {
						f.want(last, OK)
					} else {
						f.want(last, Changed)
					}
				})
			}
		}
	}
}

// The controller dies at every step: from then on it neither speaks nor writes.
func TestTheControllerDiesAtEveryStep(t *testing.T) {
	for _, at := range steps {
		for _, cut := range []fault{cutBefore, cutAfter} {
			t.Run(fmt.Sprintf("%s %d, %v", at.script, at.n, cut), func(t *testing.T) {
				f := newFarm(t, 1)
				h := f.hosts[0]
				old := h.wall.ours()
				dead := false
				h.fault = func(h *fakeHost, script string, n int) fault {
					if script == at.script && n == at.n {
						h.down, dead = true, true
						return cut
					}
					return fine
				}
				f.keeper.broken = func(string) error {
					if dead {
						return errors.New("nobody writes any more")
					}
					return nil
				}
				p, _ := f.plan()
				if _, err := f.runner.Apply(context.Background(), f.inv, p, Rollout{}); err != nil {
					t.Fatal(err)
				}
				// Another process, with the same journal, when the switch has fired.
				h.down, h.fault, f.keeper.broken = false, nil, nil
				f.later(2 * time.Minute)
				isNew := f.oldOrNew(h, old)
				f.runner = f.newRunner("ann@desk", f.keeper)
				r := f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{}))
				for _, o := range r.Outcomes {
					if (o.Status == Changed) != isNew || o.Status == Doubtful {
						t.Errorf("recover: %+v; new: %v", o, isNew)
					}
				}
				f.unfinished(0)
				for _, run := range f.keeper.runs {
					if run.Ended.IsZero() && len(run.Hosts) > 0 {
						t.Errorf("run %s was never ended", run.ID)
					}
				}
				if isNew {
					f.want(f.verb(f.runner.Drift(context.Background(), f.inv, f.inv.Hosts, DriftOptions{})), OK)
				}
				f.apply(context.Background(), Rollout{})
			})
		}
	}
}

// Drift completes what a dead controller left in the journal, without writing to
// the host.
func TestDriftCompletesTheJournal(t *testing.T) {
	f := newFarm(t, 1)
	f.keeper.broken = func(op string) error {
		if op == "finish" || op == "end" {
			return errors.New("died")
		}
		return nil
	}
	f.want(f.apply(context.Background(), Rollout{}), Changed)
	f.keeper.broken = nil
	f.unfinished(1)
	writes := f.hosts[0].writes
	f.want(f.verb(f.runner.Drift(context.Background(), f.inv, f.inv.Hosts, DriftOptions{})), OK)
	f.unfinished(0)
	if f.hosts[0].writes != writes {
		t.Error("drift wrote to the host")
	}
	if last, _ := f.keeper.Last(context.Background(), "farm", "h1"); last == nil || last.Ours != f.hosts[0].wall.ours() {
		t.Errorf("last = %+v", last)
	}
}

// The host dies in the middle of a confirm or an undo that was decided; whoever
// takes the lock next finishes it.
func TestDecidedIsFinished(t *testing.T) {
	for _, token := range []string{"confirming", "undoing"} {
		t.Run(token, func(t *testing.T) {
			f := newFarm(t, 1)
			h := f.hosts[0]
			h.fault = func(h *fakeHost, script string, n int) fault {
				if script == "confirm" {
					h.token = token
					return cutBefore
				}
				return fine
			}
			s := f.apply(context.Background(), Rollout{})
			if token == "confirming" {
				f.want(s, Changed)
				f.has(h, "member", "web")
			} else {
				f.want(s, Restored)
				f.has(h)
			}
			f.unfinished(0)
		})
	}
}

// A change cuts the controller off: the host undoes it by itself, and the run
// waits for that.
func TestLockOut(t *testing.T) {
	f := newFarm(t, 2)
	h := f.hosts[0]
	old := h.wall.ours()
	h.cutsOff = true
	begun := f.clock.Now()
	s := f.apply(context.Background(), Rollout{})
	f.want(s, Restored, Changed)
	if h.wall.ours() != old {
		t.Error("not in its old state")
	}
	if took := f.clock.Now().Sub(begun); took < linuxWindow+afterDeadline || took > linuxWindow+afterDeadline+20*time.Second {
		t.Errorf("looked again after %s", took)
	}
	f.unfinished(0)
	told := false
	for _, e := range f.events {
		told = told || e.Kind == Waiting && e.Host == "h1"
	}
	if !told {
		t.Error("nobody was told that the run waits")
	}
}

// An interrupt stops the waiting for a switch: the answer is honest doubt.
func TestInterruptWhileWaitingForASwitch(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.down = true
		}
		return fine
	}
	ctx, cancel := context.WithCancel(context.Background())
	p, _ := f.plan()
	f.runner.sleep = func(ctx context.Context, d time.Duration) error {
		cancel()
		return f.clock.sleep(ctx, d)
	}
	s := f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{}))
	f.want(s, Doubtful)
	if !s.Interrupted || s.Outcomes[0].Until == nil {
		t.Errorf("summary = %+v", s)
	}
	f.unfinished(1)
	h.down, h.fault = false, nil
	// Recover before the deadline waits for it.
	f.runner = f.newRunner("ann@desk", f.keeper)
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Restored)
	f.has(h)
}

// A switch that fired just before the confirm wins.
func TestTooLate(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	h.onRun = func(script string) {
		if script == "confirm" {
			_ = f.clock.sleep(context.Background(), time.Hour)
		}
	}
	f.want(f.apply(context.Background(), Rollout{}), Restored)
	f.has(h)
	if h.lease.Number != 1 || h.record != (rules.Record{Time: h.record.Time}) {
		t.Errorf("lease %+v, record %+v", h.lease, h.record)
	}
}

// The host undoes, and is not what it was: nobody calls that restored.
func TestNeitherOldNorNew(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	h.fault = func(h *fakeHost, script string, n int) fault {
		switch script {
		case "confirm":
			return cutBefore
		case "revert":
			h.undo.Loaded = h.target.Loaded[:1]
		}
		return fine
	}
	f.want(f.apply(context.Background(), Rollout{}), Doubtful)
	f.unfinished(1)
	h.fault = nil
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Doubtful)
	f.unfinished(1)
	// A later confirmed run settles it: what became of the first is history.
	f.later(time.Minute)
	f.want(f.apply(context.Background(), Rollout{}), Changed)
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Stale)
	f.unfinished(0)
}

// A change that never reached the host is told from one that was undone.
func TestNeverBegun(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.down = true
			return cutBefore
		}
		return fine
	}
	p, _ := f.plan()
	f.want(f.verb(f.runner.Apply(context.Background(), f.inv, p, Rollout{})), Doubtful)
	h.down, h.fault = false, nil
	s := f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{}))
	f.want(s, Failed)
	if !strings.Contains(s.Outcomes[0].Error, "never began") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
}

// Reading is tried twice where the line broke, changing never.
func TestOnlyReadingIsTriedAgain(t *testing.T) {
	f := newFarm(t, 2)
	f.hosts[0].fault = func(_ *fakeHost, script string, n int) fault {
		if script == "observe" && n%2 == 1 {
			return cutBefore
		}
		return fine
	}
	f.hosts[1].fault = func(_ *fakeHost, script string, n int) fault {
		if script == "observe" {
			return cutBefore
		}
		return fine
	}
	_, s := f.plan()
	f.want(s, Differs, Unreachable)
	if f.hosts[0].dials != 2 || f.hosts[1].dials != 2 {
		t.Errorf("%d and %d connections", f.hosts[0].dials, f.hosts[1].dials)
	}
	f.hosts[0].fault = func(_ *fakeHost, script string, n int) fault {
		if script == "change" {
			return cutBefore
		}
		return fine
	}
	f.want(f.apply(context.Background(), Rollout{}), Failed, Unreachable)
	if f.hosts[0].ran["change"] != 1 {
		t.Errorf("the change was sent %d times", f.hosts[0].ran["change"])
	}
}
