package tasks

import (
	"context"
	"fmt"
	"time"
)

// askAgain is how often the journal is asked whether somebody confirmed elsewhere.
const askAgain = time.Second

// waitForPerson holds the armed hosts of a batch until a person confirms them,
// here or by `farmwall confirm RUN` elsewhere, and then confirms each over a
// connection dialled afresh. Without a yes, and on an interrupt, the switches are
// asked to undo at once.
func (r *Runner) waitForPerson(ctx context.Context, run *running, batch []*change, how Rollout) {
	var armed []*change
	var names []string
	var until time.Time
	for _, c := range batch {
		if c.armed && !c.pending {
			armed, names = append(armed, c), append(names, c.host.Name)
			if until.IsZero() || c.until.Before(until) {
				until = c.until
			}
		}
	}
	if len(armed) == 0 {
		return
	}
	run.tell(Event{Kind: Waiting, Text: fmt.Sprintf("%s changed, to be confirmed until %s: press Enter here, or run `farmwall confirm %s` elsewhere",
		hosts(len(armed)), until.Format("15:04:05"), run.id)})
	window, cancel := context.WithTimeout(ctx, until.Sub(r.Now()))
	defer cancel()
	elsewhere := false
	err := alongside(window, func(ctx context.Context) {
		elsewhere = r.finishedElsewhere(ctx, run.id, names)
		if elsewhere {
			cancel()
		}
	}, func() error { return how.Confirmed(window, run.id, names) })
	// After an interrupt too each host is brought to its end.
	each(context.WithoutCancel(ctx), r.Forks, armed, func(own context.Context, c *change) struct{} {
		defer c.hangUp()
		switch {
		case err == nil && ctx.Err() == nil, elsewhere:
			c.resume(ctx)
		case ctx.Err() != nil:
			c.undo(own, "confirm", "interrupted")
		case window.Err() != nil:
			c.undo(own, "confirm", "nobody confirmed in time")
		default:
			c.undo(own, "confirm", "not confirmed: "+err.Error())
		}
		c.pauseOrEnd()
		return struct{}{}
	}, nil)
}

// resume goes on with an armed host: a fresh connection, step 7 again, confirm.
func (c *change) resume(ctx context.Context) {
	if err := c.dial(ctx, unspoken); err != nil {
		c.undo(ctx, "redial", "no new connection before the confirm: "+problem(err).Text)
		return
	}
	if endOf(c.state, &c.rec) == "" {
		c.out.Findings = c.plan.Findings
		if c.check(ctx) {
			c.confirm(ctx)
		}
		return
	}
	c.settled(ctx, "confirm", "not confirmed in time")
}

// finishedElsewhere asks the journal until the hosts of a run are finished, or
// the context ends.
func (r *Runner) finishedElsewhere(ctx context.Context, run string, hosts []string) bool {
	for r.pause(ctx, askAgain) == nil {
		rec, err := r.Journal.Run(ctx, run)
		if err != nil {
			continue
		}
		finished := map[string]bool{}
		for _, h := range rec.Hosts {
			finished[h.Host] = h.Status != ""
		}
		all := true
		for _, h := range hosts {
			all = all && finished[h]
		}
		if all {
			return true
		}
	}
	return false
}
