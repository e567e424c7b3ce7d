package tasks

import (
	"context"
	"fmt"
	"time"

	"farmwall/rules"
)

const (
	// frameLimit bounds a script of the frame beyond the window it works in.
	frameLimit = 30 * time.Second
	// replansAllowed is how often a host is planned again because something foreign moved.
	replansAllowed = 2
	// lateScript is how long a script whose line broke may still wait for the host's
	// lock, and a little more, before the host is taken to be untouched.
	lateScript = 12 * time.Second
)

// arm does steps 1 to 6: it leaves the host changed, with its switch armed, or
// says what became of it.
func (c *change) arm(ctx context.Context) bool {
	d, err := c.r.Dialect(c.host)
	if err != nil {
		return c.fail(&Problem{Status: Refused, Step: "plan", Text: err.Error()})
	}
	c.d = d
	kept := c.r.lines.take(c.host.Name, nil)
	if kept != nil {
		c.conn, c.state = kept.conn, kept.state
	} else if err := c.dial(ctx, c.step); err != nil {
		return c.fail(problem(err))
	}
	if state := c.state; state.Token.State == "confirming" || state.Token.State == "undoing" {
		if err := c.finishOther(ctx); err != nil {
			return c.fail(problem(&stepError{"recover", err}))
		}
	}
	for {
		if !c.compare() {
			return false
		}
		if ctx.Err() != nil {
			return c.fail(problem(ctx.Err()))
		}
		req, err := c.request()
		if err != nil {
			return c.fail(problem(&stepError{"plan", err}))
		}
		c.step("journal")
		if err := c.intend(ctx, req); err != nil {
			return c.fail(&Problem{Status: Failed, Step: "journal", Text: "the journal could not be written: " + err.Error(),
				Hint: "nothing changed on it; mend that and run again"})
		}
		armed, again := c.load(ctx, req, kept != nil)
		if !again {
			return armed
		}
		kept = nil
	}
}

// finishOther finishes, in its own direction, a change whose end was already
// decided on the host.
func (c *change) finishOther(ctx context.Context) error {
	if _, err := c.frame(ctx, c.d.Recover()); err != nil {
		return err
	}
	return c.look(ctx)
}

// compare holds the newest reading against the plan. Where only something
// foreign moved it plans the host again; the changes must stay the same.
func (c *change) compare() bool {
	s, p := c.state, c.plan
	if b := busy(s); b != nil {
		return c.fail(b)
	}
	if s.Ours != p.Ours {
		return c.stale("what is ours on the host has changed since the plan was made" + c.whoChanged())
	}
	if p.Manager != "" && s.Manager != p.Manager {
		return c.stale(fmt.Sprintf("the host is ruled by %s now, not by %s", s.Manager, p.Manager))
	}
	moved := c.rest != "" && s.Rest != c.rest
	if moved {
		if c.replans++; c.replans > replansAllowed {
			return c.stale("other rules on the host keep changing")
		}
	}
	c.rest = s.Rest
	changes, err := prepare(c.d, c.host, p.Farm, s, p.Wanted.Settle(s), c.run.takeOver)
	if err != nil {
		return c.fail(problem(&stepError{"plan", err}))
	}
	// The plan of a way back within a run was never shown, and holds for any host.
	if p.Exact == nil && p.Rest != "" && !sameChanges(changes, p.Changes) {
		return c.stale("other rules on the host have changed, and the plan would be another one now")
	}
	return true
}

func (c *change) stale(text string) bool {
	return c.fail(&Problem{Status: Stale, Step: "compare", Text: text, Hint: "nothing changed on it; plan again"})
}

// whoChanged names the run in the host's record where it is not the plan's time.
func (c *change) whoChanged() string {
	if rec := c.state.Record; rec.Run != "" && c.state.Lease.Number != c.plan.Lease {
		return fmt.Sprintf(" (last by run %s of %s)", rec.Run, rec.Controller)
	}
	return ""
}

// request makes what the host needs, and notes what must not be closed.
func (c *change) request() (rules.ChangeRequest, error) {
	s := c.state
	settled := c.plan.Wanted.Settle(s)
	var err error
	req := rules.ChangeRequest{Run: c.run.id, Controller: c.r.Controller, Lease: s.Lease.Number, Ours: s.Ours, Rest: s.Rest,
		Window: c.run.windowFor(c.host), Target: c.plan.Exact, Digest: settled.Digest()}
	if req.Target == nil {
		if req.Target, err = c.d.Target(s, settled); err != nil {
			return req, err
		}
	}
	if req.Undo, err = c.d.Undo(s); err != nil {
		return req, err
	}
	c.rec = HostRecord{Run: c.run.id, Farm: c.plan.Farm, Host: c.host.Name, Lease: s.Lease.Number + 1,
		Target: settled, Undo: req.Undo, Ours: s.Ours, Changes: c.plan.Changes, Started: c.r.Now(), Baseline: c.plan.baseline}
	return req, nil
}

func (c *change) intend(ctx context.Context, req rules.ChangeRequest) error {
	ctx = context.WithoutCancel(ctx) // a signal is no fault of the journal
	before, err := c.r.before(ctx, c.plan.Farm, c.host.Name, c.state)
	if err != nil {
		c.rec.Run = "" // nothing was journalled, so there is nothing to finish
		return err
	}
	c.rec.Before, c.rec.Drifted = before, len(c.d.Diff(c.state, before)) > 0
	d := remember(c.d)
	c.guarded = protected(d, c.state, kept(c.d, c.state, c.host), before, c.rec.Target)
	c.seen.Before = c.r.survey(d, c.state, c.plan.Farm, c.host, c.rec.Target, before)
	if err := c.r.Journal.Intend(ctx, c.rec); err != nil {
		c.rec.Run = ""
		return err
	}
	return nil
}

