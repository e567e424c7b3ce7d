package tasks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// roll carries jobs out, batch by batch, and returns their outcomes in the jobs'
// order. selected is what percentages are of; w is what the inventory wants, nil
// where the run follows something else.
func (r *Runner) roll(ctx context.Context, run *running, jobs []job, selected int, how Rollout, w *wanting) []Outcome {
	pass := &gate{r: r, run: run, how: how, w: w}
	out := make([]Outcome, 0, len(jobs))
	var begun [][]*change // the batches that were started
	failed, at := 0, 0
	for n, size := range batches(len(jobs), selected, how.Serial) {
		if ctx.Err() != nil || failed > how.MaxFail.of(selected) {
			break
		}
		run.tell(Event{Kind: BatchStarted, Text: fmt.Sprintf("batch %d: %s", n+1, hosts(size))})
		batch := each(ctx, r.Forks, jobs[at:at+size], func(ctx context.Context, j job) *change {
			return r.change(ctx, run, j)
		}, func(j job) *change { return r.notStarted(run, j, "interrupted before it was started") })
		if run.manual {
			r.waitForPerson(ctx, run, batch, how)
		}
		found := pass.check(ctx, batch, false)
		for _, c := range batch {
			if f, fails := found[c.host.Name]; fails {
				c.fails(f)
				failed++
			} else if c.out.Status.failed() {
				failed++
			}
		}
		begun, at = append(begun, batch), at+size
	}
	goBack := func(id string) {
		if back := toTakeBack(begun, how.OnFail); failed > how.MaxFail.of(selected) && len(back) > 0 && ctx.Err() == nil {
			r.takeBack(ctx, run, run.id+id, back)
		}
	}
	goBack("-back")
	r.lookAgain(ctx, run, slices.Concat(begun...))
	// A host whose confirm was not answered may turn out to be changed after all.
	goBack("-back-late")
	for _, c := range slices.Concat(begun...) {
		out = append(out, c.out)
	}
	for _, j := range jobs[at:] {
		why := "not started: an earlier host failed"
		if ctx.Err() != nil {
			why = "interrupted before it was started"
		}
		out = append(out, r.notStarted(run, j, why).out)
	}
	return out
}

func (r *Runner) notStarted(run *running, j job, why string) *change {
	c := r.newChange(run, j)
	c.out.Status, c.out.Error = Skipped, why
	run.finished(c.out)
	return c
}

// toTakeBack are the batches that a failure takes back, the newest first.
func toTakeBack(begun [][]*change, on OnFail) [][]*change {
	var back [][]*change
	for i := len(begun) - 1; i >= 0; i-- {
		if on != FailRun && (on != FailBatch || i < len(begun)-1) {
			continue
		}
		var batch []*change
		for _, c := range begun[i] {
			if c.sealed {
				batch = append(batch, c)
			}
		}
		if len(batch) > 0 {
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
		run.tell(Event{Kind: Waiting, Text: fmt.Sprintf("%s left to the switch; looking again at %s", hosts(len(left)), until.Format("15:04:05"))})
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
