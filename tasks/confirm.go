package tasks

import (
	"context"

	"farmwall/inventory"
)

// Confirm dials every armed host of the run afresh, checks it as step 7 does and
// confirms it: what `apply --confirm manual` waits for, from elsewhere. An
// unknown run is ErrNoRun.
func (r *Runner) Confirm(ctx context.Context, inv *inventory.Inventory, run string) (*Summary, error) {
	rec, err := r.Journal.Run(ctx, run)
	if err != nil {
		return nil, err
	}
	var changes []*change
	var missing []Outcome
	how := &running{id: run}
	for _, h := range rec.Hosts {
		if h.Status != "" {
			done := Outcome{Host: h.Host, Farm: h.Farm, Status: h.Status}
			if h.Status.bad() {
				done.Step, done.Error = "confirm", "it came to its end before: "+h.Detail
			}
			missing = append(missing, done)
			continue
		}
		host := named(inv, h.Host)
		if host == nil {
			p := &Problem{Status: Doubtful, Step: "confirm", Text: "not in the inventory any more; its switch undoes the change", Hint: "put it back into the inventory"}
			missing = append(missing, p.outcome(h.Host, h.Farm))
			continue
		}
		changes = append(changes, r.resumed(how, host, h))
	}
	how.progress = r.progress(run, len(changes))
	each(ctx, r.Forks, changes, func(ctx context.Context, c *change) struct{} {
		defer c.hangUp()
		how.started(c.host.Name)
		if d, err := r.Dialect(c.host); err != nil {
			c.armed = false
			c.out.Status, c.out.Step, c.out.Error = Doubtful, "confirm", err.Error()
		} else {
			c.d = d
			c.until = r.Now().Add(how.windowFor(c.host)) // until the host says better
			c.resume(ctx)
		}
		c.pauseOrEnd()
		return struct{}{}
	}, func(c *change) struct{} {
		c.out.Status, c.out.Step, c.out.Error = Doubtful, "confirm", "interrupted before it was confirmed; its switch undoes the change"
		how.finished(c.out)
		return struct{}{}
	})
	r.lookAgain(ctx, how, changes)
	outcomes := missing
	for _, c := range changes {
		outcomes = append(outcomes, c.out)
	}
	return r.told(r.summary(ctx, inv, "confirm", run, outcomes)), nil
}
