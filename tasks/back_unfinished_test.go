package tasks

import (
	"context"
	"testing"
	"time"
)

// left makes the journal lose how the run ended on a host.
func (f *fakeFarm) left(host string) {
	f.keeper.mu.Lock()
	defer f.keeper.mu.Unlock()
	f.keeper.order = nil
	for _, r := range f.keeper.runs {
		for i := range r.Hosts {
			if h := &r.Hosts[i]; h.Host == host {
				h.Status, h.OursThen, h.Detail = "", "", ""
			}
		}
	}
}

// A host that a run left unfinished is completed from its record and taken back; where
// its record does not tell, nobody knows its state, and that is not "proven back".
func TestRollbackOfAnUnfinishedHost(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(h *fakeHost)
		want Status
		left int
	}{
		"confirmed":        {func(*fakeHost) {}, Changed, 0},
		"never begun":      {func(h *fakeHost) { h.lease.Number, h.record.Run, h.wall.Loaded, h.wall.Saved = 0, "", nil, nil }, OK, 0},
		"in its old state": {func(h *fakeHost) { h.record.Run, h.wall.Loaded, h.wall.Saved = "", nil, nil }, OK, 0},
		"in neither":       {func(h *fakeHost) { h.record.Run, h.wall.Loaded = "", h.wall.Loaded[:1] }, Doubtful, 1},
		"still armed":      {func(h *fakeHost) { h.token, h.deadline = "armed", h.clock.Now().Add(1e9) }, LeaseTaken, 1},
	} {
		f := newFarm(t, 1)
		run := f.apply(context.Background(), Rollout{}).Run
		f.left("h1")
		f.later(time.Minute) // nothing of the run is on its way any more
		c.do(f.hosts[0])
		s := f.verb(f.runner.Rollback(context.Background(), f.inv, run, nil, Rollout{}))
		if len(s.Outcomes) != 1 || s.Outcomes[0].Status != c.want {
			t.Errorf("%s: %+v, want %s", name, s.Outcomes, c.want)
		}
		if left, _ := f.keeper.Unfinished(context.Background()); len(left) != c.left {
			t.Errorf("%s: %d unfinished", name, len(left))
		}
	}
}
