package evidence

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// ErrNothing says that the journal holds nothing that a report could be about.
var ErrNothing = errors.New("the journal holds nothing to report")

// Source is what a report asks of the journal.
type Source interface {
	Runs(ctx context.Context) ([]tasks.RunRecord, error)
	Run(ctx context.Context, id string) (*tasks.RunRecord, error)
	EvidenceOf(ctx context.Context, run string) ([]tasks.Evidence, error)
	LatestEvidence(ctx context.Context, since time.Time) ([]tasks.Evidence, error)
	FirstEvidence(ctx context.Context, since time.Time) ([]tasks.Evidence, error)
	Summary(ctx context.Context, run string) (*tasks.SummaryRecord, error)
	Summaries(ctx context.Context, since time.Time) ([]tasks.SummaryRecord, error)
	Cycles(ctx context.Context, since time.Time) ([]tasks.CycleRecord, error)
	Verify(ctx context.Context) (entries int64, last string, err error)
}

// Ask says what a report is to be about.
type Ask struct {
	Run    string    // a run, or the name of a verify or drift that looked
	Latest bool      // the newest of these
	Since  time.Time // everything since; where neither Run nor Latest is given
	// Wanted are the hosts of today's inventory with their rules, if it was given: it
	// names hosts that nobody looked at.
	Wanted []Wanted
	Farms  []tasks.Count
	Rows   []rules.Row // the catalogue, to say who starts a flow

	Version string
	Now     time.Time
}

// Wanted is a host of the inventory with what it wants of it.
type Wanted struct {
	Host  *inventory.Host
	Farm  string
	Rules rules.Set
}

// Build makes a report of what the journal keeps. An unknown run is tasks.ErrNoRun,
// an empty journal ErrNothing. A damaged journal is reported as long as it can be read.
func Build(ctx context.Context, j Source, ask Ask) (*Report, error) {
	b := &builder{ask: ask, report: &Report{Format: Format, Version: ask.Version, Made: ask.Now.UTC()}}
	entries, last, err := j.Verify(ctx)
	b.report.Chain = Chain{Entries: entries, Last: last}
	switch {
	case errors.Is(err, tasks.ErrJournalDamaged):
		b.report.Chain.Damage = err.Error()
	case err != nil:
		return nil, err
	}
	if ask.Latest {
		if ask.Run, err = newest(ctx, j); err != nil {
			return nil, err
		}
	}
	if ask.Run != "" {
		err = b.ofRun(ctx, j, ask.Run)
	} else {
		err = b.ofTime(ctx, j, ask.Since)
	}
	if err != nil {
		return nil, err
	}
	b.finish()
	return b.report, nil
}

// newest is the name of the newest run or look.
func newest(ctx context.Context, j Source) (string, error) {
	runs, err := j.Runs(ctx)
	if err != nil {
		return "", err
	}
	looks, err := j.Summaries(ctx, time.Time{})
	if err != nil {
		return "", err
	}
	cycles, err := j.Cycles(ctx, time.Time{})
	if err != nil {
		return "", err
	}
	name, at := "", time.Time{}
	newer := func(n string, t time.Time) {
		if n != "" && (name == "" || t.After(at)) {
			name, at = n, t
		}
	}
	for _, r := range runs {
		newer(r.ID, r.Started)
	}
	for _, l := range looks {
		newer(l.Run, l.Started)
	}
	for _, c := range cycles {
		newer(c.Run, c.Time)
	}
	if name == "" {
		return "", fmt.Errorf("%w: nothing was applied or verified yet; `farmwall verify -i INVENTORY` looks at the farm", ErrNothing)
	}
	return name, nil
}

// ofRun fills in one run.
func (b *builder) ofRun(ctx context.Context, j Source, id string) error {
	seen, err := j.EvidenceOf(ctx, id)
	if err != nil {
		return err
	}
	summary, err := j.Summary(ctx, id)
	if err != nil {
		return err
	}
	record, err := j.Run(ctx, id)
	switch {
	case errors.Is(err, tasks.ErrNoRun):
		record = nil
	case err != nil:
		return err
	}
	cycle, err := cycleOf(ctx, j, id)
	if err != nil {
		return err
	}
	if record == nil && summary == nil && cycle == nil && len(seen) == 0 {
		return fmt.Errorf("%w: %q; `farmwall history list` names them", tasks.ErrNoRun, id)
	}
	run := Run{Run: id}
	if cycle != nil {
		run.Verb, run.Started, run.Ended = "drift", cycle.Time, cycle.Time
		b.report.Cycles = []tasks.CycleRecord{*cycle}
		if len(seen) == 0 {
			b.note(fmt.Sprintf("This cycle found no difference on %s; the journal keeps one row of such a cycle.", count(cycle.Hosts, "host")))
		} else {
			b.note(fmt.Sprintf("%d of %s differed in this cycle; of those that did not the journal keeps no more than their number.", cycle.Differing, count(cycle.Hosts, "host")))
		}
	}
	if summary != nil {
		run.Verb, run.Controller, run.Started, run.Ended, run.Exit = summary.Verb, summary.Controller, summary.Started, summary.Ended, &summary.Exit
	}
	if record != nil {
		run.Verb, run.Controller, run.Started, run.Ended = record.Verb, record.Controller, record.Started, record.Ended
		if !record.Ended.IsZero() {
			run.Exit = &record.Exit
		}
	}
	b.report.Scope = Scope{Run: id, Verb: run.Verb}
	b.report.Runs = []Run{run}
	b.evidence(seen)
	if record != nil {
		b.records(record.Hosts)
	}
	if summary != nil {
		b.farms(summary.Farms)
		b.briefs(id, summary)
	}
	if record != nil && len(seen) == 0 && len(record.Hosts) > 0 {
		b.note("This run is of an older farmwall, or its controller died: the journal has its changes, and no verdicts.")
	}
	return nil
}

