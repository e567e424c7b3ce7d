package tasks

import (
	"context"

	"farmwall/inventory"
)

// PlanRemove says what taking off all that is ours would do; it reads every host
// that is given, member or not.
func (r *Runner) PlanRemove(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt PlanOptions) (*Plan, *Summary, error) {
	parts, err := r.parts(ctx, hosts)
	if err != nil {
		return nil, nil, err
	}
	p := r.newPlan("remove", opt)
	run := r.progress("", len(parts))
	p.Hosts = each(ctx, r.Forks, parts, func(ctx context.Context, a part) HostPlan {
		run.started(a.host.Name)
		hp := newHostPlan(wanted{part: a, host: a.host})
		if d, s, problem := r.read(ctx, run, a.host); problem != nil {
			hp.Problem = problem
		} else {
			hp.Farm = farmBorne(inv, a, s.Farms)
			hp.compare(d, a.host, s, opt)
		}
		r.keepOrDrop(&hp)
		run.finished(hp.outcome())
		return hp
	}, func(a part) HostPlan { return interruptedPlan(wanted{part: a, host: a.host}) })
	p.cut(inv, opt.Serial, len(p.Hosts))
	return p, r.planned(ctx, inv, p), nil
}

// farmBorne is the farm that a host's rules belong to: for one that is no member
// and that the journal does not know, the farm whose marks it bears, if that is a
// farm of this inventory.
func farmBorne(inv *inventory.Inventory, a part, farms []string) string {
	if a.host.Member() || a.known || len(farms) != 1 {
		return a.farm
	}
	for _, f := range inv.Farms {
		if f.Name == farms[0] {
			return f.Name
		}
	}
	return a.farm
}

// Remove takes off all that is ours: PlanRemove and Apply.
func (r *Runner) Remove(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, how Rollout) (*Summary, error) {
	p, _, err := r.PlanRemove(ctx, inv, hosts, how.PlanOptions())
	if err != nil {
		return nil, err
	}
	return r.Apply(ctx, inv, p, how)
}
