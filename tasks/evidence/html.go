package evidence

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

//go:embed report.html
var reportPage string

//go:embed report.css
var reportStyle string

// page is what the template shows.
type page struct {
	*Report
	Title, Summary string
	Style          template.CSS
	Cards          []card
	Maps           []pageMap
	Opens          []pageGroup
	Changed        []pageGroup
	Timeline       template.HTML
	Steps          []string
	Timed          []*Host
	Drift          template.HTML
	LastCycles     []tasks.CycleRecord
	Bars           []bar
	Trouble        []*Host
	Several        bool
	Probed         bool
	WrongProbes    []wrongProbe
	Below          string // the folder that the inventory's places are below
	HostRows       []hostRow
}

type card struct {
	State       state
	Value, What string
}

type pageMap struct {
	Farm    string
	Picture template.HTML
	Rows    []flowRow
	Wider   bool
}

// flowRow is one line of the map in words.
type flowRow struct {
	Group, From, Opens, Words, Why string
	State                          state
	Star                           bool
}

type pageGroup struct {
	ID, Title, Names string
	Hosts            int
	Openings         []openingRow
	Lines            [][3]string
	Status           string
}

type openingRow struct {
	*Opening
	FromWords, Verdict, Others, ProbeWords, Because, Place string
	State, OthersState                                     state
}

// hostRow is one host in the list of all, or several that fared alike.
type hostRow struct {
	Names, Farm, Roles, Status, About, System, Pairs string
	Hosts                                            int
	State                                            state
}

// WriteHTML writes the report as one page that needs nothing else: it opens offline, has
// no script, and prints.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"moment": moment, "short": short, "count": count, "printable": printable,
		"steps":    func(h *Host) string { return h.stepWords() },
		"statuses": statusCounts,
		"runRow":   func(r Run) []string { return r.row() },
		"pairs":    pairCells,
		"state":    func(h *Host) state { return h.state() },
		"words":    func(h *Host) string { return h.statusWords() },
		"about":    func(h *Host) string { return h.about() },
		"chain":    func(c Chain) string { return c.words() },
	}).Parse(reportPage)
	if err != nil {
		return err
	}
	return t.Execute(w, r.page())
}

func (r *Report) page() *page {
	p := &page{Report: r, Title: "farmwall report: " + r.title(), Summary: r.summary(), Style: template.CSS(reportStyle + mapStyle),
		Timeline: template.HTML(r.timeline()), Drift: template.HTML(r.driftPlot()), Bars: r.Exposure.bars(), Steps: stepKinds(), Several: len(r.Farms) > 1}
	p.Cards, p.Below = r.cards(), r.below()
	p.Probed, p.WrongProbes = r.Totals.Probes != ProbeCount{}, r.wrongProbes()
	for i, m := range r.maps() {
		pm := pageMap{Farm: m.farm, Picture: template.HTML(r.mapInside(m, i)), Wider: m.wider}
		for _, g := range m.groups {
			for _, q := range g.pins {
				pm.Rows = append(pm.Rows, flowRow{Group: g.name, From: strings.TrimPrefix(q.fromWords(g.name), "from "), Opens: q.opensWords(), Words: q.stateWords(), State: q.state, Why: clip(q.why, 200)})
			}
		}
		p.Maps = append(p.Maps, pm)
	}
	for i, g := range r.groups() {
		pg := pageGroup{ID: fmt.Sprintf("g%d", i), Title: g.title(), Names: foldNames(g.names()), Hosts: len(g.hosts)}
		for j := range g.hosts[0].Openings {
			row := g.hosts[0].Openings[j].row(g)
			if p.Below != "" {
				row.Because, row.Place = strings.ReplaceAll(row.Because, p.Below, ""), strings.ReplaceAll(row.Place, p.Below, "")
			}
			pg.Openings = append(pg.Openings, row)
		}
		p.Opens = append(p.Opens, pg)
	}
	for i, g := range r.changeGroups() {
		p.Changed = append(p.Changed, pageGroup{ID: fmt.Sprintf("c%d", i), Title: count(len(g.hosts), "host") + ", " + g.hosts[0].statusWords(), Names: foldNames(g.names()), Hosts: len(g.hosts), Lines: g.lines()})
	}
	if p.Timeline != "" {
		for i := range r.Hosts {
			if h := &r.Hosts[i]; len(h.Steps) > 0 {
				p.Timed = append(p.Timed, h)
			}
		}
	}
	p.LastCycles = r.Cycles[max(0, len(r.Cycles)-25):]
	p.HostRows = r.hostRows()
	return p
}

