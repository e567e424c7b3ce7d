package tasks

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"farmwall/rules"
)

// dated is a journal whose clock the test sets.
func dated(t *testing.T) (*Journal, *clock) {
	j := openJournal(t, t.TempDir())
	c := &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	j.now = c.Now
	fast(t, j)
	return j, c
}

// fast leaves out what only a power cut would show.
func fast(t *testing.T, j *Journal) {
	t.Helper()
	if _, err := j.db.Exec(`PRAGMA synchronous = OFF`); err != nil {
		t.Fatal(err)
	}
}

func (c *clock) days(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.AddDate(0, 0, n)
}

func prune(t *testing.T, j *Journal, c *clock, days int) Pruned {
	t.Helper()
	done, err := j.Prune(context.Background(), c.Now().AddDate(0, 0, -days), 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Verify(context.Background()); err != nil {
		t.Fatalf("after pruning: %v", err)
	}
	return done
}

func countRows(t *testing.T, j *Journal, table string) (n int) {
	t.Helper()
	if err := j.db.QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPruningKeepsWhatHostsNeed(t *testing.T) {
	ctx := context.Background()
	j, c := dated(t)
	a, b := sampleSet(t, "a"), sampleSet(t, "a", "b")
	recordChange(t, j, "r1", "web1", nil, a) // web1 has a later one
	recordChange(t, j, "r2", "web2", nil, a) // still what web2 has
	if err := j.Begin(ctx, RunRecord{ID: "r3", Verb: "apply", PlanDigest: "plan3"}); err != nil {
		t.Fatal(err)
	}
	if err := j.Intend(ctx, HostRecord{Run: "r3", Farm: "farm", Host: "web3", Target: b, Undo: rules.Copy("undo")}); err != nil {
		t.Fatal(err) // and is never finished
	}
	if err := j.Begin(ctx, RunRecord{ID: "r4", Verb: "apply", PlanDigest: "plan4"}); err != nil {
		t.Fatal(err)
	}
	if err := j.End(ctx, "r4", 0); err != nil {
		t.Fatal(err) // did nothing
	}
	if err := j.Begin(ctx, RunRecord{ID: "r0", Verb: "apply"}); err != nil {
		t.Fatal(err) // and is broken off
	}
	for range 30 {
		if err := j.Cycle(ctx, c.Now(), 3, 0); err != nil {
			t.Fatal(err)
		}
	}
	c.days(500)
	recordChange(t, j, "r5", "web1", a, b)
	c.days(10)
	before, _ := j.Chain(ctx)
	runs := map[string]*RunRecord{}
	for _, id := range []string{"r0", "r2", "r3", "r5"} {
		runs[id], _ = j.Run(ctx, id)
	}
	done := prune(t, j, c, 400)
	if done.Entries != 36 { // r1, r4 and the cycles
		t.Errorf("pruned %+v", done)
	}
	if after, _ := j.Chain(ctx); after == before || after == "" {
		t.Error("the checkpoint is no part of the chain")
	}
	for id, want := range runs {
		if got, err := j.Run(ctx, id); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("run %s: %+v, %v", id, got, err)
		}
	}
	for host, want := range map[string]rules.Set{"web1": b, "web2": a} {
		if last, err := j.Last(ctx, "farm", host); err != nil || last == nil || !reflect.DeepEqual(last.Set, want) {
			t.Errorf("%s: last %+v, %v", host, last, err)
		}
	}
	if left, err := j.Unfinished(ctx); err != nil || len(left) != 1 || left[0].Host != "web3" || string(left[0].Undo) != "undo" {
		t.Errorf("unfinished: %+v, %v", left, err)
	}
	if _, err := j.Run(ctx, "r1"); !errors.Is(err, ErrNoRun) {
		t.Errorf("r1: %v", err)
	}
	// A host whose record names a run that is gone is not another controller's.
	for id, want := range map[string]bool{"r1": true, "r4": true, "r2": true, "r9": false} {
		if known, err := j.Knows(ctx, id); err != nil || known != want {
			t.Errorf("knows %s: %v, %v", id, known, err)
		}
	}
	for _, plan := range []string{"plan3", "plan4"} {
		if err := j.Begin(ctx, RunRecord{ID: "r6", Verb: "apply", PlanDigest: plan}); !errors.Is(err, ErrAppliedBefore) {
			t.Errorf("%s again: %v", plan, err)
		}
	}
	if again := prune(t, j, c, 400); again.Entries != 0 {
		t.Errorf("the second time: %+v", again)
	}
	if err := j.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.Verify(ctx); err != nil {
		t.Errorf("after compacting: %v", err)
	}
	// What was kept for its sake goes once the host has something newer.
	recordChange(t, j, "r7", "web2", a, b)
	if err := j.Finish(ctx, "r3", "farm", "web3", Restored, "", ""); err != nil {
		t.Fatal(err)
	}
	if err := j.End(ctx, "r3", 3); err != nil {
		t.Fatal(err)
	}
	c.days(450)
	recordChange(t, j, "r8", "web1", b, a)
	blobs := countRows(t, j, "blobs")
	if done := prune(t, j, c, 400); done.Entries == 0 || done.Blobs == 0 || countRows(t, j, "blobs") >= blobs {
		t.Errorf("pruned %+v, %d blobs of %d", done, countRows(t, j, "blobs"), blobs)
	}
	for _, id := range []string{"r2", "r3", "r5"} {
		if _, err := j.Run(ctx, id); !errors.Is(err, ErrNoRun) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if last, err := j.Last(ctx, "farm", "web2"); err != nil || last.Run != "r7" {
		t.Errorf("web2: %+v, %v", last, err)
	}
}

// A run of which some entries are older than the cut stays whole.
func TestPruningCutsNoRunInTwo(t *testing.T) {
	ctx := context.Background()
	j, c := dated(t)
	if err := j.Begin(ctx, RunRecord{ID: "long", Verb: "apply"}); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a", "b"} {
		if err := j.Intend(ctx, HostRecord{Run: "long", Farm: "farm", Host: host, Target: sampleSet(t, host), Undo: rules.Copy(host)}); err != nil {
			t.Fatal(err)
		}
		if err := j.Finish(ctx, "long", "farm", host, Changed, "", host); err != nil {
			t.Fatal(err)
		}
		c.days(20)
	}
	if err := j.End(ctx, "long", 0); err != nil {
		t.Fatal(err)
	}
	recordChange(t, j, "next", "a", sampleSet(t, "a"), nil)
	recordChange(t, j, "next2", "b", sampleSet(t, "b"), nil)
	want, _ := j.Run(ctx, "long")
	prune(t, j, c, 10)
	if got, err := j.Run(ctx, "long"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAChangedByteIsFoundAfterPruning(t *testing.T) {
	ctx := context.Background()
	for _, damage := range []string{
		`UPDATE entries SET time = '2001-01-01T00:00:00Z' WHERE run = 'r2' AND kind = 'intend'`,
		`UPDATE entries SET body = replace(body, 'ann', 'bob') WHERE run = 'r2' AND kind = 'begin'`,
		`UPDATE entries SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE run = 'r2' AND kind = 'end'`,
		`DELETE FROM entries WHERE run = 'r2' AND kind = 'begin'`,
		`DELETE FROM entries WHERE run = 'r2' AND kind = 'end'`,
		`UPDATE entries SET status = 'ok' WHERE run = 'r5' AND kind = 'finish'`,
		`DELETE FROM entries WHERE run = 'r5' AND kind = 'begin'`,
		`DELETE FROM entries WHERE kind = 'checkpoint'`,
		`UPDATE entries SET body = replace(body, '"through":', '"through":1') WHERE kind = 'checkpoint'`,
		`UPDATE entries SET body = replace(body, '"dropped":', '"dropped":1') WHERE kind = 'checkpoint'`,
		`UPDATE blobs SET data = (SELECT data FROM blobs ORDER BY hash LIMIT 1) WHERE hash = (SELECT json_extract(body, '$.rest') FROM entries WHERE kind = 'checkpoint')`,
		`DELETE FROM blobs WHERE hash = (SELECT json_extract(body, '$.undo') FROM entries WHERE run = 'r2' AND kind = 'intend')`,
		`INSERT INTO entries (n, time, kind, run, farm, host, status, body, hash) SELECT 2, time, kind, run, farm, host, status, body, hash FROM entries WHERE run = 'r2' AND kind = 'begin'`,
	} {
		t.Run(damage, func(t *testing.T) {
			j, c := dated(t)
			recordChange(t, j, "r1", "web1", nil, sampleSet(t, "a"))
			recordChange(t, j, "r2", "web2", nil, sampleSet(t, "a"))
			c.days(500)
			recordChange(t, j, "r5", "web1", nil, sampleSet(t, "b"))
			prune(t, j, c, 400)
			if _, err := j.db.Exec(damage); err != nil {
				t.Fatal(err)
			}
			if _, _, err := j.Verify(ctx); !errors.Is(err, ErrJournalDamaged) {
				t.Errorf("verify: %v", err)
			}
			c.days(500)
			entries := countRows(t, j, "entries")
			// Missing copies are found by who needs them.
			if done, err := j.Prune(ctx, c.Now().AddDate(0, 0, -400), 0); damage[:17] != "DELETE FROM blobs" && (done.Entries != 0 || countRows(t, j, "entries") != entries) {
				t.Errorf("a changed journal was pruned: %+v, %v", done, err)
			}
		})
	}
}

// Any history, pruned again and again, answers as the same history that was not.
func TestPruningChangesNoAnswer(t *testing.T) {
	ctx := context.Background()
	rounds, seed := 1, uint64(time.Now().UnixNano())
	if os.Getenv("FARMWALL_SOAK") == "1" {
		rounds = 40
	}
	t.Logf("seed %d", seed)
	dropped := int64(0)
	for round := range rounds {
		r := rand.New(rand.NewPCG(seed, uint64(round)))
		whole, cut := openJournal(t, t.TempDir()), openJournal(t, t.TempDir())
		c := &clock{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		whole.now, cut.now = c.Now, c.Now
		fast(t, whole)
		fast(t, cut)
		for i := range 15 {
			run := fmt.Sprintf("run-%02d", i)
			hosts := []string{"a", "b", "c"}[:1+r.IntN(3)]
			ends := make([]Status, len(hosts))
			for k := range hosts {
				ends[k] = []Status{Changed, Changed, Changed, Restored, ""}[r.IntN(5)]
			}
			target := sampleSet(t, fmt.Sprintf("x%d", r.IntN(3)))
			days, end := r.IntN(3), r.IntN(8) > 0
			for _, j := range []*Journal{whole, cut} {
				if err := j.Begin(ctx, RunRecord{ID: run, Verb: "apply", Controller: "ann@desk", PlanDigest: run}); err != nil {
					t.Fatal(err)
				}
				for k, h := range hosts {
					if err := j.Intend(ctx, HostRecord{Run: run, Farm: "farm", Host: h, Target: target, Undo: rules.Copy(run + h)}); err != nil {
						t.Fatal(err)
					}
					if ends[k] == "" {
						continue
					}
					if err := j.Finish(ctx, run, "farm", h, ends[k], "", run); err != nil {
						t.Fatal(err)
					}
				}
				if end {
					if err := j.End(ctx, run, 0); err != nil {
						t.Fatal(err)
					}
				}
			}
			c.days(days)
			if r.IntN(4) > 0 {
				continue
			}
			dropped += prune(t, cut, c, 5).Entries
			same := func(what string, a, b any) {
				t.Helper()
				if !reflect.DeepEqual(a, b) {
					t.Fatalf("round %d, %s: %s: %+v, pruned %+v", round, run, what, a, b)
				}
			}
			for _, h := range []string{"a", "b", "c"} {
				x, _ := whole.Last(ctx, "farm", h)
				y, err := cut.Last(ctx, "farm", h)
				same("last of "+h+fmt.Sprint(err), x, y)
			}
			x, _ := whole.Known(ctx)
			y, _ := cut.Known(ctx)
			same("known", x, y)
			u, _ := whole.Unfinished(ctx)
			v, _ := cut.Unfinished(ctx)
			same("unfinished", u, v)
		}
		kept, err := cut.Runs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range kept {
			x, _ := whole.Run(ctx, k.ID)
			if y, err := cut.Run(ctx, k.ID); err != nil || !reflect.DeepEqual(x, y) {
				t.Errorf("run %s: %+v, %v", k.ID, y, err)
			}
		}
	}
	t.Logf("%d entries pruned in %d rounds", dropped, rounds)
	if dropped == 0 && rounds > 1 {
		t.Error("nothing was pruned")
	}
}
