package tasks

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

func sampleEvidence(t testing.TB, run, host string) Evidence {
	right := true
	return Evidence{Run: run, Farm: "farm", Host: host, Verb: "apply", At: inventory.Position{File: "farm.ini", Line: 7},
		Roles: []inventory.Role{inventory.Gateway}, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, System: "Debian", Manager: "nftables",
		Status: Changed, Cause: "host", Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Elapsed: time.Second,
		Steps: []StepTime{{"dial", 0}, {"arm", time.Millisecond}}, Wanted: sampleSet(t, "a", "b"),
		Before:   &Sight{Flows: []SeenFlow{{Rule: "a", Direction: rules.In, Protocol: 6, Port: 443, Answer: rules.Denied, By: "policy drop"}}, Pairs: &Pairs{Wanted: 3, Closed: 3}},
		After:    &Sight{Flows: []SeenFlow{{Rule: "a", Direction: rules.In, Protocol: 6, Port: 443, Answer: rules.Allowed, Part: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, PartMore: 2}}, Pairs: &Pairs{Wanted: 3, Open: 3}},
		Changes:  []rules.Change{{Verb: rules.Add, Want: &rules.Rule{ID: "a", Farm: "farm", Direction: rules.In, Protocol: 6}}},
		Pending:  []rules.Change{{Verb: rules.Repair, Note: "unit"}},
		Probes:   []Probed{{Rule: "a", From: "x", To: host, Protocol: "tcp", Port: 443, Wanted: true, Answer: ProbeConnected, Right: &right}},
		Findings: []rules.Finding{{Kind: "nat", Text: "behind NAT"}}, Warnings: []string{"look"}}
}

func TestEvidenceComesBackAsItWas(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	j := openJournal(t, dir)
	want := sampleEvidence(t, "r1", "gw1")
	if err := j.Witness(ctx, []Evidence{want, sampleEvidence(t, "r2", "gw1"), sampleEvidence(t, "r2", "gw2")}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Verify(ctx); err != nil {
		t.Fatalf("the chain: %v", err)
	}
	j.Close()
	j = openJournal(t, dir)
	got, err := j.EvidenceOf(ctx, "r1")
	if err != nil || len(got) != 1 || got[0].Time.IsZero() {
		t.Fatalf("%+v, %v", got, err)
	}
	got[0].Time = time.Time{}
	if !reflect.DeepEqual(got[0], want) {
		t.Errorf("got\n%+v\nwant\n%+v", got[0], want)
	}
	last, err := j.LatestEvidence(ctx, time.Time{})
	if err != nil || len(last) != 2 || last[0].Run != "r2" || last[1].Host != "gw2" {
		t.Errorf("latest: %+v, %v", last, err)
	}
	first, err := j.FirstEvidence(ctx, time.Time{})
	if err != nil || len(first) != 2 || first[0].Run != "r1" || first[1].Run != "r2" {
		t.Errorf("first: %+v, %v", first, err)
	}
	if later, err := j.LatestEvidence(ctx, time.Now().Add(time.Hour)); err != nil || len(later) != 0 {
		t.Errorf("of the future: %+v, %v", later, err)
	}
}

func TestLaterEvidenceOfARunIsJoined(t *testing.T) {
	ctx := context.Background()
	j := openJournal(t, t.TempDir())
	early := sampleEvidence(t, "r1", "gw1")
	early.Probes = nil
	late := Evidence{Run: "r1", Farm: "farm", Host: "gw1", Status: NotOpen, Step: "probe", Error: "filtered", Probes: sampleEvidence(t, "r1", "gw1").Probes}
	if err := j.Witness(ctx, []Evidence{early, late}); err != nil {
		t.Fatal(err)
	}
	got, err := j.EvidenceOf(ctx, "r1")
	if err != nil || len(got) != 1 || got[0].Status != NotOpen || got[0].Error != "filtered" || len(got[0].Probes) != 1 || got[0].After == nil || len(got[0].Wanted) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEvidenceOfEqualHostsIsKeptOnce(t *testing.T) {
	j := openJournal(t, t.TempDir())
	var seen []Evidence
	for i := range 200 {
		seen = append(seen, sampleEvidence(t, "r1", fmt.Sprintf("gw%d", i)))
		seen[i].Probes = nil
	}
	if err := j.Witness(context.Background(), seen); err != nil {
		t.Fatal(err)
	}
	var blobs int
	if err := j.db.QueryRow(`SELECT COUNT(*) FROM blobs`).Scan(&blobs); err != nil || blobs > 6 {
		t.Errorf("%d blobs, %v", blobs, err)
	}
}

func TestVerifyFindsChangedEvidence(t *testing.T) {
	ctx := context.Background()
	for _, damage := range []string{
		`UPDATE entries SET body = replace(body, 'nftables', 'ufw') WHERE kind = 'evidence'`,
		`DELETE FROM blobs WHERE hash = (SELECT json_extract(body, '$.after.flows') FROM entries WHERE kind = 'evidence')`,
		`DELETE FROM blobs WHERE hash = (SELECT json_extract(body, '$.wanted') FROM entries WHERE kind = 'evidence')`,
		`DELETE FROM blobs WHERE hash = (SELECT json_extract(body, '$.probes') FROM entries WHERE kind = 'evidence')`,
		`DELETE FROM blobs WHERE hash = (SELECT json_extract(body, '$.hosts') FROM entries WHERE kind = 'summary')`,
	} {
		j := openJournal(t, t.TempDir())
		if err := errors.Join(j.Witness(ctx, []Evidence{sampleEvidence(t, "r1", "gw1")}), j.Summarise(ctx, SummaryRecord{Run: "r1", Verb: "apply", Hosts: []Brief{{Host: "gw1", Status: OK}}})); err != nil {
			t.Fatal(err)
		}
		if n, _, err := j.Verify(ctx); err != nil || n != 2 {
			t.Fatalf("before: %d, %v", n, err)
		}
		if _, err := j.db.Exec(damage); err != nil {
			t.Fatal(err)
		}
		if _, _, err := j.Verify(ctx); !errors.Is(err, ErrJournalDamaged) {
			t.Errorf("%s: %v", damage, err)
		}
	}
}

func TestSummariesAndCyclesComeBack(t *testing.T) {
	ctx := context.Background()
	j := openJournal(t, t.TempDir())
	want := SummaryRecord{Run: "r1", Verb: "verify", Controller: "ann@desk", Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Exit: 8,
		Farms: []Count{{"farm", 2}}, Hosts: []Brief{{Host: "gw1", Farm: "farm", At: inventory.Position{File: "f", Line: 2}, Status: NotOpen, Error: "closed"}, {Host: "gw2", Status: OK}}}
	if err := errors.Join(j.Summarise(ctx, want), j.Cycle(ctx, time.Now(), 20, 3), j.Cycle(ctx, time.Now(), 20, 0)); err != nil {
		t.Fatal(err)
	}
	got, err := j.Summary(ctx, "r1")
	if err != nil || got == nil || got.Ended.IsZero() {
		t.Fatalf("%+v, %v", got, err)
	}
	got.Ended = time.Time{}
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("got %+v", got)
	}
	if none, err := j.Summary(ctx, "r2"); none != nil || err != nil {
		t.Errorf("unknown: %+v, %v", none, err)
	}
	if all, err := j.Summaries(ctx, time.Time{}); err != nil || len(all) != 1 || all[0].Hosts != nil || all[0].Run != "r1" {
		t.Errorf("all: %+v, %v", all, err)
	}
	cycles, err := j.Cycles(ctx, time.Now().Add(-time.Hour))
	if err != nil || len(cycles) != 2 || cycles[0].Differing != 3 || cycles[1].Hosts != 20 || cycles[0].Time.IsZero() {
		t.Errorf("cycles: %+v, %v", cycles, err)
	}
}

func TestAJournalOfANewerFormatIsRefused(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := openJournal(t, dir)
	recordChange(t, j, "r1", "web1", nil, sampleSet(t, "a"))
	if _, err := j.db.Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	j.Close()
	_, err := OpenJournal(dir)
	if !errors.Is(err, ErrJournalNewer) || !strings.Contains(err.Error(), "99") || !strings.Contains(err.Error(), dir) {
		t.Fatalf("newer: %v", err)
	}
}

func TestAJournalOfAnOlderFormatIsRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	j := openJournal(t, dir)
	recordChange(t, j, "r1", "web1", nil, sampleSet(t, "a"))
	if _, err := j.db.Exec(`PRAGMA user_version = 0`); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = openJournal(t, dir)
	if run, err := j.Run(context.Background(), "r1"); err != nil || len(run.Hosts) != 1 {
		t.Errorf("%+v, %v", run, err)
	}
	if seen, err := j.EvidenceOf(context.Background(), "r1"); err != nil || len(seen) != 0 {
		t.Errorf("%+v, %v", seen, err)
	}
}

