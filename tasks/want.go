package tasks

import (
	"context"
	"errors"

	"farmwall/inventory"
	"farmwall/rules"
)

// wanting says what the inventory wants of each host.
type wanting struct {
	*resolved
	policies map[string]*rules.Policy // by farm
}

// want resolves the inventory and prepares the policy of each farm.
func (r *Runner) want(ctx context.Context, inv *inventory.Inventory) (*wanting, error) {
	res, err := r.resolve(ctx, inv)
	if err != nil {
		return nil, err
	}
	r.witness.takeCensus(res.inv.Farms)
	w := &wanting{resolved: res, policies: map[string]*rules.Policy{}}
	for _, f := range res.inv.Farms {
		w.policies[f.Name] = rules.NewPolicy(r.Rows, f, res.names)
	}
	return w, nil
}

// of returns what a host should hold.
func (w *wanting) of(r *Runner, p part) (rules.Set, []rules.Note, error) {
	h := w.byName[p.host.Name]
	if h == nil {
		return nil, nil, inventory.Problems{{At: p.host.At, Text: "host " + p.host.Name + " is not in the inventory"}}
	}
	policy := w.policies[p.farm]
	if policy == nil {
		policy = rules.NewPolicy(r.Rows, &inventory.Farm{Name: p.farm}, w.names)
	}
	return policy.Desired(h)
}

// wanted is a host with what the inventory wants of it.
type wanted struct {
	part
	host  *inventory.Host // with addresses
	set   rules.Set
	notes []string
}

// aims are the hosts that a verb contacts, each with what the inventory wants of it.
func (r *Runner) aims(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host) (*wanting, []wanted, error) {
	parts, err := r.concerned(ctx, hosts)
	if err != nil {
		return nil, nil, err
	}
	w, err := r.want(ctx, inv)
	if err != nil {
		return nil, nil, err
	}
	all, err := w.all(r, parts)
	return w, all, err
}

// all computes what every host should hold; the error names all mistakes of all
// hosts at once.
func (w *wanting) all(r *Runner, parts []part) ([]wanted, error) {
	out := make([]wanted, len(parts))
	var problems inventory.Problems
	for i, p := range parts {
		set, notes, err := w.of(r, p)
		var some inventory.Problems
		switch {
		case errors.As(err, &some):
			problems = append(problems, some...)
		case err != nil:
			return nil, err
		}
		out[i] = wanted{part: p, set: set, notes: texts(notes)}
		if out[i].host = w.byName[p.host.Name]; out[i].host == nil {
			out[i].host = p.host
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return out, nil
}

// farmPlans says what each farm is now.
func (w *wanting) farmPlans() []FarmPlan {
	farms := make([]FarmPlan, len(w.inv.Farms))
	for i, f := range w.inv.Farms {
		farms[i] = FarmPlan{Farm: f.Name, Members: make(map[string]string, len(f.Members)), Notes: texts(w.policies[f.Name].Notes())}
		for _, h := range f.Members {
			farms[i].Members[h.Name] = memberDigest(h)
		}
	}
	return farms
}

func texts(notes []rules.Note) []string {
	var out []string
	for _, n := range notes {
		out = append(out, n.String())
	}
	return out
}
