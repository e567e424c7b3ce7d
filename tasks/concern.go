package tasks

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"farmwall/inventory"
)

// part is a host that a verb is about, with the farm by which the journal knows
// it: for a host that is no member any more, its former one.
type part struct {
	host *inventory.Host
	farm string
	// known: the journal says that the host carries rules of ours.
	known bool
}

// concerned returns the hosts that a verb contacts: members, hosts with rules of
// their own, and hosts that the journal knows to carry our rules.
func (r *Runner) concerned(ctx context.Context, hosts []*inventory.Host) ([]part, error) {
	all, err := r.parts(ctx, hosts)
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, p := range all {
		if p.host.Contacted() || p.known {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// parts gives every host its farm: its own, for one that is no member the former
// one that the journal knows, else the one whose marks its own rules bear.
func (r *Runner) parts(ctx context.Context, hosts []*inventory.Host) ([]part, error) {
	known, err := r.Journal.Known(ctx)
	if err != nil {
		return nil, err
	}
	farms := make(map[string]string)
	for _, k := range known {
		farms[k[1]] = k[0]
	}
	parts := make([]part, len(hosts))
	for i, h := range hosts {
		former, known := farms[h.Name]
		parts[i] = part{host: h, farm: h.MarkFarm(), known: known}
		if !h.Member() && known {
			parts[i].farm = former
		}
	}
	return parts, nil
}

// gone names the hosts that the journal knows and the inventory does not, as
// "host (farm)"; a farm that it knows and the inventory does not is one entry.
func (r *Runner) gone(ctx context.Context, inv *inventory.Inventory) ([]string, error) {
	known, err := r.Journal.Known(ctx)
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(inv.Hosts))
	for _, h := range inv.Hosts {
		there[h.Name] = true
	}
	farms := make(map[string]bool, len(inv.Farms))
	for _, f := range inv.Farms {
		farms[f.Name] = true
	}
	var gone []string
	others := map[string]int{}
	for _, k := range known {
		switch farm, host := k[0], k[1]; {
		case !farms[farm]:
			others[farm]++
		case !there[host]:
			gone = append(gone, host+" ("+farm+")")
		}
	}
	for _, farm := range slices.Sorted(maps.Keys(others)) {
		gone = append(gone, fmt.Sprintf("farm %s as a whole (%d)", farm, others[farm]))
	}
	return gone, nil
}

// noticeUnfinished says at the start of a verb what an earlier run left behind.
func (r *Runner) noticeUnfinished(ctx context.Context) error {
	left, err := r.Journal.Unfinished(ctx)
	if err != nil || len(left) == 0 {
		return err
	}
	text := "run " + left[0].Run + " left " + left[0].Host
	if len(left) > 1 {
		text += " and others"
	}
	r.Report(Event{Kind: Notice, Time: r.Now(), Run: left[0].Run, Host: left[0].Host,
		Text: text + " unfinished; `farmwall recover` finds out what became of them"})
	return nil
}
