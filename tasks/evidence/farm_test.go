package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
	"farmwall/tasks"
	"farmwall/tasks/evidence"
)

// made is when the reports of these tests are made.
var made = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// sample is a farm with a journal in which one apply stands, as if it had been done.
type sample struct {
	testing.TB
	dir     string
	journal *tasks.Journal
	inv     *inventory.Inventory
	ask     evidence.Ask
	run     string
}

// fiveHosts is a small farm.
const fiveHosts = `[gateway]
gw1 ansible_host=10.0.1.11
[publishing_agent]
pa1 ansible_host=10.0.1.21
[console]
adm1 ansible_host=10.0.1.22
[rdsh]
rds1 ansible_host=10.0.1.31
rds2 ansible_host=10.0.1.32
[all:vars]
ras_version=16.5
ras_internal_networks=10.0.9.0/24
`

// manyHosts is a farm of all roles, most of them session hosts.
func manyHosts(n int) string {
	var b strings.Builder
	for _, g := range []struct {
		role string
		part int
	}{{"halb", 2}, {"gateway", 24}, {"publishing_agent", 8}, {"console", 2}, {"vdi", 6}, {"remote_pc", 20}, {"reporting", 1}, {"performance_monitor", 1}, {"client", 6}, {"guest", 80}, {"rdsh", 0}} {
		size := g.part
		if size == 0 {
			size = n - 150
		}
		fmt.Fprintf(&b, "[%s]\n", g.role)
		for i := range size {
			fmt.Fprintf(&b, "%s%03d ansible_host=10.%d.%d.%d\n", strings.ReplaceAll(g.role, "_", "")[:3], i+1, len(g.role)*10+size%7, i/250, i%250+1)
		}
	}
	b.WriteString("[all:vars]\nras_version=16.5\nras_farm=north\n")
	return b.String()
}

// newSample writes the inventory and a journal of one apply, some of whose hosts did
// not fare well; good: all of them did.
func newSample(t testing.TB, text string, good bool) *sample {
	t.Helper()
	s := &sample{TB: t, dir: t.TempDir(), run: "20261123-050000-aabbccdd"}
	path := filepath.Join(s.dir, "farm.ini")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.inv, err = inventory.Load(context.Background(), []string{path}, inventory.Options{}); err != nil {
		t.Fatal(err)
	}
	rows, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	if s.journal, err = tasks.OpenJournal(filepath.Join(s.dir, "state")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.journal.Close() })
	runner := &tasks.Runner{Rows: rows, Now: time.Now, Report: func(tasks.Event) {}, Lookup: func(context.Context, string) ([]netip.Addr, error) {
		return nil, errors.New("no such host")
	}}
	wanted, _, err := runner.Wanted(context.Background(), s.inv, s.inv.Hosts)
	if err != nil {
		t.Fatal(err)
	}
	s.ask = evidence.Ask{Rows: rows, Version: "test", Now: made}
	dice := rand.New(rand.NewPCG(7, 11))
	var seen []tasks.Evidence
	summary := tasks.SummaryRecord{Run: s.run, Verb: "apply", Controller: "ann@desk", Started: made.Add(-time.Hour), Exit: 8}
	for i, w := range wanted {
		h := s.inv.Host(w.Host)
		e := pretend(h, w, i, dice, good)
		e.Run = s.run
		seen = append(seen, e)
		summary.Hosts = append(summary.Hosts, tasks.Brief{Host: e.Host, Farm: e.Farm, At: h.At, Roles: h.Roles, Status: e.Status, Step: e.Step, Error: e.Error, Hint: e.Hint, Elapsed: e.Elapsed})
		s.ask.Wanted = append(s.ask.Wanted, evidence.Wanted{Host: h, Farm: w.Farm, Rules: w.Rules})
	}
	for _, f := range s.inv.Farms {
		summary.Farms = append(summary.Farms, tasks.Count{Farm: f.Name, Members: len(f.Members)})
	}
	s.ask.Farms = summary.Farms
	s.must(s.journal.Begin(context.Background(), tasks.RunRecord{ID: s.run, Verb: "apply", Controller: "ann@desk"}))
	s.must(s.journal.Witness(context.Background(), seen))
	s.must(s.journal.Summarise(context.Background(), summary))
	s.must(s.journal.End(context.Background(), s.run, 8))
	return s
}

