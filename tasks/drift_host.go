package tasks

import (
	"context"
	"fmt"

	"farmwall/inventory"
	"farmwall/rules"
)

// drifted is what drift found on a host, and the plan that would put it right.
type drifted struct {
	Outcome
	host *inventory.Host
	fix  *HostPlan
	// used are the accepted differences that the host has, those whose time is over too;
	// compared says that they were looked for.
	used     map[*inventory.Acceptance]bool
	compared bool
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
	three := x.pending(d, s, w, a, last)
	if last == nil {
		// A host that could not be read as a whole is no host without rules.
		if err := d.Check(s, nil); err != nil {
			return stop(problem(&stepError{"plan", err}))
		}
		x.Warnings = append(x.Warnings, "the journal knows nothing that was applied on this host, so there is nothing to compare it with but the inventory")
		x.conclude(three, s, known || len(owned(s)) == 0)
	} else {
		if err := d.Check(s, last.Set); err != nil {
			return stop(problem(&stepError{"plan", err}))
		}
		m := remember(d)
		x.Changes = d.Diff(s, last.Set)
		x.Pending = without(x.Pending, x.Changes)
		x.Flows = defeated(m, s, last.Set, x.Changes)
		_, exposed := closedBy(x.Changes, exposed(m, s, last.Set))
		x.Findings = append(x.Findings, exposureFindings(exposed, "")...)
		x.Flows = append(x.Flows, notClosed(a.host, last.Set, exposed)...)
		three.explain(x.Changes, x.Pending)
		x.accept(a.host, r.Now())
		x.conclude(three, s, known || s.Record.Digest == last.Digest)
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

// pending fills in what the inventory wants and the host does not have, and returns
// what there is to compare three ways.
func (x *drifted) pending(d rules.Dialect, s *rules.State, w *wanting, a wanted, last *Confirmed) *threeWays {
	three := &threeWays{moved: true}
	if last != nil {
		three.last, three.moved = last.Set, last.Ours == "" || last.Ours != s.Ours
	}
	if p := w.refuse(a.farm); p != nil {
		x.Warnings = append(x.Warnings, "what the inventory wants is not known: "+p.Text)
		return three
	}
	settled := a.set.Settle(s)
	if err := d.Check(s, settled); err != nil {
		x.Warnings = append(x.Warnings, "what the inventory wants cannot be applied: "+err.Error())
		return three
	}
	x.Pending = d.Diff(s, settled)
	if last != nil {
		three.wanted, three.settled, three.known = a.set, settled, true
	}
	return three
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
func (x *drifted) conclude(three *threeWays, s *rules.State, ours bool) {
	switch {
	case !ours:
		x.Status, x.Cause = Foreign, fmt.Sprintf("run %s of %s", s.Record.Run, s.Record.Controller)
	case len(x.Changes) > 0:
		x.Status, x.Cause = Differs, three.cause(x.Changes)
	case len(x.Flows) > 0:
		x.Status, x.Cause = Differs, causeForeign
	case len(x.Pending) > 0:
		x.Status, x.Cause = PendingOnly, three.causeOfPending()
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
		set = x.beside(last.Set)
	} else if p := w.refuse(a.farm); p != nil {
		x.Outcome = p.outcome(a.host.Name, a.farm)
		return
	}
	hp := newHostPlan(wanted{part: a.part, host: a.host, set: set})
	hp.compare(d, a.host, s, PlanOptions{TakeOver: opt.Rollout.TakeOver})
	if len(x.Accepted) > 0 && !opt.ToInventory {
		hp.baseline = last.Set
		if text := x.undone(hp.Changes); text != "" && hp.Problem == nil {
			x.Warnings = append(x.Warnings, text)
			return
		}
	}
	switch {
	case hp.Problem != nil:
		was := x.Outcome
		x.Outcome = hp.Problem.outcome(a.host.Name, a.farm)
		x.Changes, x.Pending, x.Accepted, x.Cause, x.Warnings = was.Changes, was.Pending, was.Accepted, was.Cause, was.Warnings
	case hp.changes():
		x.fix = &hp
	}
}
