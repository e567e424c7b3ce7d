package tasks

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"farmwall/transport"
)

func TestPortions(t *testing.T) {
	n := func(n int) Portion { return Portion{N: n} }
	pct := func(n int) Portion { return Portion{N: n, Percent: true} }
	for _, c := range []struct {
		hosts, selected int
		serial          []Portion
		want            []int
	}{
		{0, 0, nil, nil},
		{5, 5, nil, []int{5}},
		{10, 10, []Portion{n(1), pct(25), pct(100)}, []int{1, 3, 6}},
		{10, 10, []Portion{n(3)}, []int{3, 3, 3, 1}},
		{3, 100, []Portion{pct(1)}, []int{1, 1, 1}},
		{7, 10, []Portion{pct(25)}, []int{3, 3, 1}},
		{2, 200, []Portion{pct(1), n(1)}, []int{2}},
		{1, 3, []Portion{pct(34)}, []int{1}},
	} {
		var sizes []int
		for _, b := range (&turns{serial: c.serial, selected: c.selected}).batches(newFarm(t, c.hosts).inv.Hosts) {
			sizes = append(sizes, len(b))
		}
		if !reflect.DeepEqual(sizes, c.want) {
			t.Errorf("%d hosts of %d by %v: %v, not %v", c.hosts, c.selected, c.serial, sizes, c.want)
		}
	}
	for _, c := range []struct {
		p              Portion
		selected, want int
	}{{pct(25), 10, 3}, {pct(25), 8, 2}, {pct(0), 8, 0}, {n(2), 100, 2}, {pct(100), 7, 7}, {pct(1), 1, 1}} {
		if got := c.p.of(c.selected); got != c.want {
			t.Errorf("%v of %d = %d, not %d", c.p, c.selected, got, c.want)
		}
	}
}

// failOn makes a host's confirm be refused, so that it is undone.
func failOn(h *fakeHost) {
	h.fault = func(_ *fakeHost, script string, _ int) fault {
		if script == "change" {
			return exitOne
		}
		return fine
	}
}

func TestSerialAndMaxFail(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 6)
	failOn(f.hosts[1])
	f.want(f.apply(ctx, Rollout{Serial: []Portion{{N: 2}}}), Changed, Failed, Skipped, Skipped, Skipped, Skipped)
	f = newFarm(t, 6)
	failOn(f.hosts[1])
	failOn(f.hosts[3])
	f.want(f.apply(ctx, Rollout{Serial: []Portion{{N: 2}}, MaxFail: Portion{N: 1}}), Changed, Failed, Changed, Failed, Skipped, Skipped)
	f = newFarm(t, 6)
	failOn(f.hosts[1])
	f.want(f.apply(ctx, Rollout{Serial: []Portion{{N: 2}}, MaxFail: Portion{N: 10, Percent: true}}), Changed, Failed, Changed, Changed, Changed, Changed)
	if s := f.apply(ctx, Rollout{}); s.Outcomes[1].Status != Failed {
		t.Errorf("the second time: %+v", s.Outcomes[1])
	}
}

func TestOnFail(t *testing.T) {
	ctx := context.Background()
	for on, want := range map[OnFail][]Status{
		FailHost:  {Changed, Changed, Changed, Failed, Skipped},
		FailBatch: {Changed, Changed, Restored, Failed, Skipped},
		FailRun:   {Restored, Restored, Restored, Failed, Skipped},
	} {
		t.Run(string(on), func(t *testing.T) {
			f := newFarm(t, 5)
			var before []string
			for _, h := range f.hosts {
				before = append(before, h.wall.ours())
			}
			failOn(f.hosts[3])
			s := f.apply(ctx, Rollout{Serial: []Portion{{N: 2}}, OnFail: on})
			f.want(s, want...)
			for i, h := range f.hosts {
				if back := h.wall.ours() == before[i]; back != (want[i] != Changed) {
					t.Errorf("%s: %s, and back: %v", h.name, want[i], back)
				}
			}
			f.unfinished(0)
			// The journal says the same as the hosts: drift finds nothing.
			f.hosts[3].fault = nil
			for _, o := range f.verb(f.runner.Drift(ctx, f.inv, f.inv.Hosts, DriftOptions{})).Outcomes {
				if o.Status == Differs || o.Status == Foreign {
					t.Errorf("drift on %s: %+v", o.Host, o)
				}
			}
			f.want(f.verb(f.runner.Rollback(ctx, f.inv, s.Run, nil, Rollout{})), s.rolledBack()...)
			for i, h := range f.hosts {
				if h.wall.ours() != before[i] {
					t.Errorf("%s is not back after the rollback", h.name)
				}
			}
		})
	}
}

