package tasks

import (
	"context"
	"sync"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// witness collects what verbs see of hosts, so that the journal is written once for
// many of them. Its methods may run at the same time.
type witness struct {
	mu      sync.Mutex
	seen    []Evidence
	told    bool // the journal could not be written, and that was said
	members map[string]*census
	// probed are the hosts, by run, whose probes went with their evidence.
	probed map[[3]string]bool
}

// keptAtOnce is how much evidence waits for one write.
const keptAtOnce = 64

// saw collects what a verb saw of a host: the one call for evidence.
func (r *Runner) saw(ctx context.Context, e Evidence, h *inventory.Host) {
	e.At, e.Roles, e.Addresses = h.At, h.Roles, h.Addresses.Value
	w := &r.witness
	w.mu.Lock()
	w.seen = append(w.seen, e)
	if len(e.Probes) > 0 {
		if w.probed == nil {
			w.probed = map[[3]string]bool{}
		}
		w.probed[[3]string{e.Run, e.Farm, e.Host}] = true
	}
	many := len(w.seen) >= keptAtOnce
	w.mu.Unlock()
	if many {
		r.keepSeen(ctx, "", nil)
	}
}

// sawHost collects what a verb that only looks saw of a host, held against a settled set.
func (r *Runner) sawHost(ctx context.Context, look, verb string, d rules.Reader, s *rules.State, a wanted, set rules.Set, o *Outcome) {
	r.saw(ctx, Evidence{Run: look, Verb: verb, Farm: a.farm, Host: a.host.Name, System: s.System, Manager: s.Manager,
		Status: o.Status, Step: o.Step, Error: o.Error, Hint: o.Hint, Cause: o.Cause, Started: r.Now().UTC(),
		Wanted: set, After: r.survey(d, s, a.farm, a.host, set, nil), Changes: o.Changes, Pending: o.Pending, Accepted: o.Accepted, Probes: o.Probes,
		Findings: o.Findings, Warnings: o.Warnings}, a.host)
}

// keepSeen writes what was collected, and the probes of outcomes, which come last.
// A journal that cannot be written costs the report, not the run.
func (r *Runner) keepSeen(ctx context.Context, run string, outcomes []Outcome) {
	w := &r.witness
	w.mu.Lock()
	seen, probed := w.seen, w.probed
	w.seen = nil
	if run != "" {
		w.probed = nil
	}
	w.mu.Unlock()
	place := map[[2]string]int{}
	for i := range seen {
		if seen[i].Run == run {
			place[[2]string{seen[i].Farm, seen[i].Host}] = i
		}
	}
	for _, o := range outcomes {
		if len(o.Probes) == 0 || run == "" || probed[[3]string{run, o.Farm, o.Host}] {
			continue
		}
		if i, there := place[[2]string{o.Farm, o.Host}]; there {
			seen[i].Probes = o.Probes
		} else {
			seen = append(seen, Evidence{Run: run, Farm: o.Farm, Host: o.Host, Status: o.Status, Step: o.Step, Error: o.Error, Hint: o.Hint, Probes: o.Probes})
		}
	}
	if len(seen) == 0 {
		return
	}
	r.noteWrite(r.Journal.Witness(context.WithoutCancel(ctx), seen))
}

// noteWrite tells once that evidence could not be kept.
func (r *Runner) noteWrite(err error) {
	if err == nil {
		return
	}
	w := &r.witness
	w.mu.Lock()
	told := w.told
	w.told = true
	w.mu.Unlock()
	if !told {
		r.Report(Event{Kind: Notice, Time: r.Now(), Text: "what was seen is not in the journal, and so in no report: " + err.Error()})
	}
}

// Brief is how one host fared in one verb.
type Brief struct {
	Host    string             `json:"host"`
	Farm    string             `json:"farm,omitempty"`
	At      inventory.Position `json:"at"`
	Roles   []inventory.Role   `json:"roles,omitempty"`
	Status  Status             `json:"status"`
	Step    string             `json:"step,omitempty"`
	Error   string             `json:"error,omitempty"`
	Hint    string             `json:"hint,omitempty"`
	Elapsed time.Duration      `json:"elapsed_ns,omitempty"`
}

// SummaryRecord is a verb that came to its end, with every host that it was about.
type SummaryRecord struct {
	Run         string    `json:"run"`
	Verb        string    `json:"verb"`
	Controller  string    `json:"controller"`
	Started     time.Time `json:"started"`
	Ended       time.Time `json:"ended"`
	Exit        int       `json:"exit"`
	Interrupted bool      `json:"interrupted,omitempty"`
	Farms       []Count   `json:"farms,omitempty"`
	Hosts       []Brief   `json:"hosts,omitempty"`
}

// keepSummary journals how all hosts of a verb fared, in one row.
func (r *Runner) keepSummary(ctx context.Context, inv *inventory.Inventory, s *Summary, run string, started time.Time) {
	rec := SummaryRecord{Run: run, Verb: s.Verb, Controller: r.Controller, Started: started.UTC(), Exit: r.Exit(s), Interrupted: s.Interrupted, Farms: s.Farms}
	hosts := make(map[string]*inventory.Host, len(inv.Hosts))
	for _, h := range inv.Hosts {
		hosts[h.Name] = h
	}
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		b := Brief{Host: o.Host, Farm: o.Farm, Status: o.Status, Step: o.Step, Error: o.Error, Hint: o.Hint, Elapsed: o.Elapsed}
		if h := hosts[o.Host]; h != nil {
			b.At, b.Roles = h.At, h.Roles
		}
		rec.Hosts = append(rec.Hosts, b)
	}
	r.noteWrite(r.Journal.Summarise(context.WithoutCancel(ctx), rec))
}

// survey says what flows meet on a host: those that the set wants, and outsiders at
// the ports that it or the earlier set opens.
func (r *Runner) survey(d rules.Reader, s *rules.State, farm string, self *inventory.Host, want, earlier rules.Set) *Sight {
	m := remember(d)
	sight := &Sight{}
	judged := judgeSet(m, s, want)
	judged = append(judged, outsiders(m, s, want)...)
	gone := unwanted(want, earlier)
	judged = append(judged, judgeSet(m, s, gone)...)
	for i := range judged {
		sight.Flows = append(sight.Flows, seenFlow(&judged[i]))
	}
	if c := r.witness.census(farm); c != nil {
		sight.Pairs = c.pairs(m, s, self, want, gone)
	}
	return sight
}

// unwanted are the rules of the earlier set that the set does not hold.
func unwanted(want, earlier rules.Set) rules.Set {
	var out rules.Set
	for i := range earlier {
		if w := want.Find(earlier[i].ID); w == nil || w.Mark() != earlier[i].Mark() {
			out = append(out, earlier[i])
		}
	}
	return out
}

func seenFlow(j *JudgedFlow) SeenFlow {
	f := SeenFlow{Rule: j.Rule, Direction: j.Flow.Direction, Protocol: j.Flow.Protocol, Port: j.Flow.Port, Loopback: j.Flow.Loopback,
		Outsider: j.Outsider(), Answer: j.Verdict.Answer, By: j.Verdict.By, Reason: j.Verdict.Reason, Part: j.Verdict.Part}
	if n := len(f.Part) - shownPart; n > 0 {
		f.Part, f.PartMore = f.Part[:shownPart], n
	}
	return f
}
