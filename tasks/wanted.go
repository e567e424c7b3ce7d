package tasks

import (
	"context"

	"farmwall/inventory"
	"farmwall/rules"
)

// Wanted is what the inventory wants of one host.
type Wanted struct {
	Host  string    `json:"host"`
	Farm  string    `json:"farm"`
	Rules rules.Set `json:"rules"` // not settled
	Notes []string  `json:"notes,omitempty"`
}

// Wanted says what the inventory wants of hosts and contacts none of them. It
// asks no journal either, so a host that is no member and has no rules of its own
// is left out. Names that do not resolve are told as notes of their farm.
func (r *Runner) Wanted(ctx context.Context, inv *inventory.Inventory, hosts []*inventory.Host) ([]Wanted, []FarmPlan, error) {
	w, err := r.want(ctx, inv)
	if err != nil {
		return nil, nil, err
	}
	var parts []part
	for _, h := range hosts {
		if h.Contacted() {
			parts = append(parts, part{host: h, farm: h.MarkFarm()})
		}
	}
	aims, err := w.all(r, parts)
	if err != nil {
		return nil, nil, err
	}
	out := make([]Wanted, len(aims))
	for i, a := range aims {
		out[i] = Wanted{Host: a.host.Name, Farm: a.farm, Rules: a.set, Notes: a.notes}
	}
	farms := w.farmPlans()
	for i := range farms {
		for _, problem := range w.failed[farms[i].Farm] {
			farms[i].Notes = append(farms[i].Notes, problem.Error())
		}
	}
	return out, farms, nil
}
