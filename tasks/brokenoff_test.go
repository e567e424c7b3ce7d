package tasks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
)

// dyingKeeper is a journal whose process dies at the n-th write: right before it, or
// right after.
type dyingKeeper struct {
	*memKeeper
	mu     sync.Mutex
	writes int
	at     int // 0: never
	after  bool
	die    func()
	dead   bool
}

var errDead = errors.New("nobody writes any more")

func (k *dyingKeeper) write(do func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	now := k.writes == k.at
	if now && !k.after || k.dead {
		k.dead = true
		k.die()
		return errDead
	}
	err := do()
	if now {
		k.dead = true
		k.die()
	}
	return err
}

func (k *dyingKeeper) Begin(ctx context.Context, run RunRecord) error {
	return k.write(func() error { return k.memKeeper.Begin(ctx, run) })
}

func (k *dyingKeeper) Intend(ctx context.Context, h HostRecord) error {
	return k.write(func() error { return k.memKeeper.Intend(ctx, h) })
}

func (k *dyingKeeper) Finish(ctx context.Context, run, farm, host string, status Status, detail, ours string) error {
	return k.write(func() error { return k.memKeeper.Finish(ctx, run, farm, host, status, detail, ours) })
}

func (k *dyingKeeper) End(ctx context.Context, run string, exit int) error {
	return k.write(func() error { return k.memKeeper.End(ctx, run, exit) })
}

func (k *dyingKeeper) Witness(ctx context.Context, seen []Evidence) error {
	return k.write(func() error { return k.memKeeper.Witness(ctx, seen) })
}

func (k *dyingKeeper) Summarise(ctx context.Context, s SummaryRecord) error {
	return k.write(func() error { return k.memKeeper.Summarise(ctx, s) })
}

// breakOff applies with a controller that dies at the n-th write of the journal, and
// says whether it came that far. Its hosts' switches have fired when it returns.
func (f *fakeFarm) breakOff(at int, after bool, forks int, how Rollout) bool {
	f.Helper()
	p, _ := f.plan()
	k := &dyingKeeper{memKeeper: f.keeper, at: at, after: after}
	k.die = func() {
		for _, h := range f.hosts {
			h.mu.Lock()
			h.down, h.fault = true, func(*fakeHost, string, int) fault { return cutBefore }
			h.mu.Unlock()
		}
	}
	f.runner = f.newRunner("ann@desk", k)
	f.runner.Forks = forks
	if _, err := f.runner.Apply(context.Background(), f.inv, p, how); err != nil && !errors.Is(err, errDead) {
		f.Fatal(err)
	}
	f.runner = f.newRunner("ann@desk", f.keeper)
	for _, h := range f.hosts {
		h.down, h.fault = false, nil
	}
	f.later(2 * time.Minute)
	return k.dead
}

// The controller dies at every write of the journal, before it and after it, in runs
// that would have gone well and in runs that were about to be taken back. Recover
// brings every host to one of its two states, and the run to the end that --on-fail
// asks for; a second recover finds nothing.
func TestARunIsBrokenOffAtEveryWrite(t *testing.T) {
	ctx := context.Background()
	points, stride := 0, 5
	if os.Getenv("FARMWALL_SOAK") == "1" {
		stride = 1
	}
	for _, on := range []OnFail{FailHost, FailBatch, FailRun} {
		for _, fails := range []bool{false, true} {
			for _, forks := range []int{1, 4} {
				for _, after := range []bool{false, true} {
					for at := 1 + points%stride; ; at += stride {
						name := fmt.Sprintf("%s, fails: %v, %d forks, write %d, after it: %v", on, fails, forks, at, after)
						f := newFarm(t, 8)
						var old []string
						for _, h := range f.hosts {
							old = append(old, h.wall.ours())
						}
						if fails {
							closeOnChange(f.hosts[4], 443)
						}
						if !f.breakOff(at, after, forks, Rollout{Serial: []Portion{{N: 1}, {N: 2}, {N: 5}}, OnFail: on}) {
							break
						}
						points++
						s := f.verb(f.runner.Recover(ctx, f.inv, nil, RecoverOptions{}))
						var isNew []bool
						for i, h := range f.hosts {
							isNew = append(isNew, f.oldOrNew(h, old[i]))
						}
						if got := someOf(isNew); on == FailRun && got || on == FailBatch && (someOf(isNew[1:3]) || someOf(isNew[3:])) {
							t.Errorf("%s: the hosts with the new rules are %v: %+v", name, isNew, s.Runs)
						}
						if fails && (on == FailRun && slices.Contains(isNew, true) || on == FailBatch && isNew[4]) {
							t.Errorf("%s: what failed was not taken back: %v: %+v", name, isNew, s.Runs)
						}
						for _, o := range s.Outcomes {
							if o.Status == Doubtful {
								t.Errorf("%s: %+v", name, o)
							}
						}
						f.nothingLeft(name)
						for _, o := range f.verb(f.runner.Drift(ctx, f.inv, f.inv.Hosts, DriftOptions{})).Outcomes {
							if o.Cause == causeHost || o.Cause == causeBoth || o.Status == Foreign {
								t.Errorf("%s: drift finds %+v", name, o)
							}
						}
						f.hosts[4].onRun, f.hosts[4].wall.Foreign = nil, f.hosts[0].wall.Foreign
						f.apply(ctx, Rollout{})
						if t.Failed() {
							t.FailNow()
						}
					}
				}
			}
		}
	}
	t.Logf("%d kill points", points)
	if points < 100 {
		t.Errorf("only %d kill points", points)
	}
}

