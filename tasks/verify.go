package tasks

import (
	"context"
	"fmt"

	"farmwall/inventory"
	"farmwall/rules"
)

// VerifyOptions are verify's choices.
type VerifyOptions struct {
	// Strict counts an exposed or unknown flow as not right (NotOpen).
	Strict bool
	// Probe has the flows opened for real, too; nil: they are judged only.
	Probe *ProbeOptions
}

// Verify judges every flow that the inventory wants on the hosts, and who else
// can reach the ports of the internal ones. It writes nothing.
func (r *Runner) Verify(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt VerifyOptions) (*Summary, error) {
	if err := r.noticeUnfinished(ctx); err != nil {
		return nil, err
	}
	w, aims, err := r.aims(ctx, inv, hosts)
	if err != nil {
		return nil, err
	}
	run, started := r.progress("", len(aims)), r.Now()
	var shots *probing
	if opt.Probe != nil {
		if shots, err = r.shoot(ctx, run, w, aims, *opt.Probe); err != nil {
			return nil, err
		}
	}
	look := "verify-" + newRun(started)
	outcomes := each(ctx, r.Forks, indices(len(aims)), func(ctx context.Context, i int) Outcome {
		a := aims[i]
		run.started(a.host.Name)
		begun := r.Now()
		o := r.verifyHost(ctx, run, w, a, opt, look, shots.at(i))
		o.Elapsed = r.Now().Sub(begun)
		run.finished(o)
		return o
	}, func(i int) Outcome { return problem(context.Canceled).outcome(aims[i].host.Name, aims[i].farm) })
	r.keepSeen(ctx, look, outcomes)
	s := r.summary(ctx, inv, "verify", "", outcomes)
	s.Look, s.Probing = look, shots.summary()
	r.keepSummary(ctx, inv, s, look, started)
	s.Chain, _ = r.Journal.Chain(context.WithoutCancel(ctx))
	return r.told(s), nil
}

func (r *Runner) verifyHost(ctx context.Context, run *progress, w *wanting, a wanted, opt VerifyOptions, look string, shots *shotsOfHost) Outcome {
	d, conn, s, p := r.reach(ctx, run, a.host)
	if p != nil {
		o := p.outcome(a.host.Name, a.farm)
		o.Probes = shots.judge(nil, nil, nil)
		return o
	}
	heard := shots.hear(ctx, d, conn)
	conn.Close()
	o := Outcome{Host: a.host.Name, Farm: a.farm, Status: OK, Findings: s.Findings}
	if p := w.refuse(a.farm); p != nil {
		o.Warnings = append(o.Warnings, "judged without the addresses that are not known: "+p.Text)
	}
	if b := busy(s); b != nil {
		o.Warnings = append(o.Warnings, b.Text)
	}
	m := remember(d)
	o.judge(m, s, a, opt.Strict)
	o.Probes = shots.judge(d, s, heard)
	o.heldAgainst(opt.Strict)
	r.sawHost(ctx, look, "verify", m, s, a, a.set.Settle(s), &o)
	return o
}

// judge fills in the verdicts of all wanted flows, and what follows from them.
func (o *Outcome) judge(d rules.Reader, s *rules.State, a wanted, strict bool) {
	set, settled := a.set, a.set.Settle(s)
	o.Flows = judgeSet(d, s, set)
	closed := only(o.Flows, rules.Denied)
	unknown := only(o.Flows, rules.Unknown)
	outside := outsiders(d, s, settled)
	exposed := only(outside, rules.Allowed)
	o.Flows = append(o.Flows, outside...)
	o.Findings = append(o.Findings, flowFindings(unknown, exposed)...)
	wrong := append(closed, notClosed(a.host, settled, exposed)...)
	if strict {
		wrong = append(append(closed, unknown...), exposed...)
	}
	if len(wrong) == 0 {
		return
	}
	o.Status, o.Step = NotOpen, "verify"
	o.Error = findingText(wrong[0])
	if len(wrong) > 1 {
		o.Error += fmt.Sprintf(", and %d more", len(wrong)-1)
	}
	o.Hint = "where our rules are in place what decides is not ours to change; `farmwall plan` shows whether any is missing"
	if wrong[0].Outsider() && !strict {
		o.Hint = "farmwall_exposure: restrict wants it closed; " + o.Hint
	}
	o.Err = fmt.Errorf("%s: %s", o.Host, o.Error)
}