// A verb of a farm leaves evidence of what it saw; the rows are few.
func TestVerbsLeaveEvidence(t *testing.T) {
	f := newFarm(t, 3)
	s := f.apply(context.Background(), Rollout{})
	f.want(s, Changed, Changed, Changed)
	if len(f.keeper.seen) != 3 || len(f.keeper.summaries) != 1 || f.keeper.summaries[0].Run != s.Run || len(f.keeper.summaries[0].Hosts) != 3 {
		t.Fatalf("%d evidence, %+v", len(f.keeper.seen), f.keeper.summaries)
	}
	e := f.keeper.seen[0]
	if e.Run != s.Run || e.Verb != "apply" || e.Before == nil || e.After == nil || len(e.Wanted) == 0 || len(e.Steps) < 5 || len(e.Changes) == 0 {
		t.Errorf("%+v", e)
	}
	// Before, nothing of 443 (3 sources) and 20002 (2 members) was open; after, all of it.
	if b, a := *e.Before.Pairs, *e.After.Pairs; b != (Pairs{Wanted: 5, Closed: 5}) || a != (Pairs{Wanted: 5, Open: 5}) {
		t.Errorf("pairs %+v, then %+v", b, a)
	}
	v := f.verb(f.runner.Verify(context.Background(), f.inv, f.inv.Hosts, VerifyOptions{}))
	if len(f.keeper.seen) != 6 || len(f.keeper.summaries) != 2 || v.Look == "" || f.keeper.seen[3].Run != v.Look || f.keeper.seen[3].After.Pairs.Open != 5 {
		t.Errorf("verify left %d, %+v", len(f.keeper.seen), f.keeper.summaries)
	}
	before := f.keeper.writes
	f.verb(f.runner.Drift(context.Background(), f.inv, f.inv.Hosts, DriftOptions{}))
	if f.keeper.writes != before+1 {
		t.Errorf("a cycle without differences wrote %d rows", f.keeper.writes-before)
	}
}
