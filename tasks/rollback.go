package tasks

import (
	"context"
	"fmt"
	"slices"

	"farmwall/inventory"
	"farmwall/rules"
)

const verbRollback = "rollback"

// taken is what a run did to one host, from its first intent to its last.
type taken struct {
	first, last HostRecord
	changed     bool
}

// PlanRollback says what taking back a run would do, the newest host first; nil
// hosts means all of the run. A host that a later run changed is refused, unless
// what is ours on it is again what this run left.
func (r *Runner) PlanRollback(ctx context.Context, inv *inventory.Inventory, run string, hosts []*inventory.Host, opt PlanOptions) (*Plan, *Summary, error) {
	rec, err := r.Journal.Run(ctx, run)
	if err != nil {
		return nil, nil, err
	}
	var backwards []*taken
	for _, t := range tookPart(rec) {
		if hosts == nil || slices.ContainsFunc(hosts, func(h *inventory.Host) bool { return h.Name == t.first.Host }) {
			backwards = append(backwards, t)
		}
	}
	slices.Reverse(backwards)
	p := r.newPlan(verbRollback, opt)
	progress := r.progress("", len(backwards))
	p.Hosts = each(ctx, r.Forks, backwards, func(ctx context.Context, t *taken) HostPlan {
		progress.started(t.first.Host)
		hp := r.planBack(ctx, progress, inv, t, opt)
		r.keepOrDrop(&hp)
		progress.finished(hp.outcome())
		return hp
	}, func(t *taken) HostPlan {
		return HostPlan{Host: t.first.Host, Farm: t.first.Farm, Problem: problem(context.Canceled)}
	})
	p.cut(inv, opt.Serial, len(p.Hosts))
	return p, r.planned(ctx, inv, p), nil
}

// tookPart joins a run's records host by host, in order of their first intents.
func tookPart(rec *RunRecord) []*taken {
	var out []*taken
	at := map[[2]string]*taken{}
	for _, h := range rec.Hosts {
		key := [2]string{h.Farm, h.Host}
		t := at[key]
		if t == nil {
			t = &taken{first: h, last: h}
			at[key] = t
			out = append(out, t)
		}
		// Intents that came to nothing are no part of what the run did.
		if h.Status == Changed || h.Status == "" {
			if !t.changed {
				t.first = h
			}
			t.last, t.changed = h, true
		}
	}
	return out
}

func (r *Runner) planBack(ctx context.Context, run *progress, inv *inventory.Inventory, t *taken, opt PlanOptions) HostPlan {
	hp := HostPlan{Host: t.first.Host, Farm: t.first.Farm, Wanted: t.first.Before}
	host := named(inv, t.first.Host)
	if host == nil {
		hp.Problem = &Problem{Status: Failed, Step: "plan", Text: "the host is not in the inventory any more", Hint: "put it back into the inventory, so that farmwall knows how to reach it"}
		return hp
	}
	hp.Entry = host.Entry()
	d, s, p := r.read(ctx, run, host)
	if p != nil {
		hp.Problem = p
		return hp
	}
	if t.last.Status == "" {
		if t, hp.Problem = r.completed(ctx, run, d, s, t); hp.Problem != nil {
			return hp
		}
		hp.Wanted = t.first.Before
	}
	if hp.Problem = r.aimBack(ctx, &hp, s, t); hp.Problem == nil {
		hp.compare(d, host, s, opt)
		if !t.changed || s.Ours == t.first.Ours {
			hp.Changes, hp.Problem = nil, nil
		}
	}
	return hp
}

// completed is what the run did to a host that it left unfinished, once the journal is
// completed from the host's own record. Where that does not say what became of it
// nobody knows the host's state.
func (r *Runner) completed(ctx context.Context, run *progress, d rules.Dialect, s *rules.State, t *taken) (*taken, *Problem) {
	if b := busy(s); b != nil {
		return t, b
	}
	r.completeRead(ctx, run, d, s, &t.last)
	rec, err := r.Journal.Run(ctx, t.last.Run)
	if err != nil {
		return t, &Problem{Status: Failed, Step: "journal", Text: err.Error()}
	}
	for _, now := range tookPart(rec) {
		if now.first.Host == t.first.Host && now.first.Farm == t.first.Farm && now.last.Status != "" {
			return now, nil
		}
	}
	return t, &Problem{Status: Doubtful, Step: "plan", Text: "the run left this host unfinished, and what the host says does not tell what became of it",
		Hint: "look at the host; `farmwall recover` says what it finds"}
}

// aimBack says where rolling the host back leads: to the saved bytes where
// nothing of ours moved since, else to the earlier set with what others changed
// since.
func (r *Runner) aimBack(ctx context.Context, hp *HostPlan, s *rules.State, t *taken) *Problem {
	switch {
	case !t.changed || s.Ours == t.first.Ours:
		hp.Wanted = owned(s)
		hp.Notes = append(hp.Notes, "nothing to take back: the host is as it was before the run")
		return nil
	case s.Ours == t.last.OursThen:
		hp.Back = t.first.Ours
		if t.first.Drifted {
			hp.Exact, hp.Changes = t.first.Undo, reversed(t.first.Changes)
		}
		return nil
	}
	last, err := r.Journal.Last(ctx, hp.Farm, hp.Host)
	if err != nil {
		return &Problem{Status: Failed, Step: "journal", Text: err.Error()}
	}
	if last != nil && last.Run != t.first.Run {
		return &Problem{Status: Refused, Step: "plan", Text: fmt.Sprintf("run %s changed this host later", last.Run), later: true,
			Hint: fmt.Sprintf("`farmwall rollback %s` first, or change the inventory and apply", last.Run)}
	}
	if s.Record.Run != "" && s.Record.Run != t.first.Run {
		return &Problem{Status: Refused, Step: "plan", Text: fmt.Sprintf("run %s of %s changed this host later", s.Record.Run, s.Record.Controller), later: true,
			Hint: "roll that run back first, with the journal of its controller, or change the inventory and apply"}
	}
	var kept []string
	hp.Wanted, kept = merged(t.first.Before, t.last.Target, owned(s))
	for _, id := range kept {
		hp.Warnings = append(hp.Warnings, fmt.Sprintf("%s was changed on the host since the run; it is kept as it is", id))
	}
	return nil
}

// merged leads back from target to before, but keeps what somebody changed since:
// rules that are not as the target left them stay as they are on the host.
func merged(before, target, have rules.Set) (rules.Set, []string) {
	var list []rules.Rule
	var kept []string
	ids := map[string]bool{}
	for _, set := range []rules.Set{before, target, have} {
		for i := range set {
			ids[set[i].ID] = true
		}
	}
	for id := range ids {
		was, then, now := before.Find(id), target.Find(id), have.Find(id)
		if !same(then, now) {
			kept = append(kept, id)
			was = now
		}
		if was != nil {
			list = append(list, *was)
		}
	}
	slices.Sort(kept)
	set, err := rules.NewSet(list)
	if err != nil {
		return before, nil // cannot be: each ID is there once
	}
	return set, kept
}

func same(a, b *rules.Rule) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Same(b)
}

func named(inv *inventory.Inventory, name string) *inventory.Host {
	for _, h := range inv.Hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// Rollback takes back a run, the newest host first: PlanRollback and Apply.
func (r *Runner) Rollback(ctx context.Context, inv *inventory.Inventory, run string, hosts []*inventory.Host, how Rollout) (*Summary, error) {
	p, _, err := r.PlanRollback(ctx, inv, run, hosts, how.PlanOptions())
	if err != nil {
		return nil, err
	}
	return r.Apply(ctx, inv, p, how)
}
