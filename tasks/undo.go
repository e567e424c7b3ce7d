package tasks

import (
	"context"
	"fmt"
	"time"

	"farmwall/rules"
)

const (
	// undoLimit bounds the asking for an undo and the proof that it was done. It
	// holds after an interrupt too.
	undoLimit = time.Minute
	// afterDeadline is how long after its deadline a switch has surely fired.
	afterDeadline = 10 * time.Second
)

// undo asks the switch to undo now, over the best line there is, and finds out
// what the host came to. It works on when the run has been interrupted. The
// newest reading must be one of after the arming, or the line be hung up.
func (c *change) undo(ctx context.Context, step, cause string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoLimit)
	defer cancel()
	c.step("undo")
	var last error
	for attempt := 0; attempt < 2; attempt++ {
		if c.conn == nil {
			if last = c.dial(ctx, unspoken); last != nil {
				continue
			}
		}
		if c.settled(ctx, step, cause) {
			return
		}
		if c.conn == nil {
			continue
		}
		if _, last = c.frame(ctx, c.d.Revert(rules.RevertRequest{Run: c.rec.Run, Lease: c.rec.Lease})); last == nil {
			last = c.look(ctx)
		}
		if last != nil {
			c.hangUp()
		} else if c.settled(ctx, step, cause) {
			return
		}
	}
	c.leave(step, cause, last)
}

// leave leaves the host to its switch: an honest answer, looked at again later.
func (c *change) leave(step, cause string, why error) {
	c.hangUp()
	c.pending = true
	until := c.until
	c.out.Status, c.out.Step, c.out.Until = Doubtful, step, &until
	c.out.Error = fmt.Sprintf("%s; left to the switch until %s", cause, until.Format("15:04:05"))
	if why != nil {
		c.out.Error += " (" + problem(why).Text + ")"
	}
	c.out.Hint = "the host undoes the change by itself then; `farmwall recover` says what it came to"
}

// settled reads off the newest reading what became of this change. False: the
// host has not come to an end yet.
func (c *change) settled(ctx context.Context, step, cause string) bool {
	if t := c.state.Token.State; t == "confirming" || t == "undoing" {
		if err := c.finishOther(ctx); err != nil {
			c.hangUp()
			return false
		}
	}
	end := endOf(c.state, &c.rec)
	if end == Changed || end == Doubtful {
		// The ruleset is read before the token and the record, so a reading during an undo or
		// a confirm may hold the old of the one and the new of the other.
		if err := c.look(ctx); err != nil {
			c.hangUp()
			return false
		}
		end = endOf(c.state, &c.rec)
	}
	s := c.state
	switch end {
	case Changed:
		c.confirmed(ctx, s.Ours)
	case Restored:
		c.armed, c.pending, c.out.Until = false, false, nil
		c.out.Status, c.out.Step, c.out.Error, c.out.Hint = Restored, step, cause+"; the host is back in its old state", ""
	case Doubtful:
		c.armed, c.pending, c.out.Until = false, false, nil
		c.out.Status, c.out.Step = Doubtful, step
		c.out.Error = cause + "; the host is in neither its old state nor its new one"
		if !c.ours(s) {
			c.out.Error = cause + "; the host has since been changed by " + s.Lease.Holder
		}
		c.out.Hint = "look at the host; `farmwall plan` shows what differs"
	default:
		return false
	}
	return true
}

// endOf says from a reading what became of a change that the host began: Changed,
// Restored, Doubtful, or nothing where its switch is still armed.
func endOf(s *rules.State, rec *HostRecord) Status {
	mine := s.Lease.Number == rec.Lease && s.Lease.Run == rec.Run
	switch {
	case mine && (s.Token.State == "armed" || s.Token.State == "confirming" || s.Token.State == "undoing"):
		return ""
	case s.Record.Run == rec.Run:
		return Changed
	case s.Ours == rec.Ours:
		return Restored
	}
	return Doubtful
}
