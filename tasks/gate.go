package tasks

import (
	"context"
	"fmt"
	"slices"

	"farmwall/rules"
)

// gate decides after each batch, and again when the batch has soaked, which of the
// run's hosts fail.
type gate struct {
	r   *Runner
	run *running
	how Rollout
	w   *wanting
}

// failing is why a host that the run has changed does not pass the gate.
type failing struct {
	status     Status // NotOpen, or Doubtful where the host's state is not what the run left
	step, text string
	hint       string
	flows      []JudgedFlow
	probes     []Probed
}

// check holds hosts that the run has changed against what is wanted of them and
// returns those that fail, by name. Right after a batch the verdicts are those of step 7, read
// over the new connection; when the batch has soaked, every host is read again.
func (g *gate) check(ctx context.Context, changes []*change, soaked bool) map[string]failing {
	changed := slices.DeleteFunc(slices.Clone(changes), func(c *change) bool { return !c.sealed })
	found := make(map[string]failing)
	note := func(c *change, f *failing) {
		if f != nil {
			found[c.host.Name] = *f
		}
	}
	if soaked {
		all := each(ctx, g.r.Forks, changed, func(ctx context.Context, c *change) *failing { return g.soaked(ctx, c) },
			func(*change) *failing { return nil })
		for i, f := range all {
			note(changed[i], f)
		}
	} else {
		for _, c := range changed {
			note(c, closedAnew(c, c.open))
		}
	}
	g.probe(ctx, changed, func(c *change, f *failing) {
		if _, fails := found[c.host.Name]; !fails {
			note(c, f)
		}
	})
	return found
}

// closedAnew says that wanted flows are closed which the plan had not called so.
func closedAnew(c *change, closed []JudgedFlow) *failing {
	known := map[string]bool{}
	for i := range c.plan.Flows {
		known[flowKey(&c.plan.Flows[i])] = true
	}
	anew := slices.DeleteFunc(slices.Clone(closed), func(j JudgedFlow) bool { return known[flowKey(&j)] })
	if len(anew) == 0 {
		return nil
	}
	text, hint := wrongly(anew)
	return &failing{status: NotOpen, step: "verify", text: text, hint: hint, flows: closed}
}

func flowKey(j *JudgedFlow) string {
	return fmt.Sprintf("%s %s %t", j.Rule, j.Flow, j.Outsider())
}

// soaked reads a host once more that was changed a while ago.
func (g *gate) soaked(ctx context.Context, c *change) *failing {
	own := &failing{status: Doubtful, step: "soak", hint: "`farmwall verify -l " + c.host.Name + "` looks at it again"}
	conn, s, err := g.r.observe(ctx, c.host, c.d, unspoken)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		own.text = "changed and confirmed, and now it cannot be read: " + problem(err).Text
		return own
	}
	conn.Close()
	if c.rec.OursThen != "" && s.Ours != c.rec.OursThen {
		own.text = "what is ours on the host was changed after this run had confirmed it"
		return own
	}
	if lost := c.lost(s); lost != "" {
		own.status, own.text = NotOpen, lost
		return own
	}
	wanted := judgeSet(c.d, s, c.plan.Wanted)
	exposed := exposed(c.d, s, c.rec.Target)
	closed := only(wanted, rules.Denied)
	if c.run.strict {
		closed = append(append(closed, only(wanted, rules.Unknown)...), exposed...)
	} else {
		closed = append(closed, notClosed(c.host, c.rec.Target, exposed)...)
	}
	return closedAnew(c, closed)
}

// targets are changed hosts with what the inventory wants of them.
func (g *gate) targets(changes []*change) []wanted {
	var out []wanted
	for _, c := range changes {
		given := c.host
		if g.w.given[c.host.Name] != nil {
			given = g.w.given[c.host.Name]
		}
		out = append(out, wanted{part: part{host: given, farm: c.plan.Farm}, host: c.host, set: c.plan.Wanted})
	}
	return out
}

// fails takes over why a host does not pass the gate; its rules stay unless
// --on-fail says otherwise.
func (c *change) fails(f failing) {
	o := &c.out
	o.Status, o.Step, o.Error, o.Hint = f.status, f.step, f.text, f.hint
	if len(f.flows) > 0 {
		o.Flows = f.flows
	}
	if len(f.probes) > 0 {
		o.Probes = f.probes
	}
	c.run.notice(o.Host, "fails: "+o.Error)
}
