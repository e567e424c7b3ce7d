package tasks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"farmwall/inventory"

	"github.com/hashicorp/go-multierror"
)

// Err folds what went wrong on the hosts into one error, nil where nothing did.
// It is the only place where the errors of many hosts become one.
func (s *Summary) Err() error {
	var all *multierror.Error
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		if !o.Status.bad() {
			continue
		}
		err := o.Err
		if err == nil {
			err = fmt.Errorf("%s: %s: %s", o.Host, o.Status, o.Error)
		}
		all = multierror.Append(all, err)
	}
	return all.ErrorOrNil()
}

// bad says whether a host did not come to what the verb wanted of it.
func (s Status) bad() bool {
	switch s {
	case OK, Changed, Differs, PendingOnly, Foreign, Skipped:
		return false
	}
	return true
}

// Find returns the outcome of a host, or nil.
func (s *Summary) Find(host string) *Outcome {
	for i := range s.Outcomes {
		if s.Outcomes[i].Host == host {
			return &s.Outcomes[i]
		}
	}
	return nil
}

// summary ends a verb; it puts the outcomes in order of the inventory.
func (r *Runner) summary(ctx context.Context, inv *inventory.Inventory, verb, run string, outcomes []Outcome) *Summary {
	place := make(map[string]int, len(inv.Hosts))
	for i, h := range inv.Hosts {
		place[h.Name] = i + 1 // a host that is not there comes first
	}
	slices.SortStableFunc(outcomes, func(a, b Outcome) int { return cmp.Compare(place[a.Host], place[b.Host]) })
	r.keepSeen(ctx, run, outcomes)
	s := &Summary{Verb: verb, Run: run, Outcomes: outcomes, Interrupted: ctx.Err() != nil}
	for _, f := range inv.Farms {
		s.Farms = append(s.Farms, Count{Farm: f.Name, Members: len(f.Members)})
	}
	// The hash is a service to the reader; a journal that cannot be read shows in
	// the next verb that needs it.
	s.Chain, _ = r.Journal.Chain(context.WithoutCancel(ctx))
	return s
}

// endRun records the end of a run that wrote, and tells it.
func (r *Runner) endRun(ctx context.Context, inv *inventory.Inventory, s *Summary, started time.Time) *Summary {
	if s.Run != "" {
		r.keepSummary(ctx, inv, s, s.Run, started)
		if err := r.Journal.End(context.WithoutCancel(ctx), s.Run, r.Exit(s)); err != nil {
			r.Report(Event{Kind: Notice, Time: r.Now(), Run: s.Run, Text: "the journal could not be written: " + err.Error()})
		}
		s.Chain, _ = r.Journal.Chain(context.WithoutCancel(ctx))
	}
	return r.told(s)
}

// told ends a verb for those who watch.
func (r *Runner) told(s *Summary) *Summary {
	r.Report(Event{Kind: RunDone, Time: r.Now(), Run: s.Run, Done: len(s.Outcomes), Total: len(s.Outcomes)})
	return s
}
