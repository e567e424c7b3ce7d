package evidence

import (
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

// builder collects a report.
type builder struct {
	ask    Ask
	report *Report
	hosts  []*Host
	byName map[[2]string]*Host
	sets   map[*Host]rules.Set // what each host was held against
	before map[*Host]*tasks.Sight
	after  map[*Host]*tasks.Sight
	rows   map[string]*rules.Row
	census map[string]*members // by farm
	asOf   map[sourcesKey]Sources
}

func (b *builder) note(text string) { b.report.Notes = append(b.report.Notes, text) }

// host is the farm's host of that name, made where it is new.
func (b *builder) host(farm, name string) *Host {
	if b.byName == nil {
		b.byName, b.sets = map[[2]string]*Host{}, map[*Host]rules.Set{}
		b.before, b.after = map[*Host]*tasks.Sight{}, map[*Host]*tasks.Sight{}
	}
	key := [2]string{farm, name}
	h := b.byName[key]
	if h == nil {
		h = &Host{Host: name, Farm: farm}
		b.byName[key] = h
		b.hosts = append(b.hosts, h)
	}
	return h
}

// evidence takes over what was seen of hosts.
func (b *builder) evidence(seen []tasks.Evidence) {
	for i := range seen {
		e := &seen[i]
		h := b.host(e.Farm, e.Host)
		h.At, h.Roles, h.addresses, h.System, h.Manager = e.At, e.Roles, e.Addresses, e.System, e.Manager
		h.Run, h.Verb, h.Seen, h.Status, h.Step, h.Error, h.Hint, h.Cause = e.Run, e.Verb, e.Time, e.Status, e.Step, e.Error, e.Hint, e.Cause
		h.Started, h.Elapsed, h.Steps = e.Started, e.Elapsed, e.Steps
		h.Changes, h.Pending, h.Accepted, h.Probes, h.Findings, h.Warnings = e.Changes, e.Pending, e.Accepted, e.Probes, e.Findings, e.Warnings
		b.sets[h], b.before[h], b.after[h] = e.Wanted, e.Before, e.After
		if e.Before != nil {
			h.Before = e.Before.Pairs
		}
		if e.After != nil {
			h.After = e.After.Pairs
		}
	}
}

// records takes over what the journal knows of a run's hosts by their changes: how a
// host ended counts, and of a run of an older farmwall it is all there is.
func (b *builder) records(hosts []tasks.HostRecord) {
	for i := range hosts {
		r := &hosts[i]
		h := b.host(r.Farm, r.Host)
		if h.Run == "" {
			h.Run, h.Started, h.Changes = r.Run, r.Started, r.Changes
			b.sets[h] = r.Target
		}
		if h.Seen.IsZero() {
			h.Seen = r.Started
		}
		switch {
		case r.Status == "":
			h.Status, h.Error = tasks.Doubtful, "unfinished: `farmwall recover` finds out what became of it"
		case h.Status == "" || h.Status == tasks.Doubtful:
			h.Status, h.Error = r.Status, r.Detail
		}
		if !r.Ended.IsZero() && h.Elapsed == 0 {
			h.Elapsed = r.Ended.Sub(r.Started)
		}
	}
}

// briefs takes over how a verb says that its hosts fared.
func (b *builder) briefs(run string, s *tasks.SummaryRecord) {
	for _, o := range s.Hosts {
		h := b.host(o.Farm, o.Host)
		if h.Run == "" {
			h.Run, h.Verb, h.Seen, h.Elapsed = run, s.Verb, s.Ended, o.Elapsed
		}
		h.Verb = s.Verb
		if h.At.File == "" {
			h.At = o.At
		}
		if len(h.Roles) == 0 {
			h.Roles = o.Roles
		}
		h.Status, h.Step, h.Error, h.Hint = o.Status, o.Step, o.Error, o.Hint
	}
}

func (b *builder) farms(list []tasks.Count) {
	for _, f := range list {
		b.farm(f.Farm, f.Members)
	}
}

// farm notes a farm; the last number of members that is known counts.
func (b *builder) farm(name string, n int) {
	for i := range b.report.Farms {
		if b.report.Farms[i].Farm == name {
			if n > 0 {
				b.report.Farms[i].Members = n
			}
			return
		}
	}
	b.report.Farms = append(b.report.Farms, Farm{name, n})
}

// finish joins the inventory, and computes what follows from all of it.
func (b *builder) finish() {
	for _, w := range b.ask.Wanted {
		h := b.host(w.Farm, w.Host.Name)
		if h.Run == "" || b.sets[h] == nil {
			b.sets[h] = w.Rules.Settle(&rules.State{})
		}
		h.At, h.Roles, h.addresses = w.Host.At, w.Host.Roles, w.Host.Addresses.Value
	}
	b.farms(b.ask.Farms)
	for _, h := range b.hosts {
		b.farm(h.Farm, 0)
	}
	b.rows = map[string]*rules.Row{}
	for i := range b.ask.Rows {
		b.rows[b.ask.Rows[i].ID] = &b.ask.Rows[i]
	}
	b.takeCensus()
	for _, h := range b.hosts {
		h.Openings = b.openings(h)
		h.cleanse()
		b.report.Hosts = append(b.report.Hosts, *h)
	}
	b.order()
	b.total()
}

// cleanse makes the words of hosts and inventories safe to show.
func (h *Host) cleanse() {
	for _, s := range []*string{&h.System, &h.Manager, &h.Step, &h.Error, &h.Hint, &h.Cause} {
		*s = printable(*s)
	}
	findings := make([]rules.Finding, len(h.Findings))
	for i, f := range h.Findings {
		findings[i] = rules.Finding{Kind: printable(f.Kind), Text: printable(f.Text)}
	}
	warnings := make([]string, len(h.Warnings))
	for i, w := range h.Warnings {
		warnings[i] = printable(w)
	}
	h.Findings, h.Warnings = findings, warnings
}

// total counts over all hosts.
func (b *builder) total() {
	r := b.report
	r.Totals = Totals{Statuses: map[tasks.Status]int{}, Flows: map[rules.Answer]int{}}
	byRun := map[string]map[tasks.Status]int{}
	for i := range r.Hosts {
		h := &r.Hosts[i]
		if h.Run == "" {
			r.Totals.Unseen++
		} else {
			r.Totals.Statuses[h.Status]++
			if byRun[h.Run] == nil {
				byRun[h.Run] = map[tasks.Status]int{}
			}
			byRun[h.Run][h.Status]++
		}
		r.Totals.Changes, r.Totals.Pending = r.Totals.Changes+len(h.Changes), r.Totals.Pending+len(h.Pending)
		for _, o := range h.Openings {
			if o.Answer != "" && !o.Block {
				r.Totals.Flows[o.Answer]++
			}
			if o.Others == rules.Allowed {
				r.Totals.Exposed++
			}
		}
		for _, p := range h.Probes {
			r.Totals.Probes.add(&p)
		}
		r.Exposure.add(h)
	}
	for i := range r.Runs {
		r.Runs[i].Statuses = byRun[r.Runs[i].Run]
	}
}

func (e *Exposure) add(h *Host) {
	sum := func(to **tasks.Pairs, p *tasks.Pairs) {
		if *to == nil {
			*to = &tasks.Pairs{}
		}
		(*to).Add(p)
	}
	if h.After == nil {
		return
	}
	e.SeenHosts++
	sum(&e.Seen, h.After)
	if h.Before != nil {
		e.Hosts++
		sum(&e.Before, h.Before)
		sum(&e.After, h.After)
	}
}

func (c *ProbeCount) add(p *tasks.Probed) {
	switch {
	case p.Right == nil:
		c.Nothing++
	case *p.Right:
		c.Right++
	default:
		c.Wrong++
	}
	if p.PathBlocks {
		c.PathBlocks++
	}
}

// GroupName is the group that a host belongs to on the map: those with equal roles.
func GroupName(roles []inventory.Role) string {
	if len(roles) == 0 {
		return "no role"
	}
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = string(r)
	}
	return strings.Join(names, " + ")
}