// someOf says whether some are, and some are not.
func someOf(list []bool) bool { return slices.Contains(list, true) && slices.Contains(list, false) }

// closeOnChange makes something foreign close a port as soon as our rules are there.
func closeOnChange(h *fakeHost, port uint16) {
	h.onRun = func(script string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if script == "observe" && h.token == "armed" {
			h.wall.Foreign = append([]foreignRule{{port, "drop"}}, h.wall.Foreign...)
		}
	}
}

// nothingLeft fails unless a recover finds nothing to do.
func (f *fakeFarm) nothingLeft(name string) {
	f.Helper()
	s := f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{}))
	if len(s.Outcomes)+len(s.Runs) > 0 {
		f.Errorf("%s: a second recover finds %+v, %+v", name, s.Outcomes, s.Runs)
	}
	f.unfinished(0)
}

// Recover says what became of a run that was broken off, and does what it is told.
func TestWhatBecomesOfARunThatWasBrokenOff(t *testing.T) {
	ctx := context.Background()
	// Hosts 1 and 2 are changed, 3 was never started: begin, then intend, finish and
	// what was seen for each host, then the next intent.
	broken := func(t *testing.T, on OnFail) *fakeFarm {
		f := newFarm(t, 3)
		at := 0
		for f.keeper.changed() < 2 {
			f = newFarm(t, 3)
			if at++; !f.breakOff(at, true, 1, Rollout{Serial: []Portion{{N: 1}}, OnFail: on}) {
				t.Fatal("it was never broken off")
			}
		}
		return f
	}
	recover := func(f *fakeFarm, opt RecoverOptions) *Summary {
		return f.verb(f.runner.Recover(ctx, f.inv, nil, opt))
	}
	end := func(f *fakeFarm, s *Summary, want Ending, changed, back, not int) {
		t.Helper()
		if len(s.Runs) != 1 || s.Runs[0].End != want || len(s.Runs[0].Changed) != changed || len(s.Runs[0].Back) != back || len(s.Runs[0].NotStarted) != not {
			t.Errorf("runs = %+v", s.Runs)
		}
		f.nothingLeft("")
	}

	f := broken(t, FailHost)
	end(f, recover(f, RecoverOptions{}), Kept, 2, 0, 1)
	f = broken(t, FailRun)
	end(f, recover(f, RecoverOptions{}), TakenBack, 0, 2, 1)
	f.has(f.hosts[0])
	f = broken(t, FailRun)
	end(f, recover(f, RecoverOptions{Keep: true}), Kept, 2, 0, 1)
	f.has(f.hosts[0], "member", "web")
	f = broken(t, FailHost)
	end(f, recover(f, RecoverOptions{Back: true}), TakenBack, 0, 2, 1)
	f.has(f.hosts[0])

	// A host that cannot be reached leaves the run open; the others are back.
	f = broken(t, FailRun)
	f.hosts[1].down = true
	s := recover(f, RecoverOptions{})
	if len(s.Runs) != 1 || s.Runs[0].End != InDoubt || len(s.Runs[0].Doubtful) != 1 {
		t.Errorf("runs = %+v", s.Runs)
	}
	f.has(f.hosts[0])
	f.hosts[1].down = false
	end(f, recover(f, RecoverOptions{}), TakenBack, 0, 2, 1)
	f.has(f.hosts[1])

	// Nobody touches a run that another process is busy with.
	f = broken(t, FailRun)
	id := f.keeper.runs[0].ID
	f.keeper.going = map[string]bool{id: true}
	if s := recover(f, RecoverOptions{}); len(s.Runs) != 1 || s.Runs[0].End != StillGoing {
		t.Errorf("runs = %+v", s.Runs)
	}
	f.has(f.hosts[0], "member", "web")
	f.keeper.going = nil

	// With -l no run is taken back.
	s = f.verb(f.runner.Recover(ctx, f.inv, f.inv.Hosts[:1], RecoverOptions{}))
	if len(s.Runs) != 1 || s.Runs[0].End != InDoubt {
		t.Errorf("runs = %+v", s.Runs)
	}
	f.has(f.hosts[0], "member", "web")
	if _, err := f.runner.Recover(ctx, f.inv, f.inv.Hosts[:1], RecoverOptions{Back: true}); err == nil {
		t.Error("a run is taken back on some of its hosts")
	}
	if _, err := f.runner.Recover(ctx, f.inv, nil, RecoverOptions{Back: true, Keep: true}); err == nil {
		t.Error("taken back and kept")
	}

	// The next start says what is open.
	f.events = nil
	f.plan()
	if n := slices.IndexFunc(f.events, func(e Event) bool { return e.Kind == Notice && e.Run == id }); n < 0 {
		t.Error("nobody says that a run was broken off")
	}

	// A later run that confirms the hosts is not undone by taking this one back.
	f.want(f.apply(ctx, Rollout{}), OK, OK, Changed)
	end(f, recover(f, RecoverOptions{}), TakenBack, 0, 2, 1)
	f.has(f.hosts[0], "member", "web")
}