// rolledBack is what rolling a run back comes to on the hosts that took part.
func (s *Summary) rolledBack() []Status {
	var out []Status
	for _, o := range s.Outcomes {
		switch o.Status {
		case Changed:
			out = append(out, Changed)
		case Skipped:
		default:
			out = append(out, OK)
		}
	}
	return out
}

// A host that cannot be taken back is no silent success.
func TestTakingBackFails(t *testing.T) {
	f := newFarm(t, 3)
	failOn(f.hosts[2])
	h := f.hosts[0]
	h.fault = func(h *fakeHost, script string, n int) fault {
		if script == "change" && n == 2 {
			return exitOne
		}
		return fine
	}
	s := f.apply(context.Background(), Rollout{OnFail: FailRun})
	f.want(s, Doubtful, Restored, Failed)
	if o := s.Outcomes[0]; !strings.Contains(o.Error, "could not be taken back") || !strings.Contains(o.Hint, s.Run) {
		t.Errorf("outcome = %+v", o)
	}
	f.has(h, "member", "web")
}

// A host whose rules somebody had edited is taken back to that very edit.
func TestTakingBackADriftedHost(t *testing.T) {
	f := newFarm(t, 2)
	ctx := context.Background()
	f.want(f.apply(ctx, Rollout{}), Changed, Changed)
	h := f.hosts[0]
	h.wall.Loaded[0].ID = "member2" // by hand
	f.inv.Hosts[1].Rules[0] = extra("web", "external", 444)
	failOn(f.hosts[1])
	s := f.apply(ctx, Rollout{OnFail: FailRun})
	f.want(s, Restored, Failed)
	f.has(h, "member2", "web")
	f.hosts[1].fault = nil
	d := f.verb(f.runner.Drift(ctx, f.inv, f.inv.Hosts, DriftOptions{}))
	f.want(d, Differs, PendingOnly)
}

// A host that was taken back and is not what it was is not called back.
func TestTakenBackIsProven(t *testing.T) {
	f := newFarm(t, 2)
	failOn(f.hosts[1])
	f.hosts[0].fault = func(h *fakeHost, script string, n int) fault {
		if script == "confirm" && n == 2 {
			h.wall.Loaded = h.undo.Loaded[:1]
		}
		return fine
	}
	s := f.apply(context.Background(), Rollout{OnFail: FailRun})
	f.want(s, Doubtful, Failed)
	if !strings.Contains(s.Outcomes[0].Error, "not to what it was before") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
}

func TestEachIsBoundedAndInOrder(t *testing.T) {
	var now, most atomic.Int64
	items := make([]int, 100)
	for i := range items {
		items[i] = i
	}
	got := each(context.Background(), 7, items, func(_ context.Context, i int) int {
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(time.Duration(100-i) * 10 * time.Microsecond)
		now.Add(-1)
		return i * 2
	}, nil)
	for i := range got {
		if got[i] != 2*i {
			t.Fatalf("result %d is %d", i, got[i])
		}
	}
	if most.Load() > 7 {
		t.Errorf("%d at a time", most.Load())
	}
}

