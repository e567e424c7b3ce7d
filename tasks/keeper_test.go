package tasks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
)

// memKeeper is a journal in memory.
type memKeeper struct {
	mu     sync.Mutex
	now    func() time.Time
	runs   []*RunRecord
	order  []*HostRecord // finished ones, in order of their ends
	writes int
	cycles int
	going  map[string]bool

	seen      []Evidence
	summaries []SummaryRecord
	broken    func(op string) error
}

func (k *memKeeper) lock(op string) (func(), error) {
	k.mu.Lock()
	if k.broken != nil {
		if err := k.broken(op); err != nil {
			k.mu.Unlock()
			return nil, err
		}
	}
	return k.mu.Unlock, nil
}

func (k *memKeeper) find(id string) *RunRecord {
	for _, r := range k.runs {
		if r.ID == id {
			return r
		}
	}
	return nil
}

func (k *memKeeper) Begin(_ context.Context, run RunRecord) error {
	unlock, err := k.lock("begin")
	if err != nil {
		return err
	}
	defer unlock()
	for _, r := range k.runs {
		if run.PlanDigest != "" && r.PlanDigest == run.PlanDigest {
			return fmt.Errorf("%w: by run %s", ErrAppliedBefore, r.ID)
		}
	}
	k.writes++
	run.Started, run.Hosts = k.now(), nil
	k.runs = append(k.runs, &run)
	return nil
}

func (k *memKeeper) Intend(_ context.Context, h HostRecord) error {
	unlock, err := k.lock("intend")
	if err != nil {
		return err
	}
	defer unlock()
	k.writes++
	h.Started, h.Status, h.Detail, h.OursThen = k.now(), "", "", ""
	run := k.find(h.Run)
	run.Hosts = append(run.Hosts, h)
	return nil
}

func (k *memKeeper) Finish(_ context.Context, run, farm, host string, status Status, detail, ours string) error {
	unlock, err := k.lock("finish")
	if err != nil {
		return err
	}
	defer unlock()
	k.writes++
	hosts := k.find(run).Hosts
	for i := len(hosts) - 1; i >= 0; i-- {
		if h := &hosts[i]; h.Farm == farm && h.Host == host {
			h.Status, h.Detail, h.OursThen, h.Ended = status, detail, ours, k.now()
			copied := *h
			k.order = append(k.order, &copied)
			return nil
		}
	}
	return errors.New("finish without intend")
}

func (k *memKeeper) End(_ context.Context, run string, exit int) error {
	unlock, err := k.lock("end")
	if err != nil {
		return err
	}
	defer unlock()
	k.writes++
	k.find(run).Ended, k.find(run).Exit = k.now(), exit
	return nil
}

func (k *memKeeper) Cycle(context.Context, time.Time, int, int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cycles++
	k.writes++
	return nil
}

func (k *memKeeper) Witness(_ context.Context, seen []Evidence) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = append(k.seen, seen...)
	k.writes++
	return nil
}

func (k *memKeeper) Summarise(_ context.Context, s SummaryRecord) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.summaries = append(k.summaries, s)
	k.writes++
	return nil
}

func (k *memKeeper) Last(_ context.Context, farm, host string) (*Confirmed, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last(farm, host), nil
}

func (k *memKeeper) last(farm, host string) *Confirmed {
	for i := len(k.order) - 1; i >= 0; i-- {
		if h := k.order[i]; h.Farm == farm && h.Host == host && h.Status == Changed {
			c := &Confirmed{Run: h.Run, Time: h.Ended, Set: h.Target, Digest: h.Target.Digest(), Ours: h.OursThen}
			if len(h.Baseline) > 0 {
				c.Set = h.Baseline
			}
			return c
		}
	}
	return nil
}

func (k *memKeeper) Known(context.Context) ([][2]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var known [][2]string
	told := map[[2]string]bool{}
	for _, h := range k.order {
		key := [2]string{h.Farm, h.Host}
		if c := k.last(h.Farm, h.Host); c != nil && len(c.Set) > 0 && !told[key] {
			told[key] = true
			known = append(known, key)
		}
	}
	return known, nil
}

func (k *memKeeper) Unfinished(context.Context) ([]HostRecord, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var left []HostRecord
	for _, r := range k.runs {
		for i, h := range r.Hosts {
			later := false
			for _, o := range r.Hosts[i+1:] {
				later = later || o.Farm == h.Farm && o.Host == h.Host && o.Status != ""
			}
			if h.Status == "" && !later {
				left = append(left, h)
			}
		}
	}
	return left, nil
}

func (k *memKeeper) Runs(context.Context) ([]RunRecord, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []RunRecord
	for _, r := range k.runs {
		run := *r
		run.Hosts = nil
		out = append(out, run)
	}
	return out, nil
}

func (k *memKeeper) Run(_ context.Context, id string) (*RunRecord, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.find(id)
	if r == nil {
		return nil, fmt.Errorf("%w: %q", ErrNoRun, id)
	}
	run := *r
	run.Hosts = append([]HostRecord(nil), r.Hosts...)
	return &run, nil
}

func (k *memKeeper) Open(context.Context) ([]OpenRun, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var open []OpenRun
	for _, r := range k.runs {
		o := OpenRun{RunRecord: *r}
		o.Hosts = append([]HostRecord(nil), r.Hosts...)
		for _, t := range k.runs {
			if t.Of == r.ID {
				o.Takes = append(o.Takes, *t)
			}
		}
		if r.Of == "" && (r.Ended.IsZero() || len(o.Takes) > 0 && !o.takenBack()) {
			open = append(open, o)
		}
	}
	return open, nil
}

