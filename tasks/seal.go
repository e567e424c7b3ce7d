package tasks

import (
	"bytes"
	"context"
	"fmt"

	"farmwall/rules"
)

// confirm is steps 8 to 10, over the connection of step 7. An interrupt does not
// stop it.
func (c *change) confirm(ctx context.Context) {
	c.step("confirm")
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(c.until.Sub(c.r.Now()), 0)+frameLimit)
	defer cancel()
	rep, err := c.frame(own, c.d.Confirm(rules.ConfirmRequest{Run: c.rec.Run, Controller: c.r.Controller, Lease: c.rec.Lease, Time: c.r.Now()}))
	switch {
	case err != nil:
		c.hangUp() // undo dials afresh and reads what the confirm came to
		c.undo(ctx, "confirm", "the confirm was not answered: "+problem(err).Text)
	case rep.Result == rules.Confirmed:
		if rep.Unsaved != "" {
			c.out.Warnings = append(c.out.Warnings, "not persistent on this host: "+rep.Unsaved)
		}
		c.confirmed(own, rep.Ours)
	default:
		if err := c.look(own); err != nil {
			c.hangUp()
		}
		c.undo(ctx, "confirm", fmt.Sprintf("the confirm ended as %q: %s", rep.Result, rep.Message))
	}
}

// confirmed ends a change that the host holds for good. ours is the fingerprint
// that the host told; where it told none, it is read.
func (c *change) confirmed(ctx context.Context, ours string) {
	c.armed, c.pending, c.sealed, c.out.Until = false, false, true, nil
	if ours == "" && c.conn != nil {
		if err := c.look(ctx); err == nil {
			ours = c.state.Ours
		} else {
			c.out.Warnings = append(c.out.Warnings, "confirmed, but the host could not be read once more: "+problem(err).Text)
		}
	}
	c.rec.OursThen = ours
	c.out.Status, c.out.Error, c.out.Hint, c.out.Flows = Changed, "", "", c.open
	if len(c.open) > 0 {
		c.out.Status, c.out.Step = NotOpen, "verify"
		c.out.Error, c.out.Hint = wrongly(c.open)
	}
	if c.plan.Back != "" && ours != c.plan.Back {
		c.unproven(ctx)
	}
}

// unproven ends a change that led back and whose fingerprint is another one than
// before: it is back if the host's own bytes say so, or if nothing differs from
// the earlier set; else it is in doubt.
func (c *change) unproven(ctx context.Context) {
	if c.conn != nil && c.look(ctx) == nil {
		undo, err := c.d.Undo(c.state)
		if err == nil && c.plan.Exact != nil && bytes.Equal(undo, c.plan.Exact) {
			c.out.Warnings = append(c.out.Warnings, "the rules are back to the byte; what loads them at boot was written anew")
			return
		}
		if len(c.d.Diff(c.state, c.rec.Target)) == 0 {
			c.out.Warnings = append(c.out.Warnings, "back by meaning, though not to the same bytes")
			return
		}
	}
	c.out.Status, c.out.Step = Doubtful, "confirm"
	c.out.Error, c.out.Hint = "taken back, but not to what it was before", "look at the host; `farmwall plan` shows what differs"
}
