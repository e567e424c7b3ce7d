package tasks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// RecoverOptions say what becomes of a run that was broken off. Without either, what
// the run's OnFail asks for is taken back.
type RecoverOptions struct {
	Back bool // all that the run changed is taken back
	Keep bool // hosts that have the run's change keep it
}

// Recover finds out what became of hosts that a run left unfinished, by reading
// them: it completes the journal, finishes on the host what was decided there,
// and asks switches that are still armed to undo. It never guesses. Then it brings the
// runs that were broken off to an end. Nil hosts means all; with some, no run is
// taken back.
func (r *Runner) Recover(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt RecoverOptions) (*Summary, error) {
	switch {
	case opt.Back && opt.Keep:
		return nil, errors.New("a run that was broken off is taken back or kept, not both")
	case (opt.Back || opt.Keep) && hosts != nil:
		return nil, errors.New("a run is taken back or kept as a whole, not on some of its hosts")
	}
	left, err := r.Journal.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	going := r.goingRuns(ctx)
	var changes []*change
	runs := map[string]*running{}
	var missing []Outcome
	for _, rec := range left {
		if hosts != nil && !slices.ContainsFunc(hosts, func(h *inventory.Host) bool { return h.Name == rec.Host }) {
			continue
		}
		if busy, err := going(rec.Run); err != nil {
			return nil, err
		} else if busy {
			missing = append(missing, stillGoing(rec.Run).outcome(rec.Host, rec.Farm))
			continue
		}
		host := named(inv, rec.Host)
		if host == nil {
			p := &Problem{Status: Doubtful, Step: "recover", Text: "left unfinished by run " + rec.Run + ", and not in the inventory any more", Hint: "put it back into the inventory"}
			missing = append(missing, p.outcome(rec.Host, rec.Farm))
			continue
		}
		if runs[rec.Run] == nil {
			runs[rec.Run] = &running{progress: r.progress(rec.Run, len(left)), id: rec.Run}
		}
		changes = append(changes, r.resumed(runs[rec.Run], host, rec))
	}
	each(ctx, r.Forks, changes, func(ctx context.Context, c *change) struct{} {
		defer c.hangUp()
		c.run.started(c.host.Name)
		c.recover(ctx)
		c.pauseOrEnd()
		return struct{}{}
	}, func(c *change) struct{} {
		c.out.Status, c.out.Error = Doubtful, "interrupted before it was looked at"
		c.run.finished(c.out)
		return struct{}{}
	})
	for _, run := range runs {
		var own []*change
		for _, c := range changes {
			if c.run == run {
				own = append(own, c)
			}
		}
		r.lookAgain(ctx, run, own)
	}
	outcomes := missing
	for _, c := range changes {
		outcomes = append(outcomes, c.out)
	}
	ends, err := r.endRuns(ctx, inv, hosts, opt)
	if err != nil {
		return nil, err
	}
	s := r.summary(ctx, inv, "recover", "", ended(outcomes, ends))
	s.Runs = nil
	for i := range ends {
		s.Runs = append(s.Runs, ends[i].RunEnd)
	}
	return r.told(s), nil
}

// stillGoing says that somebody is busy with a run.
func stillGoing(run string) *Problem {
	return &Problem{Status: LeaseTaken, Step: "recover", Text: "run " + run + " is going on in another process on this machine", Hint: "wait for it, or end it"}
}

// goingRuns asks the journal once for each run whether it is going on.
func (r *Runner) goingRuns(ctx context.Context) func(run string) (bool, error) {
	known := map[string]bool{}
	return func(run string) (bool, error) {
		if busy, ok := known[run]; ok {
			return busy, nil
		}
		busy, err := r.Journal.Going(ctx, run)
		known[run] = busy
		return busy, err
	}
}

// resumed is a change as the journal knows it.
func (r *Runner) resumed(run *running, h *inventory.Host, rec HostRecord) *change {
	c := r.newChange(run, job{h, &HostPlan{Host: rec.Host, Farm: rec.Farm, Wanted: rec.Target, Changes: rec.Changes}})
	c.rec, c.armed = rec, true
	return c
}

// recover looks at one host.
func (c *change) recover(ctx context.Context) {
	cause := "left unfinished by run " + c.rec.Run
	c.armed = false
	d, err := c.r.Dialect(c.host)
	if err == nil {
		c.d = d
		err = c.dial(ctx, unspoken)
	}
	if err != nil {
		p := problem(err)
		c.out.Status, c.out.Step, c.out.Error, c.out.Hint = Doubtful, "recover", cause+", and it could not be read: "+p.Text, p.Hint
		return
	}
	end, why, over := c.reckon(ctx, cause)
	// A reading may be a mixed one (see settled), and a script that was under way when its
	// controller died may yet begin.
	if again := end == Changed || end == Doubtful || c.mayYetBegin(end); !over && again {
		if c.mayYetBegin(end) {
			c.run.tell(Event{Kind: Waiting, Host: c.host.Name, Step: "recover", Text: "a script of the run that was broken off may still be on its way"})
			err = c.r.pause(ctx, lateScript)
		}
		if err == nil {
			err = c.look(ctx)
		}
		if err != nil {
			end, why = Doubtful, problem(err).Text
		} else {
			end, why, over = c.reckon(ctx, cause)
		}
	}
	if over {
		return
	}
	c.out.Status, c.out.Step, c.out.Error = end, "recover", cause+": "+why
	if end == Changed {
		c.out.Error = ""
		if len(c.d.Diff(c.state, c.rec.Target)) == 0 {
			c.rec.OursThen = c.state.Ours
		}
	}
	if end == Doubtful {
		c.out.Hint = "look at the host; `farmwall plan` shows what differs"
	}
}

