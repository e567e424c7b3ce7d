package tasks

import (
	"context"
	"fmt"

	"farmwall/rules"
)

// recheck is step 7: over a connection dialled afresh, is the host what it
// should be? If not, the switch is asked to undo.
func (c *change) recheck(ctx context.Context) bool {
	c.hangUp()
	if ctx.Err() != nil {
		c.undo(ctx, "redial", "interrupted")
		return false
	}
	c.step("redial")
	// A confirm that comes after the window is refused by the host, so there is no
	// use in trying longer.
	own, cancel := context.WithTimeout(ctx, c.until.Sub(c.r.Now()))
	defer cancel()
	if err := c.dial(own, unspoken); err != nil {
		if ctx.Err() != nil {
			c.undo(ctx, "redial", "interrupted")
		} else {
			c.undo(ctx, "redial", "no new connection after the change: "+problem(err).Text)
		}
		return false
	}
	return c.check(ctx)
}

// check holds the newest reading of an armed host against the target.
func (c *change) check(ctx context.Context) bool {
	c.step("check")
	s := c.state
	if !c.ours(s) || s.Token.State != "armed" {
		c.undo(ctx, "check", "the switch was no longer armed when the host was read again")
		return false
	}
	c.until = c.r.Now().Add(s.Token.Left)
	if lost := c.lost(s); lost != "" {
		c.undo(ctx, "check", lost)
		return false
	}
	d := remember(c.d)
	wanted := judgeSet(d, s, c.plan.Wanted)
	c.open = only(wanted, rules.Denied)
	unknown := only(wanted, rules.Unknown)
	exposed := exposed(d, s, c.rec.Target)
	c.open = append(c.open, notClosed(c.host, c.rec.Target, exposed)...)
	c.seen.After = c.r.survey(d, s, c.plan.Farm, c.host, c.rec.Target, c.rec.Before)
	c.out.Findings = append(c.out.Findings, flowFindings(unknown, exposed)...)
	if c.run.strict && len(c.open)+len(unknown)+len(exposed) > 0 {
		all := append(append(c.open, unknown...), exposed...)
		c.undo(ctx, "check", "strict: "+findingText(all[0]))
		return false
	}
	if ctx.Err() != nil {
		c.undo(ctx, "check", "interrupted")
		return false
	}
	return true
}

// ours says whether the host's lease is the one that this change took.
func (c *change) ours(s *rules.State) bool {
	return s.Lease.Number == c.rec.Lease && s.Lease.Run == c.rec.Run
}

// lost names what this change did that it must not have done, or nothing.
func (c *change) lost(s *rules.State) string {
	// A copy that leads back to bytes is proven by its fingerprint after the confirm.
	if c.plan.Exact == nil {
		if left := c.d.Diff(s, c.rec.Target); len(left) > 0 {
			return fmt.Sprintf("our rules are not as they should be: %d differences left, the first: %s", len(left), brief(&left[0]))
		}
	}
	if g, by, found := closed(c.d, s, c.guarded); found {
		what := "a kept flow"
		if g.rule != "" {
			what = "a flow that was open and is wanted (" + g.rule + ")"
		}
		return fmt.Sprintf("%s was closed: %s, by %s", what, g.flow, by)
	}
	return ""
}

// brief is a change in a few words.
func brief(c *rules.Change) string {
	switch {
	case c.Want != nil:
		return string(c.Verb) + " " + c.Want.ID
	case c.Have != nil && c.Have.ID != "":
		return string(c.Verb) + " " + c.Have.ID
	}
	return string(c.Verb) + " " + c.Note
}

// flowFindings says of flows what a person should know, though no rule of ours
// is to blame.
func flowFindings(unknown, exposed []JudgedFlow) []rules.Finding {
	var findings []rules.Finding
	for _, j := range unknown {
		findings = append(findings, rules.Finding{Kind: "unknown", Text: findingText(j)})
	}
	findings = append(findings, exposureFindings(exposed, "")...)
	return findings
}

func findingText(j JudgedFlow) string {
	switch {
	case j.Verdict.Answer == rules.Denied:
		return fmt.Sprintf("%s (%s) is closed by %s", j.Flow, j.Rule, j.Verdict.By)
	case j.Verdict.Answer == rules.Unknown:
		return fmt.Sprintf("%s (%s): nobody can say whether it is open: %s", j.Flow, j.Rule, j.Verdict.Reason)
	}
	return fmt.Sprintf("%s (%s) is reachable from %s: allowed by %s", j.Flow, j.Rule, whoElse(&j), doorOf(&j))
}