// before is the set that was last confirmed on the host: as the journal has it
// where the host's record agrees, else as the host shows it.
func (r *Runner) before(ctx context.Context, farm, host string, s *rules.State) (rules.Set, error) {
	last, err := r.Journal.Last(ctx, farm, host)
	if err != nil {
		return nil, err
	}
	if last != nil && (last.Run == s.Record.Run || last.Digest == s.Record.Digest) {
		return last.Set, nil
	}
	return owned(s), nil
}

// owned is what is ours on a host as a set: each ID once, without what no set
// can say. Where each place holds the addresses of one family they are joined.
func owned(s *rules.State) rules.Set {
	var list []rules.Rule
	seen := map[string]int{}
	for _, p := range s.Places {
		for _, r := range p.Owned {
			if r.ID == "" || r.Opaque != "" {
				continue
			}
			i, twice := seen[r.ID]
			if !twice {
				seen[r.ID] = len(list)
				list = append(list, r)
				continue
			}
			both := r
			both.Remotes = list[i].Remotes
			if both.Same(&list[i]) && r.Remotes != nil && both.Remotes != nil {
				list[i].Remotes = list[i].Remotes.Union(r.Remotes)
			}
		}
	}
	set, err := rules.NewSet(list)
	if err != nil {
		return nil // cannot be: each ID is there once
	}
	return set
}

// load runs the script that changes the host. again asks for another round,
// because something foreign moved between reading and changing, or because the
// line that was kept since the plan was made has closed meanwhile.
func (c *change) load(ctx context.Context, req rules.ChangeRequest, kept bool) (armed, again bool) {
	c.step("arm")
	// From here on the host must not be left by a signal in the middle of a script.
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), req.Window+frameLimit)
	defer cancel()
	rep, err := c.frame(own, c.d.Change(req))
	c.until = c.r.Now().Add(req.Window)
	if err != nil {
		if notRun(err) && kept && ctx.Err() == nil {
			if err := c.dial(ctx, c.step); err != nil {
				return c.fail(problem(err)), false
			}
			return false, true
		}
		if notRun(err) {
			return c.fail(problem(&stepError{"arm", err})), false
		}
		return c.findOut(own, err), false
	}
	switch rep.Result {
	case rules.Applied:
		c.armed = true
		if rep.Left > 0 {
			c.until = c.r.Now().Add(rep.Left)
		}
		return true, false
	case rules.Taken:
		held := rules.Lease{Holder: rep.Holder}
		if err := c.look(own); err == nil && c.state.Lease.Holder == rep.Holder {
			held = c.state.Lease
		}
		return c.fail(&Problem{Status: LeaseTaken, Step: "arm", Text: "the lease is held by " + heldBy(held), Hint: "nothing changed on it; wait for that run, then plan again"}), false
	case rules.StaleOurs:
		return c.stale("what is ours on the host changed after it was read"), false
	case rules.StaleRest:
		if err := c.look(ctx); err != nil {
			return c.fail(problem(&stepError{"observe", err})), false
		}
		if c.state.Rest == c.rest {
			c.rest = "moved" // it moved and came back; that counts too
		}
		return false, true
	case rules.Refused:
		return c.fail(&Problem{Status: Failed, Step: "arm", Text: "the host's own test refused the rules: " + rep.Message, Hint: "nothing changed on it"}), false
	}
	// Failed, TooLate and whatever else: the switch has been asked, or has fired.
	if err := c.look(own); err != nil {
		c.hangUp()
	}
	c.undo(ctx, "arm", fmt.Sprintf("loading ended as %q: %s", rep.Result, rep.Message))
	return false, false
}

// findOut learns from the host how far a script came whose answer was lost.
func (c *change) findOut(ctx context.Context, cause error) bool {
	text := problem(&stepError{"arm", cause}).Text
	for look := 0; look < 2; look++ {
		if look > 0 {
			if err := c.r.pause(ctx, lateScript); err != nil {
				break
			}
		}
		if err := c.dial(ctx, unspoken); err != nil {
			c.leave("arm", text, err)
			return false
		}
		if s := c.state; s.Lease.Number >= c.rec.Lease {
			if s.Lease.Number == c.rec.Lease && s.Lease.Run != c.run.id {
				return c.fail(&Problem{Status: LeaseTaken, Step: "arm", Text: "the lease is held by " + heldBy(s.Lease), Hint: "nothing changed on it; plan again"})
			}
			if s.Lease.Number == c.rec.Lease && s.Token.State == "armed" {
				c.armed, c.until = true, c.r.Now().Add(s.Token.Left)
				return true
			}
			if look == 0 && c.justTaken() && s.Token.State != "confirming" && s.Token.State != "undoing" {
				continue // the script may still be at work
			}
			c.undo(ctx, "arm", text)
			return false
		}
	}
	return c.fail(&Problem{Status: Failed, Step: "arm", Text: text, Hint: "the host says that the change never began"})
}

// sameChanges compares by what would be done.
func sameChanges(a, b []rules.Change) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if changeKey(&a[i]) != changeKey(&b[i]) {
			return false
		}
	}
	return true
}

func changeKey(c *rules.Change) string {
	mark := func(r *rules.Rule) string {
		if r == nil {
			return "-"
		}
		return r.Mark() + " " + r.Opaque
	}
	return fmt.Sprintf("%s|%s|%s|%q|%s", c.Verb, mark(c.Have), mark(c.Want), c.Places, c.Note)
}