func (k *memKeeper) Going(_ context.Context, run string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.going[run], nil
}

func (k *memKeeper) Knows(_ context.Context, run string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.find(run) != nil, nil
}

func (k *memKeeper) Chain(context.Context) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.writes == 0 {
		return "", nil
	}
	return fmt.Sprintf("link %d", k.writes), nil
}

func TestKeepers(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		testKeeper(t, func(*testing.T) Keeper { return &memKeeper{now: time.Now} })
	})
	t.Run("sqlite", func(t *testing.T) {
		testKeeper(t, func(t *testing.T) Keeper { return openJournal(t, t.TempDir()) })
	})
}

// testKeeper is what every journal must do.
func testKeeper(t *testing.T, open func(*testing.T) Keeper) {
	ctx := context.Background()
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		for i, err := range errs {
			if err != nil {
				t.Fatalf("write %d: %v", i, err)
			}
		}
	}
	set := func(ids ...string) rules.Set { return sampleSet(t, ids...) }

	t.Run("the newest confirmed set is last", func(t *testing.T) {
		k := open(t)
		must(t, k.Begin(ctx, RunRecord{ID: "r1", Verb: "apply"}),
			k.Intend(ctx, HostRecord{Run: "r1", Farm: "f", Host: "h", Target: set("a"), Ours: "o0"}), k.Finish(ctx, "r1", "f", "h", Changed, "", "o1"),
			k.Begin(ctx, RunRecord{ID: "r2", Verb: "apply"}),
			k.Intend(ctx, HostRecord{Run: "r2", Farm: "f", Host: "h", Target: set("b"), Ours: "o1"}), k.Finish(ctx, "r2", "f", "h", Restored, "lost", ""))
		last, err := k.Last(ctx, "f", "h")
		if err != nil || last == nil || last.Run != "r1" || last.Ours != "o1" || last.Digest != set("a").Digest() {
			t.Fatalf("last = %+v, %v", last, err)
		}
		must(t, k.Finish(ctx, "r2", "f", "h", Changed, "completed later", "o2"))
		if last, err = k.Last(ctx, "f", "h"); err != nil || last.Run != "r2" || last.Ours != "o2" {
			t.Fatalf("completed later: %+v, %v", last, err)
		}
	})
	t.Run("a taken back host has its earlier set last", func(t *testing.T) {
		k := open(t)
		must(t, k.Begin(ctx, RunRecord{ID: "r1", Verb: "apply"}),
			k.Intend(ctx, HostRecord{Run: "r1", Farm: "f", Host: "h", Target: set("a")}), k.Finish(ctx, "r1", "f", "h", Changed, "", "o1"),
			k.Begin(ctx, RunRecord{ID: "r1-back", Verb: "take-back"}),
			k.Intend(ctx, HostRecord{Run: "r1-back", Farm: "f", Host: "h", Target: rules.Set{}}), k.Finish(ctx, "r1-back", "f", "h", Changed, "", "o0"))
		if last, err := k.Last(ctx, "f", "h"); err != nil || last.Run != "r1-back" || len(last.Set) != 0 {
			t.Fatalf("last = %+v, %v", last, err)
		}
		if known, err := k.Known(ctx); err != nil || len(known) != 0 {
			t.Fatalf("known = %v, %v", known, err)
		}
	})
	t.Run("unfinished until finished", func(t *testing.T) {
		k := open(t)
		must(t, k.Begin(ctx, RunRecord{ID: "r1", Verb: "apply"}),
			k.Intend(ctx, HostRecord{Run: "r1", Farm: "f", Host: "h", Lease: 4, Before: set("b"), Target: set("a"), Undo: rules.Copy("u"), Ours: "o0"}))
		left, err := k.Unfinished(ctx)
		if err != nil || len(left) != 1 || left[0].Lease != 4 || string(left[0].Undo) != "u" || left[0].Before.Digest() != set("b").Digest() || left[0].Started.IsZero() {
			t.Fatalf("unfinished = %+v, %v", left, err)
		}
		must(t, k.Finish(ctx, "r1", "f", "h", Restored, "", ""))
		if left, err = k.Unfinished(ctx); err != nil || len(left) != 0 {
			t.Fatalf("after finish: %+v, %v", left, err)
		}
	})
	t.Run("a plan is applied once", func(t *testing.T) {
		k := open(t)
		must(t, k.Begin(ctx, RunRecord{ID: "r1", PlanDigest: "d"}), k.Begin(ctx, RunRecord{ID: "r2"}), k.Begin(ctx, RunRecord{ID: "r3"}))
		if err := k.Begin(ctx, RunRecord{ID: "r4", PlanDigest: "d"}); !errors.Is(err, ErrAppliedBefore) {
			t.Fatalf("second time: %v", err)
		}
	})
	t.Run("unknown run, empty chain", func(t *testing.T) {
		k := open(t)
		if _, err := k.Run(ctx, "x"); !errors.Is(err, ErrNoRun) {
			t.Errorf("run: %v", err)
		}
		if chain, err := k.Chain(ctx); err != nil || chain != "" {
			t.Errorf("chain = %q, %v", chain, err)
		}
		if last, err := k.Last(ctx, "f", "h"); err != nil || last != nil {
			t.Errorf("last = %+v, %v", last, err)
		}
		must(t, k.Cycle(ctx, time.Now(), 3, 0))
		if chain, _ := k.Chain(ctx); chain == "" {
			t.Error("a cycle leaves the chain empty")
		}
	})
}
