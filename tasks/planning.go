package tasks

import (
	"context"
	"fmt"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// Plan reads the hosts and says what apply would do. An error means that no host
// was contacted; all that went wrong with one host is in its HostPlan and its
// outcome. Hosts that are no members and carry no rules of ours are left out.
func (r *Runner) Plan(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt PlanOptions) (*Plan, *Summary, error) {
	if err := r.noticeUnfinished(ctx); err != nil {
		return nil, nil, err
	}
	parts, err := r.concerned(ctx, hosts)
	if err != nil {
		return nil, nil, err
	}
	w, err := r.want(ctx, inv)
	if err != nil {
		return nil, nil, err
	}
	if err := w.stopped(parts); err != nil {
		return nil, nil, err
	}
	aims, err := w.all(r, parts)
	if err != nil {
		return nil, nil, err
	}
	p := r.newPlan("apply", opt)
	p.Farms = w.farmPlans()
	run := r.progress("", len(aims))
	p.Hosts = each(ctx, r.Forks, aims, func(ctx context.Context, a wanted) HostPlan {
		run.started(a.host.Name)
		hp := r.planHost(ctx, run, w, a, opt)
		r.keepOrDrop(&hp)
		run.finished(hp.outcome())
		return hp
	}, interruptedPlan)
	p.cut(inv, opt.Serial, len(p.Hosts))
	return p, r.planned(ctx, inv, p), nil
}

func (r *Runner) newPlan(verb string, opt PlanOptions) *Plan {
	now := r.Now()
	return &Plan{Format: PlanFormat, ID: newRun(now), Verb: verb, Made: now.UTC(), Controller: r.Controller, Strict: opt.Strict, TakeOver: opt.TakeOver}
}

// stopped is the error of a plan none of whose farms could be resolved.
func (w *wanting) stopped(parts []part) error {
	var all inventory.Problems
	told := map[string]bool{}
	for _, p := range parts {
		if w.refuse(p.farm) == nil {
			return nil
		}
		if !told[p.farm] {
			told[p.farm] = true
			all = append(all, w.failed[p.farm]...)
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

func newHostPlan(a wanted) HostPlan {
	return HostPlan{Host: a.host.Name, Farm: a.farm, Entry: a.part.host.Entry(), Wanted: a.set, Notes: a.notes}
}

func interruptedPlan(a wanted) HostPlan {
	hp := newHostPlan(a)
	hp.Problem = problem(context.Canceled)
	return hp
}

// planHost reads one host and compares it with what is wanted of it.
func (r *Runner) planHost(ctx context.Context, run *progress, w *wanting, a wanted, opt PlanOptions) HostPlan {
	hp := newHostPlan(a)
	if hp.Problem = w.refuse(a.farm); hp.Problem != nil {
		return hp
	}
	d, s, p := r.read(ctx, run, a.host)
	if p != nil {
		hp.Problem = p
		return hp
	}
	hp.compare(d, a.host, s, opt)
	if f, err := r.elsewhere(ctx, s); err != nil {
		hp.Warnings = append(hp.Warnings, "the journal could not be read: "+err.Error())
	} else if f != nil {
		hp.Findings = append(hp.Findings, *f)
	}
	return hp
}

// reach reads a host over a line of its own, which the caller hangs up.
func (r *Runner) reach(ctx context.Context, run *progress, h *inventory.Host) (rules.Dialect, transport.Conn, *rules.State, *Problem) {
	d, err := r.Dialect(h)
	if err != nil {
		return nil, nil, nil, &Problem{Status: Refused, Step: "plan", Text: err.Error()}
	}
	conn, s, err := r.observe(ctx, h, d, func(step string) { run.step(h.Name, step) })
	if err != nil {
		return nil, nil, nil, problem(err)
	}
	return d, conn, s, nil
}

// read reads a host over a line of its own, which stays open where the Runner
// keeps lines.
func (r *Runner) read(ctx context.Context, run *progress, h *inventory.Host) (rules.Dialect, *rules.State, *Problem) {
	d, conn, s, p := r.reach(ctx, run, h)
	if p != nil {
		return nil, nil, p
	}
	if r.KeepLines {
		r.lines.keep(h.Name, conn, s)
	} else {
		conn.Close()
	}
	return d, s, nil
}

// elsewhere tells of a host's last confirmed run where our journal lacks it.
func (r *Runner) elsewhere(ctx context.Context, s *rules.State) (*rules.Finding, error) {
	if s.Record.Run == "" {
		return nil, nil
	}
	known, err := r.Journal.Knows(ctx, s.Record.Run)
	if err != nil || known {
		return nil, err
	}
	return &rules.Finding{Kind: "elsewhere", Text: fmt.Sprintf("last changed by run %s of %s at %s, which this journal does not know",
		s.Record.Run, s.Record.Controller, s.Record.Time.UTC().Format("2006-01-02 15:04:05Z"))}, nil
}

// outcome is the host's part in plan's summary.
func (hp *HostPlan) outcome() Outcome {
	var o Outcome
	switch {
	case hp.Problem != nil:
		o = hp.Problem.outcome(hp.Host, hp.Farm)
	case hp.changes():
		o = Outcome{Host: hp.Host, Farm: hp.Farm, Status: Differs}
	default:
		o = Outcome{Host: hp.Host, Farm: hp.Farm, Status: OK}
	}
	o.Changes, o.Flows, o.Findings, o.Warnings = hp.Changes, hp.Flows, hp.Findings, hp.Warnings
	return o
}

// planned is the summary of a plan that was just made.
func (r *Runner) planned(ctx context.Context, inv *inventory.Inventory, p *Plan) *Summary {
	outcomes := make([]Outcome, len(p.Hosts))
	for i := range p.Hosts {
		outcomes[i] = p.Hosts[i].outcome()
	}
	return r.told(r.summary(ctx, inv, "plan", "", outcomes))
}
