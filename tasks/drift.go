package tasks

import (
	"context"
	"fmt"

	"farmwall/inventory"
	"farmwall/rules"
)

// DriftOptions say what drift does about what it finds.
type DriftOptions struct {
	// Fix restores what was last applied and confirmed.
	Fix bool
	// ToInventory makes Fix apply what the inventory wants now instead.
	ToInventory bool
	Rollout     Rollout
}

// The causes of a difference.
const (
	causeHost    = "host"         // the host is not as it was confirmed
	causePolicy  = "policy"       // only the inventory wants something new
	causeBoth    = "both"         // both
	causeForeign = "foreign rule" // our rules are in place; a rule that is not ours decides now
)

// Drift compares the hosts with what was last applied and confirmed on each. It
// writes to a host only where Fix asks for it.
func (r *Runner) Drift(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt DriftOptions) (*Summary, error) {
	defer r.HangUp()
	if err := opt.Rollout.check(); err != nil {
		return nil, err
	}
	parts, err := r.concerned(ctx, hosts)
	if err != nil {
		return nil, err
	}
	w, err := r.want(ctx, inv)
	if err != nil {
		return nil, err
	}
	aims, err := w.all(r, parts)
	if err != nil {
		return nil, err
	}
	left, err := r.unfinished(ctx)
	if err != nil {
		return nil, err
	}
	run, started := r.progress("", len(aims)), r.Now()
	look := cycleName(started)
	found := each(ctx, r.Forks, aims, func(ctx context.Context, a wanted) drifted {
		run.started(a.host.Name)
		begun := r.Now()
		x := r.driftHost(ctx, run, w, a, left[[2]string{a.farm, a.host.Name}], opt, look)
		x.Elapsed = r.Now().Sub(begun)
		if x.fix == nil {
			r.lines.drop(a.host.Name)
		}
		run.finished(x.Outcome)
		return x
	}, func(a wanted) drifted {
		return drifted{Outcome: problem(context.Canceled).outcome(a.host.Name, a.farm)}
	})
	done := &carried{}
	differing := 0
	for i := range found {
		done.hosts = append(done.hosts, found[i].Outcome)
		if found[i].Status != OK && found[i].Status != PendingOnly {
			differing++
		}
	}
	r.keepSeen(ctx, look, nil)
	if err := r.Journal.Cycle(context.WithoutCancel(ctx), started, len(found), differing); err != nil {
		run.notice("", "the journal could not be written: "+err.Error())
	}
	if opt.Fix && ctx.Err() == nil {
		if done, err = r.fix(ctx, w, found, opt); err != nil {
			return nil, err
		}
	}
	s := r.summary(ctx, inv, "drift", done.run, done.hosts)
	if s.Gone, err = r.gone(context.WithoutCancel(ctx), inv); err != nil {
		run.notice("", "the journal could not be read: "+err.Error())
	}
	if differing > 0 {
		s.Look = look
	}
	return r.endRun(ctx, inv, s, started), nil
}

// drifted is what drift found on a host, and the plan that would put it right.
type drifted struct {
	Outcome
	host *inventory.Host
	fix  *HostPlan
}

func (r *Runner) driftHost(ctx context.Context, run *progress, w *wanting, a wanted, left []HostRecord, opt DriftOptions, look string) drifted {
	x := drifted{host: a.host, Outcome: Outcome{Host: a.host.Name, Farm: a.farm, Status: OK}}
	stop := func(p *Problem) drifted {
		x.Outcome = p.outcome(a.host.Name, a.farm)
		return x
	}
	d, s, p := r.read(ctx, run, a.host)
	if p != nil {
		return stop(p)
	}
	x.Findings = s.Findings
	if b := busy(s); b != nil {
		return stop(b)
	}
	for i := range left {
		r.completeRead(ctx, run, d, s, &left[i])
	}
	last, err := r.Journal.Last(ctx, a.farm, a.host.Name)
	if err != nil {
		return stop(&Problem{Status: Failed, Step: "journal", Text: err.Error()})
	}
	known := s.Record.Run == ""
	if !known {
		if known, err = r.Journal.Knows(ctx, s.Record.Run); err != nil {
			return stop(&Problem{Status: Failed, Step: "journal", Text: err.Error()})
		}
	}
	x.pending(d, s, w, a)
	if last == nil {
		x.Warnings = append(x.Warnings, "the journal knows nothing that was applied on this host, so there is nothing to compare it with but the inventory")
		x.conclude(s, known || len(owned(s)) == 0)
	} else {
		if err := d.Check(s, last.Set); err != nil {
			return stop(problem(&stepError{"plan", err}))
		}
		x.Changes = d.Diff(s, last.Set)
		x.Pending = without(x.Pending, x.Changes)
		x.Flows = defeated(d, s, last.Set, x.Changes)
		x.conclude(s, known || s.Record.Digest == last.Digest)
	}
	if x.Status == Differs || x.Status == Foreign { // a cycle without differences is one row of the journal
		set := a.set.Settle(s)
		if last != nil {
			set = last.Set
		}
		r.sawHost(ctx, look, "drift", d, s, a, set, &x.Outcome)
	}
	if opt.Fix {
		x.planFix(d, s, w, a, last, opt)
	}
	return x
}

