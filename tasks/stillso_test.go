package tasks

import (
	"bytes"
	"context"
	"testing"
)

// saved is a plan that went through a file.
func (f *fakeFarm) saved() *Plan {
	f.Helper()
	p, _ := f.plan()
	var file bytes.Buffer
	if err := p.Write(&file); err != nil {
		f.Fatal(err)
	}
	read, err := ReadPlan(&file)
	if err != nil {
		f.Fatal(err)
	}
	return read
}

// "Nothing to do" in a saved plan was true when it was made. A host that was changed
// since is stale, and the journal does not take the old set for the newest.
func TestASavedPlanDoesNotVouchForHostsThatMoved(t *testing.T) {
	f := newFarm(t, 3)
	f.want(f.apply(context.Background(), Rollout{}), Changed, Changed, Changed)
	f.inv.Hosts[2].Rules = append(f.inv.Hosts[2].Rules, extra("new", "external", 77))
	plan := f.saved()
	if s := f.verb(f.runner.Remove(context.Background(), f.inv, f.inv.Hosts[:1], Rollout{})); s.Outcomes[0].Status != Changed {
		t.Fatalf("remove: %+v", s.Outcomes[0])
	}
	f.hosts[1].down = true
	f.want(f.verb(f.runner.Apply(context.Background(), f.inv, plan, Rollout{})), Stale, Unreachable, Changed)
	if last, err := f.keeper.Last(context.Background(), "farm", "h1"); err != nil || len(last.Set) != 0 {
		t.Errorf("the journal says that h1 holds %v (%v)", last.Set, err)
	}
	f.hosts[1].down = false
	s := f.verb(f.runner.Drift(context.Background(), f.inv, f.inv.Hosts, DriftOptions{}))
	f.want(s, PendingOnly, OK, OK)
}
