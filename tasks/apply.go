package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"farmwall/inventory"
)

// The bounds of Rollout.ConfirmTimeout and Rollout.Soak.
const (
	shortestWindow = 10 * time.Second
	longestWindow  = 30 * time.Minute
	longestSoak    = 7 * 24 * time.Hour
)

// PlanOptions are the choices that a rollout shares with its plan.
func (how *Rollout) PlanOptions() PlanOptions {
	return PlanOptions{Strict: how.Strict, TakeOver: how.TakeOver, Serial: how.Serial}
}

// check refuses a rollout that makes no sense, all of it at once.
func (how *Rollout) check() error {
	var errs []error
	if how.ConfirmTimeout != 0 && (how.ConfirmTimeout < shortestWindow || how.ConfirmTimeout > longestWindow) {
		errs = append(errs, fmt.Errorf("the time to confirm must be %s to %s, not %s", shortestWindow, longestWindow, how.ConfirmTimeout))
	}
	if how.Soak < 0 || how.Soak > longestSoak {
		errs = append(errs, fmt.Errorf("a batch can soak for up to %s, not %s", longestSoak, how.Soak))
	}
	for _, p := range how.Serial {
		if p.N < 1 || p.Percent && p.N > 100 {
			errs = append(errs, fmt.Errorf("a batch must be at least 1 host, or 1%% to 100%% of them"))
		}
	}
	if how.MaxFail.N < 0 || how.MaxFail.Percent && how.MaxFail.N > 100 {
		errs = append(errs, fmt.Errorf("the failures allowed must be 0 or more hosts, or 0%% to 100%% of them"))
	}
	switch how.OnFail {
	case "", FailHost, FailBatch, FailRun:
	default:
		errs = append(errs, fmt.Errorf("unknown choice %q of what a failure takes back: host, batch or run", how.OnFail))
	}
	if how.Manual && how.Confirmed == nil {
		errs = append(errs, errors.New("confirming by hand needs somebody to ask"))
	}
	return errors.Join(errs...)
}

// Apply carries out a plan of any verb, exactly, or refuses as stale. Strict and
// TakeOver hold where the plan or how says so. A plan that was applied before is
// a summary with stale hosts, not an error; an error means that no host was
// contacted.
func (r *Runner) Apply(ctx context.Context, inv *inventory.Inventory, plan *Plan, how Rollout) (*Summary, error) {
	defer r.HangUp()
	if err := how.check(); err != nil {
		return nil, err
	}
	if err := r.noticeUnfinished(ctx); err != nil {
		return nil, err
	}
	started := r.Now()
	w, err := r.want(ctx, inv)
	if err != nil {
		return nil, err
	}
	sorted := r.sortOut(w, plan)
	if len(how.Serial) > 0 || plan.Batches == nil {
		cut := *plan // who gave it keeps it as it was shown
		cut.cut(inv, how.Serial, len(plan.Hosts))
		plan = &cut
	}
	if plan.digest != "" { // from a file, so it is not of this moment
		r.stillSo(ctx, plan, sorted)
	}
	outcomes, err := r.carryOut(ctx, w, plan, sorted, how)
	if err != nil {
		return nil, err
	}
	return r.endRun(ctx, inv, r.summary(ctx, inv, plan.Verb, outcomes.run, outcomes.hosts), started), nil
}

// sorted is a plan's hosts, each with its outcome where that is clear already.
type sorted struct {
	hosts    []Outcome
	jobs     []job
	places   []int // of the jobs among hosts
	adopt    []*HostPlan
	selected int

	same       []job // the hosts with nothing to do
	samePlaces []int
}

// adoptAs has a host journalled that is as it should be. A rollback that finds
// nothing to do says nothing about what is wanted.
func (s *sorted) adoptAs(plan *Plan, hp *HostPlan) {
	if plan.Verb != verbRollback {
		s.adopt = append(s.adopt, hp)
	}
}

// sortOut says of each host whether the plan still holds for it.
func (r *Runner) sortOut(w *wanting, plan *Plan) *sorted {
	out := &sorted{hosts: make([]Outcome, len(plan.Hosts)), selected: len(plan.Hosts)}
	moved := w.movedFarms(plan)
	for i := range plan.Hosts {
		hp := &plan.Hosts[i]
		o := &out.hosts[i]
		h := w.byName[hp.Host]
		stale := func(text string) {
			p := &Problem{Status: Stale, Step: "compare", Text: text, Hint: "nothing changed on it; plan again"}
			*o = p.outcome(hp.Host, hp.Farm)
		}
		switch {
		case hp.Problem != nil:
			*o = hp.Problem.outcome(hp.Host, hp.Farm)
		case h == nil:
			stale("the host is not in the inventory")
		case moved[hp.Farm] != "":
			stale(moved[hp.Farm])
		case w.given[hp.Host].Entry() != hp.Entry:
			stale("the host's inventory entry has changed since the plan was made")
		case !hp.changes():
			*o = hp.unchanged()
			out.adoptAs(plan, hp)
			out.same, out.samePlaces = append(out.same, job{h, hp}), append(out.samePlaces, i)
			continue
		default:
			out.jobs, out.places = append(out.jobs, job{h, hp}), append(out.places, i)
			continue
		}
		o.Findings, o.Warnings = hp.Findings, hp.Warnings
	}
	return out
}

