package tasks

import (
	"context"
	"errors"

	"farmwall/inventory"
)

// DriftOptions say what drift does about what it finds.
type DriftOptions struct {
	// Fix restores what was last applied and confirmed.
	Fix bool
	// ToInventory makes Fix apply what the inventory wants now instead.
	ToInventory bool
	// MaxFix is how many hosts Fix may change; where more would have to be changed, none
	// is. Nil: any number. Percentages are of the selected hosts.
	MaxFix  *Portion
	Rollout Rollout
}

// Drift compares the hosts with what was last applied and confirmed on each. It
// writes to a host only where Fix asks for it.
func (r *Runner) Drift(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host, opt DriftOptions) (*Summary, error) {
	defer r.HangUp()
	if err := errors.Join(opt.Rollout.check(), opt.check()); err != nil {
		return nil, err
	}
	w, aims, err := r.aims(ctx, inv, hosts)
	if err != nil {
		return nil, err
	}
	left, err := r.unfinished(ctx)
	if err != nil {
		return nil, err
	}
	run, started := r.progress("", len(aims)), r.Now()
	look := cycleName(started)
	found := each(ctx, r.Forks, aims, func(ctx context.Context, a wanted) drifted {
		run.started(a.host.Name)
		begun := r.Now()
		x := r.driftHost(ctx, run, w, a, left[[2]string{a.farm, a.host.Name}], opt, look)
		x.Elapsed = r.Now().Sub(begun)
		if x.fix == nil {
			r.lines.drop(a.host.Name)
		}
		run.finished(x.Outcome)
		return x
	}, func(a wanted) drifted {
		return drifted{Outcome: problem(context.Canceled).outcome(a.host.Name, a.farm)}
	})
	done := &carried{}
	over := opt.overBudget(found)
	differing := 0
	for i := range found {
		done.hosts = append(done.hosts, found[i].Outcome)
		if found[i].Status != OK && found[i].Status != PendingOnly {
			differing++
		}
	}
	r.keepSeen(ctx, look, nil)
	if err := r.Journal.Cycle(context.WithoutCancel(ctx), started, len(found), differing); err != nil {
		run.notice("", "the journal could not be written: "+err.Error())
	}
	switch {
	case over != nil:
		run.tell(Event{Kind: OverBudget, Text: over.String()})
	case opt.Fix && ctx.Err() == nil:
		if done, err = r.fix(ctx, w, found, opt); err != nil {
			return nil, err
		}
	}
	s := r.summary(ctx, inv, "drift", done.run, done.hosts)
	s.OverBudget, s.Warnings = over, idle(inv, found)
	if s.Gone, err = r.gone(context.WithoutCancel(ctx), inv); err != nil {
		run.notice("", "the journal could not be read: "+err.Error())
	}
	if differing > 0 {
		s.Look = look
	}
	return r.endRun(ctx, inv, s, started), nil
}

// fix carries out what planFix planned.
func (r *Runner) fix(ctx context.Context, w *wanting, found []drifted, opt DriftOptions) (*carried, error) {
	plan := &Plan{Verb: "drift"}
	todo := &sorted{selected: len(found)}
	for i := range found {
		todo.hosts = append(todo.hosts, found[i].Outcome)
		if found[i].fix != nil {
			todo.jobs, todo.places = append(todo.jobs, job{found[i].host, found[i].fix}), append(todo.places, i)
			plan.Hosts = append(plan.Hosts, *found[i].fix)
		}
	}
	plan.cut(w.inv, opt.Rollout.Serial, todo.selected)
	done, err := r.carryOut(ctx, w, plan, todo, opt.Rollout)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if o := &done.hosts[i]; found[i].fix != nil {
			o.Cause, o.Accepted = found[i].Cause, found[i].Accepted
			withCauses(o.Changes, found[i].Changes)
			if !opt.ToInventory {
				o.Pending = found[i].Pending
			}
		}
	}
	return done, nil
}
