package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// roll carries jobs out, batch by batch, and returns what became of each host.
// selected is what percentages are of.
func (r *Runner) roll(ctx context.Context, run *running, w *wanting, selected int, batches [][]job, how Rollout) map[string]Outcome {
	pass := &gate{r: r, run: run, how: how, w: w}
	var begun [][]*change    // the batches that were started
	bad := map[*change]int{} // the hosts that failed, with the batch after which that was seen
	most := how.MaxFail.of(selected) - run.earlier
	broken := false // the run did not come to its end
	for n, jobs := range batches {
		if broken = ctx.Err() != nil || len(bad) > most; broken {
			break
		}
		run.tell(Event{Kind: BatchStarted, Text: fmt.Sprintf("batch %d of %d: %s", n+1, len(batches), hosts(len(jobs)))})
		batch := each(ctx, r.Forks, jobs, func(ctx context.Context, j job) *change {
			return r.change(ctx, run, j)
		}, func(j job) *change { return r.notStarted(run, j, "interrupted before it was started") })
		begun = append(begun, batch)
		if run.manual {
			r.waitForPerson(ctx, run, batch, how)
		}
		for _, c := range batch {
			if c.out.Status.failed() || c.out.Status == Skipped {
				bad[c] = len(begun)
			}
		}
		pass.hold(ctx, batch, false, bad, len(begun))
		if how.Soak > 0 && len(bad) <= most && slices.ContainsFunc(batch, (*change).holds) {
			if r.soak(ctx, run, how.Soak, n+1, len(batches)) != nil {
				broken = true
				break
			}
			pass.hold(ctx, slices.Concat(begun...), true, bad, len(begun))
		}
	}
	if ctx.Err() != nil && slices.ContainsFunc(slices.Concat(begun...), func(c *change) bool { return !c.sealed }) {
		broken = true
	}
	broken = broken || len(bad) > most
	var takes []string
	goBack := func(id string) {
		if back := toTakeBack(begun, bad, how.OnFail); broken && len(back) > 0 {
			if r.takeBack(ctx, run, run.id+id, back) {
				takes = append(takes, run.id+id)
			}
		}
	}
	goBack("-back")
	r.lookAgain(ctx, run, slices.Concat(begun...))
	// A host whose confirm was not answered may turn out to be changed after all.
	goBack("-back-late")
	if broken && (how.OnFail == FailRun || how.OnFail == FailBatch) {
		r.endBack(ctx, run, takes, slices.Concat(begun...))
	}
	ended := map[string]Outcome{}
	for _, c := range slices.Concat(begun...) {
		ended[c.host.Name] = c.out
	}
	for _, j := range slices.Concat(batches[len(begun):]...) {
		why := "not started: an earlier host failed"
		if ctx.Err() != nil {
			why = "interrupted before it was started"
		}
		ended[j.host.Name] = r.notStarted(run, j, why).out
	}
	return ended
}

// hold puts changed hosts to the gate and notes those that do not pass.
func (g *gate) hold(ctx context.Context, changes []*change, soaked bool, bad map[*change]int, batch int) {
	found := g.check(ctx, changes, soaked)
	for _, c := range changes {
		if f, fails := found[c.host.Name]; fails {
			c.fails(f)
			bad[c] = batch
		}
	}
}

// holds says whether the host has the change.
func (c *change) holds() bool { return c.sealed }

// soak leaves a batch alone for a while. The error is the context's.
func (r *Runner) soak(ctx context.Context, run *running, d time.Duration, batch, of int) error {
	until := r.Now().Add(d)
	run.tell(Event{Kind: Waiting, Until: &until, Text: fmt.Sprintf("batch %d of %d soaks for %s, until %s", batch, of, d, until.Format("15:04:05"))})
	if err := r.pause(ctx, d); err != nil {
		return err
	}
	return ctx.Err()
}

func (r *Runner) notStarted(run *running, j job, why string) *change {
	c := r.newChange(run, j)
	c.out.Status, c.out.Error = Skipped, why
	run.finished(c.out)
	return c
}

// toTakeBack are the batches that a failure takes back, the newest first: with
// FailBatch the newest one, and those of which a host failed when that one had
// soaked.
func toTakeBack(begun [][]*change, bad map[*change]int, on OnFail) [][]*change {
	var back [][]*change
	for i := len(begun) - 1; i >= 0; i-- {
		failed := slices.ContainsFunc(begun[i], func(c *change) bool { return bad[c] == len(begun) })
		if on != FailRun && (on != FailBatch || i < len(begun)-1 && !failed) {
			continue
		}
		batch := slices.DeleteFunc(slices.Clone(begun[i]), func(c *change) bool { return !c.sealed })
		if slices.Reverse(batch); len(batch) > 0 {
			back = append(back, batch)
		}
	}
	return back
}

// lookAgain reads the hosts that were left to their switches once more, when the
// last of these must have fired. An interrupt stops the waiting.
func (r *Runner) lookAgain(ctx context.Context, run *running, changes []*change) {
	var left []*change
	var until time.Time
	for _, c := range changes {
		if c.pending {
			left = append(left, c)
			if c.until.After(until) {
				until = c.until
			}
		}
	}
	if len(left) == 0 {
		return
	}
	if until = until.Add(afterDeadline); until.After(r.Now()) {
		run.tell(Event{Kind: Waiting, Until: &until, Text: fmt.Sprintf("%s left to the switch; looking again at %s", hosts(len(left)), until.Format("15:04:05"))})
		if err := r.pause(ctx, until.Sub(r.Now())); err != nil {
			for _, c := range left {
				c.end()
			}
			return
		}
	}
	each(ctx, r.Forks, left, func(ctx context.Context, c *change) struct{} {
		defer c.hangUp()
		cause, _, _ := strings.Cut(c.out.Error, "; left to the switch until")
		step := c.out.Step
		// A switch whose time is over and that did nothing has died.
		if err := c.dial(ctx, unspoken); err == nil && !c.settled(ctx, step, cause) {
			c.undo(ctx, step, cause+"; the switch did nothing by then")
		}
		c.end()
		return struct{}{}
	}, func(c *change) struct{} { c.end(); return struct{}{} })
}
