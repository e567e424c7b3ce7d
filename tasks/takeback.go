package tasks

import (
	"context"
	"fmt"

	"farmwall/rules"
)

// takeBack puts hosts that this run had changed back to what they were: the
// newest batch first, each host through change and proven by the fingerprint that
// it had before. It is a run of its own in the journal.
func (r *Runner) takeBack(ctx context.Context, run *running, id string, back [][]*change) {
	own := *run
	total := 0
	for _, batch := range back {
		total += len(batch)
	}
	own.id, own.verb, own.manual, own.strict = id, "take-back", false, false
	own.progress = r.progress(own.id, total)
	own.tell(Event{Kind: RunStarted, Text: "taking back " + hosts(total)})
	err := r.Journal.Begin(context.WithoutCancel(ctx), RunRecord{ID: own.id, Verb: "take-back", Controller: r.Controller, Started: r.Now()})
	for _, batch := range back {
		each(ctx, r.Forks, batch, func(ctx context.Context, c *change) struct{} {
			if err != nil {
				c.keptAll("the journal could not be written: " + err.Error())
				return struct{}{}
			}
			b := r.change(ctx, &own, job{host: c.host, plan: c.backwards()})
			if b.pending {
				r.lookAgain(ctx, &own, []*change{b})
			}
			c.backed(b)
			return struct{}{}
		}, func(c *change) struct{} {
			c.keptAll("interrupted before it was taken back")
			return struct{}{}
		})
	}
	if err == nil {
		if err := r.Journal.End(context.WithoutCancel(ctx), own.id, 0); err != nil {
			own.notice("", "the journal could not be written: "+err.Error())
		}
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
		o.Status, o.Step, o.Hint = Restored, "take back", ""
		o.Error = "taken back, because another host failed"
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
	o.Hint = "the host has its new rules; `farmwall rollback " + c.run.id + "` takes it back"
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
