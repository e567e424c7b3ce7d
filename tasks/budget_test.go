package tasks

import (
	"context"
	"strings"
	"testing"
)

func drifting(t *testing.T, hosts, off int) *fakeFarm {
	f := newFarm(t, hosts)
	f.apply(context.Background(), Rollout{})
	for _, h := range f.hosts[:off] {
		h.wall.Loaded = h.wall.Loaded[1:]
	}
	return f
}

// Within its budget drift puts right; beyond it nothing is touched, and it is told.
func TestFixHasABudget(t *testing.T) {
	for _, c := range []struct {
		name  string
		most  Portion
		off   int
		fixed bool
	}{
		{"as many", Portion{N: 3}, 3, true},
		{"one more", Portion{N: 3}, 4, false},
		{"none allowed, none needed", Portion{}, 0, true},
		{"none allowed", Portion{}, 1, false},
		{"10% of 20", Portion{N: 10, Percent: true}, 2, true},
		{"more than 10% of 20", Portion{N: 10, Percent: true}, 3, false},
		{"11% of 20 is rounded up to 3", Portion{N: 11, Percent: true}, 3, true},
	} {
		f := drifting(t, 20, c.off)
		writes := f.hosts[0].writes
		s := f.drift(DriftOptions{Fix: true, MaxFix: &c.most})
		for i, o := range s.Outcomes {
			want := OK
			if i < c.off && c.fixed {
				want = Changed
			} else if i < c.off {
				want = Differs
			}
			if o.Status != want {
				t.Errorf("%s: %s is %s, not %s", c.name, o.Host, o.Status, want)
			}
		}
		if c.fixed != (s.OverBudget == nil) || !c.fixed && (f.hosts[0].writes != writes || s.Run != "") {
			t.Errorf("%s: %+v, %d writes, run %q", c.name, s.OverBudget, f.hosts[0].writes-writes, s.Run)
		}
		if c.fixed {
			continue
		}
		if b := s.OverBudget; b.Hosts != c.off || b.Selected != 20 || b.Allowed != c.most.of(20) {
			t.Errorf("%s: %+v", c.name, b)
		}
		told := ""
		for _, e := range f.events {
			if e.Kind == OverBudget {
				told += e.Text
			}
		}
		if !strings.Contains(told, "nothing was put right") || strings.Count(told, "--max-fix") != 1 {
			t.Errorf("%s: told %q", c.name, told)
		}
	}
	f := newFarm(t, 1)
	if _, err := f.runner.Drift(context.Background(), f.inv, f.inv.Hosts, DriftOptions{Fix: true, MaxFix: &Portion{N: -1}}); err == nil || f.hosts[0].dials != 0 {
		t.Errorf("%v, %d dials", err, f.hosts[0].dials)
	}
}

// What only the inventory wants counts where drift is told to make it true.
func TestTheBudgetCountsWhatWouldChange(t *testing.T) {
	f := drifting(t, 3, 1)
	for _, h := range f.inv.Hosts[1:] {
		h.Rules[0] = extra("web", "external", 444)
	}
	one := Portion{N: 1}
	if s := f.drift(DriftOptions{Fix: true, ToInventory: true, MaxFix: &one}); s.OverBudget == nil || s.OverBudget.Hosts != 3 {
		t.Errorf("%+v", s.OverBudget)
	}
	f.want(f.drift(DriftOptions{Fix: true, MaxFix: &one}), Changed, PendingOnly, PendingOnly)
}

// Where the user says how many may fail, hosts that could not be read count.
func TestHostsThatFailEarlierCount(t *testing.T) {
	run := func(how Rollout, want ...Status) {
		t.Helper()
		f := drifting(t, 4, 3)
		f.hosts[0].down = true
		how.Serial = []Portion{{N: 1}}
		f.want(f.drift(DriftOptions{Fix: true, Rollout: how}), want...)
	}
	run(Rollout{}, Unreachable, Changed, Changed, OK)
	run(Rollout{CountEarlier: true}, Unreachable, Skipped, Skipped, OK)
	run(Rollout{CountEarlier: true, MaxFail: Portion{N: 1}}, Unreachable, Changed, Changed, OK)
	run(Rollout{CountEarlier: true, MaxFail: Portion{N: 25, Percent: true}}, Unreachable, Changed, Changed, OK)
	run(Rollout{CountEarlier: true, MaxFail: Portion{N: 1, Percent: true}}, Unreachable, Changed, Changed, OK)

	// One that fails later comes on top.
	f := drifting(t, 4, 3)
	f.hosts[0].down = true
	f.hosts[1].fault = func(_ *fakeHost, script string, _ int) fault {
		if script == "change" {
			return exitOne
		}
		return fine
	}
	f.want(f.drift(DriftOptions{Fix: true, Rollout: Rollout{CountEarlier: true, MaxFail: Portion{N: 1}, Serial: []Portion{{N: 1}}}}), Unreachable, Failed, Skipped, OK)
	f = drifting(t, 4, 3)
	f.hosts[0].down = true
	p, _ := f.plan()
	f.want(f.applied(context.Background(), p, Rollout{CountEarlier: true}), Unreachable, Skipped, Skipped, OK)
}

// A thousand hosts of which three drifted cost one line and one reading each, and for
// each of the three a second line, with what a change says.
func TestWhatAFixCosts(t *testing.T) {
	const n = 1000
	f := newFarm(t, n)
	f.runner.KeepLines = true
	f.apply(context.Background(), Rollout{Serial: []Portion{{N: 100, Percent: true}}})
	type count struct{ dials, writes, observed int }
	before := make([]count, n)
	now := func(i int) count {
		h := f.hosts[i]
		return count{h.dials, h.writes, h.ran["observe"]}
	}
	off := map[int]bool{3: true, n / 2: true, n - 1: true}
	for i := range f.hosts {
		if off[i] {
			f.lose(i, "member")
		}
		before[i] = now(i)
	}
	s := f.drift(DriftOptions{Fix: true, MaxFix: &Portion{N: 3}})
	var all count
	for i := range f.hosts {
		c := now(i)
		c = count{c.dials - before[i].dials, c.writes - before[i].writes, c.observed - before[i].observed}
		want, status := count{1, 0, 1}, OK
		if off[i] {
			want, status = count{2, 2, 2}, Changed
		}
		if c != want || s.Outcomes[i].Status != status {
			t.Errorf("host %d is %s: %+v, want %+v", i, s.Outcomes[i].Status, c, want)
		}
		all = count{all.dials + c.dials, all.writes + c.writes, all.observed + c.observed}
	}
	if all != (count{n + 3, 6, n + 3}) {
		t.Errorf("%+v", all)
	}
}