// changed counts the hosts that the journal knows to be changed.
func (k *memKeeper) changed() int {
	n := 0
	for _, h := range k.order {
		if h.Status == Changed {
			n++
		}
	}
	return n
}

// The ruleset is read before the token. Where the switch fires in between, the reading
// shows the new rules of a change that is over; nobody takes that for the truth.
func TestAReadingDuringAnUndo(t *testing.T) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	var armed fakeWall
	h.onRun = func(string) {
		if h.token == "armed" && armed.Loaded == nil {
			armed = h.wall
		}
	}
	// The controller dies right after the change is armed, and its switch fires.
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "observe" && h.token == "armed" {
			h.down = true
			return cutBefore
		}
		return fine
	}
	p, _ := f.plan()
	f.want(f.verb(f.runner.Apply(context.Background(), f.inv, p, Rollout{})), Doubtful)
	h.down, h.fault, h.onRun = false, nil, nil
	f.later(time.Hour)
	f.unfinished(1)
	h.torn = &armed
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Restored)
	f.unfinished(0)
	f.has(h)
}

// The controller dies when its script is on its way: nobody says that it never began
// before it cannot begin any more.
func TestRecoverWaitsForAScriptThatIsOnItsWay(t *testing.T) {
	for name, taken := range map[string]bool{"on its way": false, "has the lease, and no token yet": true} {
		t.Run(name, func(t *testing.T) { lateArrival(t, taken) })
	}
}

func lateArrival(t *testing.T, taken bool) {
	f := newFarm(t, 1)
	h := f.hosts[0]
	var late func()
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" {
			h.down = true
			return cutBefore
		}
		return fine
	}
	p, _ := f.plan()
	k := &dyingKeeper{memKeeper: f.keeper, at: 2, after: true, die: func() {}} // the intent, then nothing
	f.runner = f.newRunner("ann@desk", k)
	f.runner.sleep = func(context.Context, time.Duration) error { return errDead }
	if _, err := f.runner.Apply(context.Background(), f.inv, p, Rollout{}); err != nil {
		t.Fatal(err)
	}
	h.down, h.fault = false, nil
	f.unfinished(1)
	f.runner = f.newRunner("ann@desk", f.keeper)
	if taken {
		f.later(time.Minute) // by our clock there is no hurry; the host's says otherwise
		rec := f.keeper.runs[0].Hosts[0]
		h.lease = rules.Lease{Number: rec.Lease, Run: rec.Run, Since: time.Second}
	}
	late = func() { // it begins, and nobody is there to confirm it
		h.mu.Lock()
		defer h.mu.Unlock()
		h.undo, h.token, h.deadline = fakeCopy{}, "armed", f.clock.Now().Add(time.Minute)
		rec := f.keeper.runs[0].Hosts[0]
		h.lease.Number, h.lease.Run, h.wall.Loaded = rec.Lease, rec.Run, rec.Target
	}
	f.runner.sleep = func(ctx context.Context, d time.Duration) error {
		if late != nil {
			late()
			late = nil
		}
		return f.clock.sleep(ctx, d)
	}
	f.want(f.verb(f.runner.Recover(context.Background(), f.inv, nil, RecoverOptions{})), Restored)
	f.has(h)
	f.unfinished(0)
}
