package tasks

import (
	"context"
	"fmt"
	"slices"

	"farmwall/inventory"
)

// runEnd is a RunEnd with the outcomes of the hosts that were taken back for it.
type runEnd struct {
	RunEnd
	outcomes []Outcome
}

// endRuns brings runs that were broken off to an end, the newest first: what their
// OnFail or opt asks for is taken back. With some hosts only, runs of which
// hosts are to be taken back stay as they are.
func (r *Runner) endRuns(ctx context.Context, inv *inventory.Inventory, some []*inventory.Host, opt RecoverOptions) ([]runEnd, error) {
	open, err := r.Journal.Open(ctx)
	if err != nil {
		return nil, err
	}
	going := r.goingRuns(ctx)
	var ends []runEnd
	for i := range slices.Backward(open) {
		b := newBrokenOff(&open[i])
		e := runEnd{RunEnd: RunEnd{Run: b.ID, Verb: b.Verb, OnFail: b.OnFail}}
		busy, err := going(b.ID)
		for _, t := range b.Takes {
			if !busy && err == nil {
				busy, err = going(t.ID)
			}
		}
		if err != nil {
			return nil, err
		}
		back := b.toTakeBack(opt)
		switch {
		case busy:
			e.End = StillGoing
		case ctx.Err() != nil, some != nil && (len(back) > 0 || b.unjudged(opt)):
			e.sort(b, nil, nil)
			e.End = InDoubt
			r.progress(b.ID, 0).notice("", "run "+b.ID+" stays broken off; `farmwall recover` without -l brings it to an end")
		default:
			r.bringToEnd(ctx, inv, b, back, opt, &e)
		}
		ends = append(ends, e)
	}
	return ends, nil
}

// bringToEnd takes back what is to be taken back of a run, and ends it in the
// journal where every host of it is known.
func (r *Runner) bringToEnd(ctx context.Context, inv *inventory.Inventory, b *brokenOff, back [][]string, opt RecoverOptions, e *runEnd) {
	if b.unjudged(opt) {
		scope := b.Batches
		if b.OnFail == FailBatch {
			scope = [][]string{b.lastBatch()}
		}
		bad, unread := r.judgeLate(ctx, inv, b, slices.Concat(scope...), e)
		switch {
		case len(unread) > 0:
			e.sort(b, nil, nil)
			e.End, e.Doubtful = InDoubt, unread
			return
		case bad > b.MaxFail:
			back = slices.Clone(scope)
			slices.Reverse(back)
		}
	}
	progress := r.progress(b.ID, len(slices.Concat(back...)))
	failed := func(err error) {
		e.End = InDoubt
		progress.notice("", "the journal could not be written: "+err.Error())
	}
	done := map[string]Status{} // of the hosts that were to be taken back
	if len(back) > 0 {
		progress.notice("", fmt.Sprintf("run %s was broken off: taking back %s", b.ID, hosts(progress.total)))
		if err := r.finishBack(ctx, inv, b, back, done, e); err != nil {
			failed(err)
		}
	}
	e.sort(b, done, back)
	if opt.Keep && len(b.Takes) > 0 && !b.takenBack() {
		// A way back over no host that has ended well: nothing more is to be taken back.
		id := r.backID(ctx, b.ID)
		err := r.Journal.Begin(ctx, RunRecord{ID: id, Verb: verbTakeBack, Controller: r.Controller, Of: b.ID})
		if err == nil {
			err = r.Journal.End(ctx, id, 0)
		}
		if err != nil {
			failed(err)
		}
	}
	if e.End == InDoubt || len(e.Doubtful) > 0 {
		e.End = InDoubt
		return
	}
	for _, t := range append(slices.Clone(b.Takes), b.RunRecord) {
		if t.Ended.IsZero() {
			if err := r.Journal.End(ctx, t.ID, r.Exit(e.summary(b))); err != nil {
				failed(err)
			}
		}
	}
}