// movedFarms says what is not as the plan found it, by farm.
func (w *wanting) movedFarms(plan *Plan) map[string]string {
	now := map[string]*FarmPlan{}
	farms := w.farmPlans()
	for i := range farms {
		now[farms[i].Farm] = &farms[i]
	}
	moved := map[string]string{}
	for i := range plan.Farms {
		f := &plan.Farms[i]
		moved[f.Farm] = f.moved(now[f.Farm])
		if p := w.refuse(f.Farm); p != nil {
			moved[f.Farm] = p.Text
		}
	}
	return moved
}

// unchanged is the outcome of a host on which there is nothing to do.
func (hp *HostPlan) unchanged() Outcome {
	o := Outcome{Host: hp.Host, Farm: hp.Farm, Status: OK, Flows: hp.Flows, Findings: hp.Findings, Warnings: hp.Warnings}
	if len(hp.Flows) > 0 {
		o.Status, o.Step = NotOpen, "verify"
		o.Error, o.Hint = wrongly(hp.Flows)
		o.Err = fmt.Errorf("%s: %s", hp.Host, o.Error)
	}
	return o
}

// carried is what became of a plan.
type carried struct {
	run   string // empty where nothing was written
	hosts []Outcome
}

// carryOut begins a run where there is something to write, and rolls it out.
func (r *Runner) carryOut(ctx context.Context, w *wanting, plan *Plan, todo *sorted, how Rollout) (*carried, error) {
	adopt, err := r.unknownSets(ctx, todo.adopt)
	if err != nil {
		return nil, err
	}
	if len(todo.jobs)+len(adopt) == 0 {
		return &carried{hosts: todo.hosts}, nil
	}
	id := newRun(r.Now())
	run := &running{progress: r.progress(id, len(todo.jobs)), id: id, verb: plan.Verb, strict: how.Strict || plan.Strict, takeOver: how.TakeOver,
		window: how.ConfirmTimeout, manual: how.Manual}
	if how.CountEarlier {
		run.earlier = failedAlready(todo.hosts)
	}
	if run.takeOver == "" {
		run.takeOver = plan.TakeOver
	}
	batches := inBatches(todo.jobs, plan.Batches)
	err = r.Journal.Begin(ctx, RunRecord{ID: id, Verb: plan.Verb, Controller: r.Controller, Started: r.Now(), PlanDigest: plan.digest,
		OnFail: how.OnFail, MaxFail: how.MaxFail.of(todo.selected) - run.earlier, Batches: hostsOf(batches)})
	if errors.Is(err, ErrAppliedBefore) {
		for i := range plan.Hosts {
			p := &Problem{Status: Stale, Step: "journal", Text: err.Error(), Hint: "nothing changed; plan again"}
			todo.hosts[i] = p.outcome(plan.Hosts[i].Host, plan.Hosts[i].Farm)
		}
		return &carried{hosts: todo.hosts}, nil
	}
	if err != nil {
		return nil, err
	}
	run.tell(Event{Kind: RunStarted, Text: plan.Verb})
	for _, hp := range adopt {
		if err := r.adopt(ctx, id, hp); err != nil {
			run.notice(hp.Host, "the journal could not be written: "+err.Error())
		}
	}
	ended := r.roll(ctx, run, w, todo.selected, batches, how)
	for i, j := range todo.jobs {
		todo.hosts[todo.places[i]] = ended[j.host.Name]
	}
	return &carried{run: id, hosts: todo.hosts}, nil
}

// failedAlready counts hosts that came to a bad end while they were read or planned.
func failedAlready(outcomes []Outcome) int {
	n := 0
	for i := range outcomes {
		if s := outcomes[i].Status; s != "" && s.failed() {
			n++
		}
	}
	return n
}

// unknownSets are the hosts that were found as they should be, and of which the
// journal does not know that, or only from a run that was broken off and may yet be
// taken back.
func (r *Runner) unknownSets(ctx context.Context, unchanged []*HostPlan) ([]*HostPlan, error) {
	var out []*HostPlan
	open, err := r.Journal.Open(ctx)
	if err != nil {
		return nil, err
	}
	brokenOff := map[string]bool{}
	for i := range open {
		brokenOff[open[i].ID] = true
	}
	for _, hp := range unchanged {
		last, err := r.Journal.Last(ctx, hp.Farm, hp.Host)
		if err != nil {
			return nil, err
		}
		if set := hp.settled(); last == nil && len(set) > 0 || last != nil && (last.Digest != set.Digest() || brokenOff[last.Run]) {
			out = append(out, hp)
		}
	}
	return out, nil
}

// adopt journals a host that was found as it should be as if it had been applied,
// so that drift knows what to compare it with. The host itself is not touched.
func (r *Runner) adopt(ctx context.Context, run string, hp *HostPlan) error {
	ctx = context.WithoutCancel(ctx)
	err := r.Journal.Intend(ctx, HostRecord{Run: run, Farm: hp.Farm, Host: hp.Host, Lease: hp.Lease, Before: hp.settled(), Target: hp.settled(), Ours: hp.Ours, Started: r.Now()})
	if err != nil {
		return err
	}
	return r.Journal.Finish(ctx, run, hp.Farm, hp.Host, Changed, "found as it should be", hp.Ours)
}