// mayYetBegin says whether a script of the run may still be on its way to the host, or
// be there already and have taken no more than the lease.
func (c *change) mayYetBegin(end Status) bool {
	return end == Failed && tooEarly(c.r.Now(), c.state, &c.rec) || end == Restored && c.justTaken()
}

// justTaken says whether this change took the lease a moment ago, by the host's clock.
func (c *change) justTaken() bool {
	l := &c.state.Lease
	return c.ours(c.state) && l.Since > 0 && l.Since < lateScript
}

// tooEarly says whether it is too early to call a change one that never began.
func tooEarly(now time.Time, s *rules.State, rec *HostRecord) bool {
	return s.Lease.Number < rec.Lease && now.Sub(rec.Started).Abs() < lateScript
}

// reckon says what the newest reading means for the host of a run that was broken
// off. What was decided there is finished, and what is still armed undone: then it is
// over, and the outcome is complete.
func (c *change) reckon(ctx context.Context, cause string) (end Status, why string, over bool) {
	if t := c.state.Token.State; t == "confirming" || t == "undoing" {
		if err := c.finishOther(ctx); err != nil {
			c.out.Status, c.out.Step, c.out.Error = Doubtful, "recover", cause+", and what was decided could not be finished: "+problem(err).Text
			return "", "", true
		}
	}
	if c.ours(c.state) && c.state.Token.State == "armed" {
		// Nobody is going to confirm it any more, so there is nothing to wait for.
		c.until = c.r.Now().Add(c.state.Token.Left)
		c.undo(ctx, "recover", cause)
		return "", "", true
	}
	end, why, err := c.r.became(ctx, c.d, c.state, &c.rec)
	if err != nil {
		end, why = Doubtful, err.Error()
	}
	return end, why, false
}

// became says, from a reading with no live change, what came of an unfinished
// record, and how that is known.
func (r *Runner) became(ctx context.Context, d rules.Dialect, s *rules.State, rec *HostRecord) (Status, string, error) {
	switch {
	case s.Record.Run == rec.Run:
		return Changed, "the host's record says that it was confirmed", nil
	case s.Lease.Number < rec.Lease, s.Lease.Number == rec.Lease && s.Lease.Run != rec.Run:
		return Failed, "the change never began", nil
	case s.Ours == rec.Ours:
		return Restored, "the host is back in its old state", nil
	}
	last, err := r.Journal.Last(ctx, rec.Farm, rec.Host)
	if err != nil {
		return "", "", err
	}
	if last != nil && last.Time.After(rec.Started) {
		return Stale, "run " + last.Run + " has changed the host since", nil
	}
	// Another controller's: the number of a lease only grows, and only when no change
	// is under way, so what became of ours is history.
	if s.Lease.Number > rec.Lease && s.Lease.Run != "" && s.Record.Run == s.Lease.Run {
		return Stale, fmt.Sprintf("run %s of %s has changed the host since", s.Record.Run, s.Record.Controller), nil
	}
	return Doubtful, fmt.Sprintf("the host is in neither its old state nor its new one (lease %d of %s)", s.Lease.Number, s.Lease.Holder), nil
}

// unfinished returns what the journal holds open, by farm and host.
func (r *Runner) unfinished(ctx context.Context) (map[[2]string][]HostRecord, error) {
	all, err := r.Journal.Unfinished(ctx)
	if err != nil {
		return nil, err
	}
	left := map[[2]string][]HostRecord{}
	going := r.goingRuns(ctx)
	for _, rec := range all {
		if busy, err := going(rec.Run); err != nil {
			return nil, err
		} else if busy {
			continue // who is busy with it finishes it
		}
		key := [2]string{rec.Farm, rec.Host}
		left[key] = append(left[key], rec)
	}
	return left, nil
}

// completeRead completes a record in the journal from a reading that another verb
// made anyway; nothing is written to the host.
func (r *Runner) completeRead(ctx context.Context, run *progress, d rules.Dialect, s *rules.State, rec *HostRecord) {
	end, why, err := r.became(ctx, d, s, rec)
	if end == Failed && tooEarly(r.Now(), s, rec) {
		end, why = Doubtful, "a script of it may still be on its way"
	}
	if err == nil && end != Doubtful {
		ours := ""
		if end == Changed && len(d.Diff(s, rec.Target)) == 0 {
			ours = s.Ours
		}
		err = r.Journal.Finish(context.WithoutCancel(ctx), rec.Run, rec.Farm, rec.Host, end, why, ours)
	}
	switch {
	case err != nil:
		run.notice(rec.Host, "run "+rec.Run+" stays unfinished in the journal: "+err.Error())
	case end == Doubtful:
		run.notice(rec.Host, "run "+rec.Run+" stays unfinished in the journal: "+why)
	default:
		run.notice(rec.Host, "run "+rec.Run+" is completed in the journal: "+why)
	}
}