func cycleOf(ctx context.Context, j Source, id string) (*tasks.CycleRecord, error) {
	cycles, err := j.Cycles(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	for i := range cycles {
		if cycles[i].Run == id {
			return &cycles[i], nil
		}
	}
	return nil, nil
}

// ofTime fills in all that was done and seen since a time.
func (b *builder) ofTime(ctx context.Context, j Source, since time.Time) error {
	runs, err := j.Runs(ctx)
	if err != nil {
		return err
	}
	looks, err := j.Summaries(ctx, since)
	if err != nil {
		return err
	}
	if b.report.Cycles, err = j.Cycles(ctx, since); err != nil {
		return err
	}
	last, err := j.LatestEvidence(ctx, since)
	if err != nil {
		return err
	}
	first, err := j.FirstEvidence(ctx, since)
	if err != nil {
		return err
	}
	b.report.Scope = Scope{Since: since.UTC()}
	known := map[string]bool{}
	for _, r := range runs {
		if r.Started.Before(since) && (r.Ended.IsZero() || r.Ended.Before(since)) {
			continue
		}
		run := Run{Run: r.ID, Verb: r.Verb, Controller: r.Controller, Started: r.Started, Ended: r.Ended}
		if !r.Ended.IsZero() {
			exit := r.Exit
			run.Exit = &exit
		}
		known[r.ID] = true
		b.report.Runs = append(b.report.Runs, run)
	}
	for _, l := range looks {
		if !known[l.Run] {
			exit := l.Exit
			b.report.Runs = append(b.report.Runs, Run{Run: l.Run, Verb: l.Verb, Controller: l.Controller, Started: l.Started, Ended: l.Ended, Exit: &exit})
		}
		b.farms(l.Farms)
	}
	if len(b.report.Runs)+len(b.report.Cycles)+len(last) == 0 && len(b.ask.Wanted) == 0 {
		return fmt.Errorf("%w since %s; give an earlier time with --since", ErrNothing, since.UTC().Format(time.RFC3339))
	}
	slices.SortStableFunc(b.report.Runs, func(x, y Run) int { return x.Started.Compare(y.Started) })
	b.evidence(last)
	for i := range first {
		e := &first[i]
		h := b.host(e.Farm, e.Host)
		switch {
		case e.Before != nil:
			h.Before = e.Before.Pairs
		case e.After != nil && e.Run != h.Run:
			h.Before = e.After.Pairs
		}
	}
	return nil
}

// order puts hosts in order of farm, then of the inventory, then of names.
func (b *builder) order() {
	place := map[string]int{}
	for i, w := range b.ask.Wanted {
		place[w.Farm+"\x00"+w.Host.Name] = i + 1
	}
	slices.SortStableFunc(b.report.Hosts, func(x, y Host) int {
		if n := cmp.Compare(x.Farm, y.Farm); n != 0 {
			return n
		}
		px, py := place[x.Farm+"\x00"+x.Host], place[y.Farm+"\x00"+y.Host]
		if px != 0 && py != 0 {
			return cmp.Compare(px, py)
		}
		return cmp.Compare(x.Host, y.Host)
	})
}

// Draw makes a report of an inventory alone, without a journal: what it wants.
func Draw(ask Ask) *Report {
	b := &builder{ask: ask, report: &Report{Format: Format, Version: ask.Version, Made: ask.Now.UTC()}}
	b.finish()
	return b.report
}

// Only leaves the hosts that are wanted, and their farms.
func (r *Report) Only(wanted []Wanted) {
	hosts, farms := map[[2]string]bool{}, map[string]bool{}
	for _, w := range wanted {
		hosts[[2]string{w.Farm, w.Host.Name}], farms[w.Farm] = true, true
	}
	r.Hosts = slices.DeleteFunc(r.Hosts, func(h Host) bool { return !hosts[[2]string{h.Farm, h.Host}] })
	r.Farms = slices.DeleteFunc(r.Farms, func(f Farm) bool { return !farms[f.Farm] })
}
