package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"farmwall/rules"
)

const verbTakeBack = "take-back"

// takeBack puts hosts that this run had changed back to what they were: the
// newest batch first, each host through change and proven by the fingerprint that
// it had before. An interrupt does not stop it, for it is what --on-fail asks for
// after one. False: the journal could not be written, and nothing was taken back.
func (r *Runner) takeBack(ctx context.Context, run *running, id string, back [][]*change) bool {
	batches := make([][]job, len(back))
	for i, batch := range back {
		for _, c := range batch {
			batches[i] = append(batches[i], job{host: c.host, plan: c.backwards()})
		}
	}
	own := *run
	own.id = id
	led, err := r.leadBack(context.WithoutCancel(ctx), &own, run.id, batches)
	for i, batch := range back {
		for j, c := range batch {
			if err != nil {
				c.keptAll("the journal could not be written: " + err.Error())
			} else {
				c.backed(led[i][j])
			}
		}
	}
	return err == nil
}

// leadBack carries out ways back as a run of their own, which the journal knows to
// take back the run of. Who calls it ends that run, with 0 once nothing is left to be
// taken back. The error is of the journal, and nothing was done.
func (r *Runner) leadBack(ctx context.Context, own *running, of string, batches [][]job) ([][]*change, error) {
	own.verb, own.manual, own.strict = verbTakeBack, false, false
	own.progress = r.progress(own.id, len(slices.Concat(batches...)))
	own.tell(Event{Kind: RunStarted, Text: verbTakeBack})
	err := r.Journal.Begin(ctx, RunRecord{ID: own.id, Verb: verbTakeBack, Controller: r.Controller, Started: r.Now(), Of: of, Batches: hostsOf(batches)})
	if err != nil {
		return nil, err
	}
	led := make([][]*change, len(batches))
	for i, batch := range batches {
		own.tell(Event{Kind: BatchStarted, Text: "taking back " + hosts(len(batch))})
		led[i] = each(ctx, r.Forks, batch, func(ctx context.Context, j job) *change {
			b := r.change(ctx, own, j)
			if b.pending {
				r.lookAgain(ctx, own, []*change{b})
			}
			return b
		}, func(j job) *change { return r.notStarted(own, j, "interrupted before it was taken back") })
	}
	return led, nil
}

// endBack ends the ways back of a run whose failure takes hosts back. While hosts
// are in doubt the exit code is not 0, so that recover finds the run.
func (r *Runner) endBack(ctx context.Context, run *running, takes []string, changes []*change) {
	ctx = context.WithoutCancel(ctx)
	s := &Summary{Verb: verbTakeBack}
	for _, c := range changes {
		if c.out.Status == Doubtful {
			s.Outcomes = append(s.Outcomes, c.out)
		}
	}
	exit := 0
	var err error
	if len(s.Outcomes) > 0 {
		if exit = max(1, r.Exit(s)); len(takes) == 0 {
			takes = []string{run.id + "-back"}
			err = r.Journal.Begin(ctx, RunRecord{ID: takes[0], Verb: verbTakeBack, Controller: r.Controller, Of: run.id})
		}
	}
	for _, id := range takes {
		err = errors.Join(err, r.Journal.End(ctx, id, exit))
	}
	if err != nil {
		run.notice("", "the journal could not be written: "+err.Error())
	}
}

// backwards is the plan that leads a host from what this change made of it to
// what it was.
func (c *change) backwards() *HostPlan {
	p := &HostPlan{Host: c.plan.Host, Farm: c.plan.Farm, Manager: c.plan.Manager, Ours: c.rec.OursThen,
		Wanted: c.rec.Before, Back: c.rec.Ours, Changes: reversed(c.rec.Changes)}
	if c.rec.Drifted {
		p.Exact = c.rec.Undo
	}
	return p
}

// backed takes over what became of a host's way back.
func (c *change) backed(b *change) {
	o := &c.out
	c.sealed = false
	switch b.out.Status {
	case Changed, NotOpen:
		cause := "another host failed"
		if o.Status != Changed {
			cause = o.Error
		}
		o.Status, o.Step, o.Hint = Restored, "take back", ""
		o.Error = "taken back, because " + cause
		o.Warnings = append(o.Warnings, b.out.Warnings...)
	case Doubtful:
		o.Status, o.Step, o.Until, o.Error, o.Hint = Doubtful, "take back", b.out.Until, b.out.Error, b.out.Hint
	default:
		c.keptAll(b.out.Error)
	}
}

// keptAll says that a host which was to be taken back keeps its change.
func (c *change) keptAll(why string) {
	o := &c.out
	c.sealed = false // it was tried, and is not tried again in this run
	o.Status, o.Step = Doubtful, "take back"
	o.Error = "changed, and could not be taken back: " + why
	o.Hint = "the host has its new rules; `farmwall recover` takes it back, or `farmwall rollback " + c.run.id + "`"
	o.Err = fmt.Errorf("%s: %s", o.Host, o.Error)
}

// reversed is what undoing the changes does.
func reversed(changes []rules.Change) []rules.Change {
	var out []rules.Change
	for _, c := range changes {
		switch c.Verb {
		case rules.Add:
			c.Verb, c.Have, c.Want = rules.Remove, c.Want, nil
		case rules.Remove:
			c.Verb, c.Want, c.Have = rules.Add, c.Have, nil
		case rules.Replace:
			c.Have, c.Want = c.Want, c.Have
		case rules.Repair:
			c.Note = "as it was: " + c.Note
		}
		out = append(out, c)
	}
	return out
}