// finishBack carries out the ways back of a run that was broken off.
func (r *Runner) finishBack(ctx context.Context, inv *inventory.Inventory, b *brokenOff, back [][]string, done map[string]Status, e *runEnd) error {
	batches := make([][]job, len(back))
	whole := true
	for i, batch := range back {
		progress := r.progress(b.ID, len(batch))
		plans := each(ctx, r.Forks, batch, func(ctx context.Context, host string) *HostPlan {
			if later := r.laterRun(ctx, b, host); later != nil {
				return &HostPlan{Host: host, Problem: later}
			}
			hp := r.planBack(ctx, progress, inv, b.hosts[host], PlanOptions{})
			return &hp
		}, func(host string) *HostPlan {
			return &HostPlan{Host: host, Problem: &Problem{Status: Doubtful, Text: "interrupted before it was looked at"}}
		})
		for j, hp := range plans {
			switch p := hp.Problem; {
			case p != nil && p.later:
				done[hp.Host] = OK // it is that run's business now
				progress.notice(hp.Host, p.Text+"; it is left alone")
			case p != nil:
				whole, done[hp.Host] = false, Doubtful
				p = &Problem{Status: Doubtful, Step: "take back", Text: "changed by run " + b.ID + ", and could not be taken back: " + p.Text, Hint: p.Hint}
				e.outcomes = append(e.outcomes, p.outcome(hp.Host, b.hosts[hp.Host].first.Farm))
			case !hp.changes():
				done[hp.Host] = OK
			default:
				batches[i] = append(batches[i], job{named(inv, batch[j]), hp})
			}
		}
	}
	jobs := slices.Concat(batches...)
	if len(jobs) == 0 && (!whole || len(b.Takes) == 0) {
		return nil // there is no way back to be noted
	}
	id := r.backID(ctx, b.ID)
	led, err := r.leadBack(ctx, &running{id: id}, b.ID, batches)
	if err != nil {
		return err
	}
	for _, c := range slices.Concat(led...) {
		o := c.out
		switch o.Status {
		case Changed, NotOpen, OK:
			o.Status, o.Step, o.Hint, o.Flows = Restored, "take back", "", nil
			o.Error = "taken back, because run " + b.ID + " was broken off"
		case Doubtful:
			whole = false
		default:
			whole = false
			p := &Problem{Status: Doubtful, Step: "take back", Text: "changed by run " + b.ID + ", and could not be taken back: " + o.Error, Hint: o.Hint}
			o = p.outcome(o.Host, o.Farm)
		}
		done[o.Host] = o.Status
		e.outcomes = append(e.outcomes, o)
	}
	exit := 0
	if !whole {
		exit = max(1, r.Exit(&Summary{Verb: verbTakeBack, Outcomes: e.outcomes}))
	}
	return r.Journal.End(context.WithoutCancel(ctx), id, exit)
}

// laterRun names the run that has changed a host, or found it as it should be, after
// the one that was broken off.
func (r *Runner) laterRun(ctx context.Context, b *brokenOff, host string) *Problem {
	last, err := r.Journal.Last(ctx, b.hosts[host].first.Farm, host)
	switch {
	case err != nil:
		return &Problem{Status: Failed, Step: "journal", Text: err.Error()}
	case last == nil, last.Run == b.ID, slices.ContainsFunc(b.Takes, func(t RunRecord) bool { return t.ID == last.Run }):
		return nil
	}
	return &Problem{Text: "run " + last.Run + " has confirmed this host later", later: true}
}

// backID is a name for one more way back of a run.
func (r *Runner) backID(ctx context.Context, run string) string {
	for n := 1; ; n++ {
		id := fmt.Sprintf("%s-back-%d", run, n)
		if known, err := r.Journal.Knows(ctx, id); err != nil || !known {
			return id
		}
	}
}

// sort says of each host of the run where it stands now.
func (e *RunEnd) sort(b *brokenOff, done map[string]Status, back [][]string) {
	for _, host := range slices.Concat(b.Batches...) {
		t := b.hosts[host]
		switch status, tried := done[host]; {
		case tried && status == Doubtful, t != nil && t.last.Status == "":
			e.Doubtful = append(e.Doubtful, host)
		case t == nil:
			e.NotStarted = append(e.NotStarted, host)
		case tried, !b.has(host), b.takenBack() && b.led(host):
			e.Back = append(e.Back, host)
		default:
			e.Changed = append(e.Changed, host)
		}
	}
	switch {
	case len(back) > 0, b.takenBack():
		e.End = TakenBack
	case len(e.NotStarted) == 0 && b.whole():
		e.End = Whole
	default:
		e.End = Kept
	}
}

// led says whether a way back that was begun has led the host.
func (b *brokenOff) led(host string) bool {
	return slices.ContainsFunc(b.Takes, func(t RunRecord) bool { return slices.Contains(slices.Concat(t.Batches...), host) })
}

// summary is the run as it ended, for its exit code.
func (e *RunEnd) summary(b *brokenOff) *Summary {
	s := &Summary{Verb: b.Verb, Run: b.ID}
	for _, host := range slices.Concat(b.Batches...) {
		o := Outcome{Host: host, Status: Skipped}
		if slices.Contains(e.Back, host) {
			o.Status = Restored
		} else if t := b.hosts[host]; t != nil {
			o.Status = t.last.Status
		}
		s.Outcomes = append(s.Outcomes, o)
	}
	return s
}

// ended joins what became of hosts with what became of them when their run was
// brought to its end; that counts.
func ended(outcomes []Outcome, ends []runEnd) []Outcome {
	for _, e := range ends {
		for _, o := range e.outcomes {
			at := slices.IndexFunc(outcomes, func(have Outcome) bool { return have.Host == o.Host && have.Farm == o.Farm })
			if at < 0 {
				outcomes = append(outcomes, o)
			} else {
				outcomes[at] = o
			}
		}
	}
	return outcomes
}