// A thousand hosts wait behind two forks: no goroutine and no state for those
// that wait.
func TestMemoryIsFlatInTheHostsThatWait(t *testing.T) {
	const hosts = 1000
	f := newFarm(t, hosts)
	f.runner.Forks = 2
	f.runner.Report = func(Event) {}
	before := runtime.NumGoroutine()
	most := 0
	var seen atomic.Int64
	f.dialer.onDial = func(string) {
		if seen.Add(1)%50 == 0 {
			most = max(most, runtime.NumGoroutine()-before)
		}
	}
	f.runner.Forks = 1
	if _, _, err := f.runner.Plan(context.Background(), f.inv, f.inv.Hosts[:10], PlanOptions{}); err != nil {
		t.Fatal(err)
	}
	f.runner.Forks = 2
	p, _, err := f.runner.Plan(context.Background(), f.inv, f.inv.Hosts, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if most > 2+2 {
		t.Errorf("%d goroutines more with %d hosts", most, hosts)
	}
	if f.dialer.most > 2 {
		t.Errorf("%d lines at a time", f.dialer.most)
	}
	if !p.Pending() || len(p.Hosts) != hosts {
		t.Errorf("%d hosts planned", len(p.Hosts))
	}
}

func TestInterrupt(t *testing.T) {
	for _, at := range []string{"plan", "observe", "change", "redial", "confirm"} {
		t.Run(at, func(t *testing.T) {
			f := newFarm(t, 3)
			f.runner.Forks = 1
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			p, _ := f.plan()
			old := f.hosts[1].wall.ours()
			f.hosts[1].onRun = func(script string) {
				switch {
				case at == script, at == "redial" && script == "observe" && f.hosts[1].token == "armed":
					cancel()
				}
			}
			if at == "plan" {
				cancel()
			}
			s, err := f.runner.Apply(ctx, f.inv, p, Rollout{})
			if at == "plan" {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("err = %v", err)
				}
				return
			}
			f.verb(s, err)
			want := Restored
			switch at {
			case "observe":
				want = Skipped
			case "confirm":
				want = Changed // a confirm that has begun is brought to its end
			}
			f.want(s, Changed, want, Skipped)
			if !s.Interrupted {
				t.Error("not called interrupted")
			}
			if isNew := f.oldOrNew(f.hosts[1], old); isNew != (want == Changed) {
				t.Errorf("%s, and new: %v", want, isNew)
			}
			if f.clock.Now().Sub(p.Made) > 10*time.Second {
				t.Error("it waited for the switch instead of asking it")
			}
			if f.hosts[2].dials != 1 {
				t.Error("another host was started")
			}
			f.unfinished(0)
		})
	}
}

func TestProblems(t *testing.T) {
	line := func(err error) error {
		return &stepError{"observe", &transport.Error{Op: "run observe", Err: fmt.Errorf("%w, really", err), Hint: "do this"}}
	}
	for _, c := range []struct {
		err  error
		want Status
		step string
	}{
		{line(transport.ErrTimeout), Unreachable, "observe"},
		{line(transport.ErrChangedKey), Unreachable, "observe"},
		{line(transport.ErrNotTried), Unreachable, "observe"},
		{line(transport.ErrSudoPassword), Refused, "observe"},
		{line(transport.ErrToolMissing), Refused, "observe"},
		{line(transport.ErrLineBroke), Unreachable, "observe"},
		{&stepError{"dial", errors.New("odd")}, Unreachable, "dial"},
		{&stepError{"dial", context.Canceled}, Skipped, "dial"},
		{&stepError{"observe", context.DeadlineExceeded}, Unreachable, "observe"},
		{&stepError{"observe", &transport.ExitError{Script: "observe", Code: 3}}, Failed, "observe"},
		{&stepError{"observe", &unreadable{errors.New("x")}}, Failed, "observe"},
	} {
		p := problem(c.err)
		if p.Status != c.want || p.Step != c.step {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
}
