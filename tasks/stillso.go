package tasks

import "context"

// stillSo reads the hosts on which a saved plan has nothing to do, because that was
// true when it was made: who is fine now is OK, who has moved since is stale.
func (r *Runner) stillSo(ctx context.Context, plan *Plan, todo *sorted) {
	run := r.progress("", len(todo.same))
	outcomes := each(ctx, r.Forks, todo.same, func(ctx context.Context, j job) Outcome {
		run.started(j.host.Name)
		o := r.stillSoHost(ctx, run, j)
		run.finished(o)
		return o
	}, func(j job) Outcome { return problem(context.Canceled).outcome(j.plan.Host, j.plan.Farm) })
	todo.adopt = nil
	for i, o := range outcomes {
		todo.hosts[todo.samePlaces[i]] = o
		if o.Status == OK || o.Status == NotOpen {
			todo.adoptAs(plan, todo.same[i].plan)
		}
	}
}

func (r *Runner) stillSoHost(ctx context.Context, run *progress, j job) Outcome {
	hp := *j.plan
	d, s, p := r.read(ctx, run, j.host)
	if p == nil {
		p = busy(s)
	}
	if p == nil && (s.Ours != hp.Ours || len(d.Diff(s, hp.Wanted.Settle(s))) > 0) {
		p = &Problem{Status: Stale, Step: "compare", Text: "there was nothing to do on the host when the plan was made, and now there is", Hint: "nothing changed on it; plan again"}
	}
	if p != nil {
		return p.outcome(hp.Host, hp.Farm)
	}
	hp.Flows, hp.Findings = defeated(d, s, hp.Wanted.Settle(s), nil), s.Findings
	return hp.unchanged()
}
