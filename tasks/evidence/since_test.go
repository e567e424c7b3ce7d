//go:build linux

package evidence_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/tasks"
	"farmwall/tasks/evidence"
)

func since(at time.Time) func(*evidence.Ask) {
	return func(ask *evidence.Ask) { ask.Run, ask.Since = "", at }
}

func TestAReportOfATimeHasRunsCyclesAndTheLastSight(t *testing.T) {
	s := newSample(t, fiveHosts, false)
	ctx := context.Background()
	now := time.Now()
	for i := range 1200 {
		differing := 0
		if i%200 > 150 {
			differing = i % 7
		}
		s.must(s.journal.Cycle(ctx, now.Add(time.Duration(i)*time.Second), 5, differing))
	}
	r := s.build(since(now.Add(-time.Hour)))
	if len(r.Runs) != 1 || len(r.Cycles) != 1200 || len(r.Hosts) != 5 || r.Exposure.Hosts != 5 || r.Hosts[0].Run != s.run {
		t.Fatalf("%d runs, %d cycles, %d hosts, %+v", len(r.Runs), len(r.Cycles), len(r.Hosts), r.Exposure)
	}
	page := written(t, r.WriteHTML)
	for _, want := range []string{`id="drift-title"`, "1200 cycles", "at most 6 hosts differed", "The last 25 cycles"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if n := len(page); n > 200<<10 {
		t.Errorf("1200 cycles make a page of %d bytes", n)
	}
	if os.Geteuid() == 0 {
		_ = os.WriteFile(artefact(t, "report-since.html"), []byte(page), 0o644)
	}
	// Of later than all there is, nothing but the inventory is left.
	if r := s.build(since(now.Add(time.Hour))); len(r.Runs)+len(r.Cycles) != 0 || r.Totals.Unseen != 5 {
		t.Errorf("of the future: %+v", r.Totals)
	}
	_, err := evidence.Build(ctx, s.journal, evidence.Ask{Since: now.Add(time.Hour), Now: made})
	if !errors.Is(err, evidence.ErrNothing) {
		t.Errorf("of the future, without an inventory: %v", err)
	}
}

// A run of an older farmwall has its changes, and a note that there is no more.
func TestARunWithoutEvidenceIsReportedAsFarAsItIsKnown(t *testing.T) {
	s := newSample(t, fiveHosts, true)
	ctx := context.Background()
	set := s.ask.Wanted[0].Rules.Settle(&rules.State{})
	s.must(s.journal.Begin(ctx, tasks.RunRecord{ID: "old", Verb: "apply", Controller: "bob@desk"}))
	for _, h := range []string{"gw1", "rds1"} {
		s.must(s.journal.Intend(ctx, tasks.HostRecord{Run: "old", Farm: "farm", Host: h, Target: set, Changes: []rules.Change{{Verb: rules.Add, Want: &set[0]}}}))
	}
	s.must(s.journal.Finish(ctx, "old", "farm", "gw1", tasks.Restored, "line broke", ""))
	r := s.build(func(ask *evidence.Ask) { ask.Run, ask.Wanted = "old", nil })
	if len(r.Hosts) != 2 || len(r.Notes) != 1 || r.Hosts[0].Status != tasks.Restored || r.Hosts[0].Error != "line broke" || len(r.Hosts[0].Changes) != 1 {
		t.Fatalf("%+v", r)
	}
	if h := r.Hosts[1]; h.Status != tasks.Doubtful || !strings.Contains(h.Error, "farmwall recover") || r.Runs[0].Exit != nil {
		t.Errorf("the unfinished host: %+v, %+v", h, r.Runs[0])
	}
	for name, write := range writers(r) {
		if written(t, write) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestAnUnknownRunIsNamed(t *testing.T) {
	s := newSample(t, fiveHosts, true)
	_, err := evidence.Build(context.Background(), s.journal, evidence.Ask{Run: "nobody", Now: made})
	if !errors.Is(err, tasks.ErrNoRun) || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("%v", err)
	}
}

// The map leaves nothing out: each inbound rule of each host is on it, with everybody
// who starts it, and every line leads to a pin.
func TestTheMapHoldsEveryOpening(t *testing.T) {
	for name, text := range map[string]string{"five": fiveHosts, "many": manyHosts(160), "two farms": twoFarms} {
		s := newSample(t, text, false)
		r := s.build(nil)
		dot := written(t, r.WriteDot)
		svg := written(t, r.WriteSVG)
		for i := range r.Hosts {
			h := &r.Hosts[i]
			for _, o := range h.Openings {
				if o.Direction != rules.In || o.From.Loopback {
					continue
				}
				first, _, _ := strings.Cut(o.Ports, ",")
				if !strings.Contains(dot, first) || !strings.Contains(svg, first) {
					t.Errorf("%s: %s of %s is not on the map", name, o.Rule, h.Host)
				}
			}
		}
		farms := strings.Count(dot, "subgraph cluster_")
		if want := len(r.Farms); farms != want || strings.Count(svg, `class="farm"`) != want {
			t.Errorf("%s: %d farms are drawn, not %d", name, farms, want)
		}
	}
}

// twoFarms also has hosts with several roles, and one that is a member without any.
const twoFarms = `[gateway]
gw1 ansible_host=10.0.1.1 ras_farm=north
both ansible_host=10.0.2.1 ras_farm=south
[publishing_agent]
pa1 ansible_host=10.0.1.2 ras_farm=north
both
[rdsh]
rds1 ansible_host=10.0.1.3 ras_farm=north
rds2 ansible_host=10.0.2.2 ras_farm=south
[others]
plain ansible_host=10.0.2.3 ras_farm=south ras_member=true
`