// pending fills in what the inventory wants and the host does not have.
func (x *drifted) pending(d rules.Dialect, s *rules.State, w *wanting, a wanted) {
	if p := w.refuse(a.farm); p != nil {
		x.Warnings = append(x.Warnings, "what the inventory wants is not known: "+p.Text)
		return
	}
	settled := a.set.Settle(s)
	if err := d.Check(s, settled); err != nil {
		x.Warnings = append(x.Warnings, "what the inventory wants cannot be applied: "+err.Error())
		return
	}
	x.Pending = d.Diff(s, settled)
}

// without returns the changes of a that are not in b.
func without(a, b []rules.Change) []rules.Change {
	known := map[string]bool{}
	for i := range b {
		known[changeKey(&b[i])] = true
	}
	var out []rules.Change
	for i := range a {
		if !known[changeKey(&a[i])] {
			out = append(out, a[i])
		}
	}
	return out
}

// conclude says what the differences come to. ours: the last confirmed run on the
// host is one that our journal holds.
func (x *drifted) conclude(s *rules.State, ours bool) {
	differs := len(x.Changes) > 0
	switch {
	case !ours:
		x.Status, x.Cause = Foreign, fmt.Sprintf("run %s of %s", s.Record.Run, s.Record.Controller)
	case differs && len(x.Pending) > 0:
		x.Status, x.Cause = Differs, causeBoth
	case differs:
		x.Status, x.Cause = Differs, causeHost
	case len(x.Flows) > 0:
		x.Status, x.Cause = Differs, causeForeign
	case len(x.Pending) > 0:
		x.Status, x.Cause = PendingOnly, causePolicy
	}
	for _, f := range x.Flows {
		x.Warnings = append(x.Warnings, findingText(f))
	}
}

// planFix makes the plan that puts the host right, where there is one.
func (x *drifted) planFix(d rules.Dialect, s *rules.State, w *wanting, a wanted, last *Confirmed, opt DriftOptions) {
	set := a.set
	if !opt.ToInventory {
		if last == nil || x.Status != Differs || len(x.Changes) == 0 {
			return
		}
		set = last.Set
	} else if p := w.refuse(a.farm); p != nil {
		x.Outcome = p.outcome(a.host.Name, a.farm)
		return
	}
	hp := newHostPlan(wanted{part: a.part, host: a.host, set: set})
	hp.compare(d, a.host, s, PlanOptions{TakeOver: opt.Rollout.TakeOver})
	switch {
	case hp.Problem != nil:
		was := x.Outcome
		x.Outcome = hp.Problem.outcome(a.host.Name, a.farm)
		x.Changes, x.Pending, x.Cause, x.Warnings = was.Changes, was.Pending, was.Cause, was.Warnings
	case hp.changes():
		x.fix = &hp
	}
}

// fix carries out what planFix planned.
func (r *Runner) fix(ctx context.Context, w *wanting, found []drifted, opt DriftOptions) (*carried, error) {
	plan := &Plan{Verb: "drift"}
	todo := &sorted{selected: len(found)}
	for i := range found {
		todo.hosts = append(todo.hosts, found[i].Outcome)
		if found[i].fix != nil {
			todo.jobs, todo.places = append(todo.jobs, job{found[i].host, found[i].fix}), append(todo.places, i)
			plan.Hosts = append(plan.Hosts, *found[i].fix)
		}
	}
	plan.cut(w.inv, opt.Rollout.Serial, todo.selected)
	done, err := r.carryOut(ctx, w, plan, todo, opt.Rollout)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if o := &done.hosts[i]; found[i].fix != nil {
			o.Cause = found[i].Cause
			if !opt.ToInventory {
				o.Pending = found[i].Pending
			}
		}
	}
	return done, nil
}
