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

// noticeUnfinished says at the start of a verb what earlier runs left behind.
func (r *Runner) noticeUnfinished(ctx context.Context) error {
	left, err := r.Journal.Unfinished(ctx)
	if err != nil {
		return err
	}
	open, err := r.Journal.Open(ctx)
	if err != nil {
		return err
	}
	going := r.goingRuns(ctx)
	told := map[string]bool{}
	notice := func(run, host, text string) {
		told[run] = true
		r.Report(Event{Kind: Notice, Time: r.Now(), Run: run, Host: host, Text: text})
	}
	for i := range open {
		b := newBrokenOff(&open[i])
		back := slices.Concat(b.toTakeBack(RecoverOptions{})...)
		busy, err := going(b.ID)
		switch {
		case err != nil:
			return err
		case busy:
			continue
		case b.unjudged(RecoverOptions{}):
			notice(b.ID, "", fmt.Sprintf("run %s was broken off when all was done; `farmwall recover` looks whether it may stay, as --on-fail %s asks", b.ID, b.OnFail))
			continue
		case len(back) == 0:
			continue
		}
		why := "as --on-fail " + string(b.OnFail) + " asks"
		if b.OnFail != FailRun && b.OnFail != FailBatch {
			why = "as was begun"
		}
		notice(b.ID, "", fmt.Sprintf("run %s was broken off and has changed %s of %d; `farmwall recover` takes them back, %s, and `farmwall recover --keep` leaves them as they are",
			b.ID, hosts(len(back)), len(slices.Concat(b.Batches...)), why))
	}
	for _, rec := range left {
		if busy, err := going(rec.Run); err != nil {
			return err
		} else if busy || told[rec.Run] {
			continue
		}
		text := "run " + rec.Run + " left " + rec.Host
		if slices.ContainsFunc(left, func(o HostRecord) bool { return o.Run == rec.Run && o.Host != rec.Host }) {
			text += " and others"
		}
		notice(rec.Run, rec.Host, text+" unfinished; `farmwall recover` finds out what became of them")
	}
	return nil
}