func (s *sample) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// pretend makes up what an apply saw of a host.
func pretend(h *inventory.Host, w tasks.Wanted, i int, dice *rand.Rand, good bool) tasks.Evidence {
	set := w.Rules.Settle(&rules.State{})
	e := tasks.Evidence{Farm: w.Farm, Host: w.Host, Verb: "apply", At: h.At, Roles: h.Roles, Addresses: h.Addresses.Value,
		System: "Debian GNU/Linux 12", Manager: "nftables", Status: tasks.Changed, Wanted: set,
		Started: made.Add(-time.Hour + time.Duration(i%32)*7*time.Millisecond + time.Duration(i/32)*900*time.Millisecond),
		Before:  &tasks.Sight{Pairs: &tasks.Pairs{}}, After: &tasks.Sight{Pairs: &tasks.Pairs{}}}
	at := time.Duration(0)
	for _, step := range []string{"dial", "observe", "journal", "arm", "redial", "check", "confirm"} {
		e.Steps = append(e.Steps, tasks.StepTime{Step: step, After: at})
		at += time.Duration(20+dice.IntN(160)) * time.Millisecond
	}
	e.Elapsed = at
	for j := range set {
		r := &set[j]
		e.Changes = append(e.Changes, rules.Change{Verb: rules.Add, Want: r, Places: []string{"table inet farmwall"}})
		if r.Direction != rules.In {
			continue
		}
		f := tasks.SeenFlow{Rule: r.ID, Direction: r.Direction, Protocol: r.Protocol, Loopback: r.Loopback, Answer: rules.Denied, By: "policy drop of table inet filter, chain input"}
		if len(r.Ports) > 0 {
			f.Port = r.Ports[0].First
		}
		e.Before.Flows = append(e.Before.Flows, f)
		f.Answer, f.By = rules.Allowed, "farmwall:"+w.Farm+":"+r.ID
		switch {
		case !good && i%97 == 3 && f.Port == 3389:
			f.Answer, f.By = rules.Denied, "table inet guard, chain in: tcp dport 3389 drop"
			e.Status, e.Step, e.Error, e.Hint = tasks.NotOpen, "verify", "tcp 3389 is closed by table inet guard", "what closes it is not ours to change"
		case !good && i%61 == 5 && f.Port == 30004:
			f.Answer, f.By, f.Reason = rules.Unknown, "", "the rule uses ipset users, which cannot be read"
		}
		e.After.Flows = append(e.After.Flows, f)
		if r.Remotes != nil && !r.Loopback {
			others := f
			others.Outsider, others.Answer, others.By, others.Reason = true, rules.Denied, "policy drop of table inet filter, chain input", ""
			if !good && i%83 == 1 && f.Port == 445 {
				others.Answer, others.By = rules.Allowed, "table inet filter, chain input: tcp dport 445 accept"
			}
			e.After.Flows = append(e.After.Flows, others)
		}
		e.Before.Pairs.Add(&tasks.Pairs{Wanted: 40, Open: 90, Beyond: 50})
		e.After.Pairs.Add(&tasks.Pairs{Wanted: 40, Open: 40})
	}
	if !good && i%131 == 130 {
		e.Status, e.Step, e.Error, e.Hint = tasks.Restored, "redial", "no new connection after the change: time-out; the host is back in its old state", "look at its route to the controller"
	}
	return e
}

func (s *sample) build(change func(*evidence.Ask)) *evidence.Report {
	s.Helper()
	ask := s.ask
	ask.Run = s.run
	if change != nil {
		change(&ask)
	}
	r, err := evidence.Build(context.Background(), s.journal, ask)
	if err != nil {
		s.Fatal(err)
	}
	return r
}