// below is the folder that holds every place in the inventory, with the sign that ends
// it; nothing where that is the folder that farmwall was called in.
func (r *Report) below() string {
	dir, first := "", true
	see := func(at inventory.Position) {
		if at.File == "" {
			return
		}
		own := at.File[:strings.LastIndexAny(at.File, `/\`)+1]
		if first {
			dir, first = own, false
		}
		for !strings.HasPrefix(own, dir) {
			dir = dir[:strings.LastIndexAny(strings.TrimRight(dir, `/\`), `/\`)+1]
		}
	}
	for i := range r.Hosts {
		see(r.Hosts[i].At)
		for _, o := range r.Hosts[i].Openings {
			if o.At != nil {
				see(*o.At)
			}
		}
	}
	if len(dir) < 2 {
		return ""
	}
	return printable(dir)
}

// cards are the figures at the top.
func (r *Report) cards() []card {
	t := &r.Totals
	good := t.Statuses[tasks.OK] + t.Statuses[tasks.Changed]
	of := func(n, all int, s state) state {
		if n == all {
			return stateGood
		}
		return s
	}
	flows := t.Flows[rules.Allowed] + t.Flows[rules.Denied] + t.Flows[rules.Unknown]
	cards := []card{{of(good, len(r.Hosts), stateBad), fmt.Sprintf("%d of %d", good, len(r.Hosts)), "hosts as they should be"}}
	if flows > 0 {
		cards = append(cards, card{of(t.Flows[rules.Allowed], flows, stateBad), fmt.Sprintf("%d of %d", t.Flows[rules.Allowed], flows), "wanted flows open"},
			card{of(t.Exposed, 0, stateExposed), fmt.Sprint(t.Exposed), "ports open to others too"})
	}
	if p := t.Probes; p.Right+p.Wrong > 0 {
		cards = append(cards, card{of(p.Wrong, 0, stateBad), fmt.Sprintf("%d of %d", p.Right, p.Right+p.Wrong), "probes answered right"})
	}
	if t.Changes > 0 {
		cards = append(cards, card{stateUnseen, fmt.Sprint(t.Changes), "rule changes"})
	}
	intact := "unchanged"
	if r.Chain.Damage != "" {
		intact = "CHANGED"
	}
	return append(cards, card{of(len(r.Chain.Damage), 0, stateBad), intact, "history of " + fmt.Sprint(r.Chain.Entries) + " entries"})
}

func (o *Opening) row(g *group) openingRow {
	r := openingRow{Opening: o, FromWords: o.fromWords(), Verdict: o.verdictWords(), ProbeWords: o.Probes.words(), Because: o.because(), State: o.state()}
	if o.At != nil {
		r.Place = printable(o.At.String())
	} else {
		r.Place = "the host's entry"
		if len(g.hosts) == 1 {
			r.Place = printable(g.hosts[0].At.String())
		}
	}
	switch o.Others {
	case rules.Allowed:
		r.Others, r.OthersState = "open, by "+o.OthersBy, stateExposed
	case rules.Denied:
		r.Others, r.OthersState = "closed", stateGood
	case rules.Unknown:
		r.Others, r.OthersState = "unknown", stateUnknown
	}
	return r
}

// hostRows are the hosts with what became of them; those that fared alike are one row.
func (r *Report) hostRows() []hostRow {
	var out []hostRow
	for _, g := range r.grouped(func(h *Host) string {
		return fmt.Sprint(h.Farm, "\x00", GroupName(h.Roles), "\x00", h.Status, h.Run == "", "\x00", h.about(), "\x00", h.System, h.Manager, "\x00", h.Warnings, h.Findings, pairCells(h.Before), pairCells(h.After))
	}) {
		h := g.hosts[0]
		var about []string
		if a := h.about(); a != "" {
			about = append(about, a)
		}
		about = append(about, h.Warnings...)
		for _, f := range h.Findings {
			about = append(about, f.Kind+": "+f.Text)
		}
		row := hostRow{Names: foldNames(g.names()), Hosts: len(g.hosts), Farm: h.Farm, Roles: GroupName(h.Roles), Status: h.statusWords(), State: h.state(), About: strings.Join(about, "; ")}
		row.System = strings.TrimSuffix(h.System+", "+h.Manager, ", ")
		switch {
		case h.After == nil:
		case h.Before == nil:
			row.Pairs = fmt.Sprintf("%d open of %d wanted", h.After.Open, h.After.Wanted)
		default:
			row.Pairs = fmt.Sprintf("%d → %d open of %d wanted", h.Before.Open, h.After.Open, h.After.Wanted)
		}
		out = append(out, row)
	}
	return out
}

func statusCounts(m map[tasks.Status]int) string {
	var parts []string
	for _, s := range []tasks.Status{tasks.OK, tasks.Changed, tasks.Differs, tasks.PendingOnly, tasks.NotOpen, tasks.Refused, tasks.Restored, tasks.Failed,
		tasks.Unreachable, tasks.Doubtful, tasks.Stale, tasks.LeaseTaken, tasks.Foreign, tasks.Skipped} {
		if m[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", m[s], s))
		}
	}
	return strings.Join(parts, ", ")
}

func pairCells(p *tasks.Pairs) []string {
	if p == nil {
		return []string{"", "", "", "", ""}
	}
	return []string{fmt.Sprint(p.Wanted), fmt.Sprint(p.Open), fmt.Sprint(p.Beyond), fmt.Sprint(p.Closed), fmt.Sprint(p.Unknown)}
}
