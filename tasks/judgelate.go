package tasks

import (
	"context"
	"fmt"

	"farmwall/inventory"
	"farmwall/rules"
)

// judgeLate holds the hosts of a run that was broken off after its last host against
// the gate: it counts those that the run did not change or on which a rule that it
// brought does not open what it should, and names those that could not be read. A
// flow that was closed before the run is none of its failures.
func (r *Runner) judgeLate(ctx context.Context, inv *inventory.Inventory, b *brokenOff, hosts []string, e *runEnd) (bad int, unread []string) {
	progress := r.progress(b.ID, len(hosts))
	type seen struct {
		closed  []JudgedFlow
		problem *Problem
	}
	all := each(ctx, r.Forks, hosts, func(ctx context.Context, host string) seen {
		if !b.has(host) {
			return seen{}
		}
		h := named(inv, host)
		if h == nil {
			return seen{problem: &Problem{Text: "not in the inventory any more", Hint: "put it back into the inventory"}}
		}
		d, s, p := r.read(ctx, progress, h)
		if p != nil {
			return seen{problem: p}
		}
		return seen{closed: only(judgeSet(d, s, b.hosts[host].brought()), rules.Denied)}
	}, func(string) seen { return seen{problem: problem(context.Canceled)} })
	for i, host := range hosts {
		switch x := all[i]; {
		case x.problem != nil:
			unread = append(unread, host)
			p := &Problem{Status: Doubtful, Step: "recover", Text: "nobody knows whether run " + b.ID + " may stay: " + x.problem.Text, Hint: x.problem.Hint}
			e.outcomes = append(e.outcomes, p.outcome(host, b.hosts[host].first.Farm))
		case !b.has(host):
			bad++
		case len(x.closed) > 0:
			bad++
			progress.notice(host, fmt.Sprintf("fails: %s", findingText(x.closed[0])))
		}
	}
	return bad, unread
}

// brought are the rules that the run gave to a host.
func (t *taken) brought() rules.Set {
	var set rules.Set
	for i := range t.last.Target {
		if rule := &t.last.Target[i]; !same(rule, t.first.Before.Find(rule.ID)) {
			set = append(set, *rule)
		}
	}
	return set
}
