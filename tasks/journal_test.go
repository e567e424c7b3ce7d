package tasks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

func openJournal(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func sampleSet(t testing.TB, ids ...string) rules.Set {
	t.Helper()
	members := rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("fd77::/64")})
	var list []rules.Rule
	for _, id := range ids {
		list = append(list, rules.Rule{ID: id, Farm: "farm", Direction: rules.In, Protocol: rules.TCP,
			Ports: []rules.PortRange{{First: 20002, Last: 20002}}, Remotes: members, Why: &rules.Why{Row: id}})
	}
	list = append(list, rules.Rule{ID: "zz-any", Farm: "farm", Direction: rules.In, Protocol: rules.UDP, Ports: []rules.PortRange{{First: 80, Last: 80}}})
	set, err := rules.NewSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// apply records one confirmed change of one host.
func recordChange(t *testing.T, j *Journal, run, host string, before, target rules.Set) {
	t.Helper()
	ctx := context.Background()
	steps := []error{
		j.Begin(ctx, RunRecord{ID: run, Verb: "apply", Controller: "ann@desk"}),
		j.Intend(ctx, HostRecord{Run: run, Farm: "farm", Host: host, Lease: 3, Before: before, Target: target, Undo: rules.Copy("undo of " + host), Ours: "aa"}),
		j.Finish(ctx, run, "farm", host, Changed, "", "bb"),
		j.End(ctx, run, 0),
	}
	for i, err := range steps {
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}

func TestJournalGivesBackWhatWasWritten(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	j := openJournal(t, dir)
	target := sampleSet(t, "a", "b")
	recordChange(t, j, "r1", "web1", nil, target)
	j.Close()

	j = openJournal(t, dir)
	last, err := j.Last(ctx, "farm", "web1")
	if err != nil || last == nil {
		t.Fatalf("last: %v, %v", last, err)
	}
	if !reflect.DeepEqual(last.Set, target) || last.Run != "r1" || last.Ours != "bb" || last.Digest != target.Digest() {
		t.Errorf("last = %+v", last)
	}
	run, err := j.Run(ctx, "r1")
	if err != nil {
		t.Fatal(err)
	}
	h := run.Hosts[0]
	if string(h.Undo) != "undo of web1" || h.Status != Changed || h.OursThen != "bb" || h.Lease != 3 || run.Ended.IsZero() {
		t.Errorf("run = %+v", run)
	}
	if known, err := j.Known(ctx); err != nil || !reflect.DeepEqual(known, [][2]string{{"farm", "web1"}}) {
		t.Errorf("known = %v, %v", known, err)
	}
	if _, err := j.Run(ctx, "nothing"); !errors.Is(err, ErrNoRun) {
		t.Errorf("unknown run: %v", err)
	}
	if other, err := j.Last(ctx, "other", "web1"); err != nil || other != nil {
		t.Errorf("another farm's host: %v, %v", other, err)
	}
}

func TestARemovedHostIsNotKnown(t *testing.T) {
	j := openJournal(t, t.TempDir())
	recordChange(t, j, "r1", "web1", nil, sampleSet(t, "a"))
	recordChange(t, j, "r2", "web1", sampleSet(t, "a"), rules.Set{})
	known, err := j.Known(context.Background())
	if err != nil || len(known) != 0 {
		t.Errorf("known = %v, %v", known, err)
	}
}

func TestAPlanIsAppliedOnce(t *testing.T) {
	ctx := context.Background()
	j := openJournal(t, t.TempDir())
	if err := j.Begin(ctx, RunRecord{ID: "r1", Verb: "apply", PlanDigest: "d1"}); err != nil {
		t.Fatal(err)
	}
	err := j.Begin(ctx, RunRecord{ID: "r2", Verb: "apply", PlanDigest: "d1"})
	if !errors.Is(err, ErrAppliedBefore) || !strings.Contains(err.Error(), "r1") {
		t.Errorf("second time: %v", err)
	}
	if known, _ := j.Knows(ctx, "r2"); known {
		t.Error("the refused run is in the journal")
	}
	if err := j.Begin(ctx, RunRecord{ID: "r3", Verb: "apply"}); err != nil {
		t.Errorf("a run without a plan: %v", err)
	}
}

func TestUnfinishedHostsAreFound(t *testing.T) {
	ctx := context.Background()
	j := openJournal(t, t.TempDir())
	if err := j.Begin(ctx, RunRecord{ID: "r1", Verb: "apply"}); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"a", "b"} {
		if err := j.Intend(ctx, HostRecord{Run: "r1", Farm: "farm", Host: host, Target: sampleSet(t, "x")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Finish(ctx, "r1", "farm", "a", Restored, "line broke", ""); err != nil {
		t.Fatal(err)
	}
	left, err := j.Unfinished(ctx)
	if err != nil || len(left) != 1 || left[0].Host != "b" {
		t.Fatalf("unfinished = %+v, %v", left, err)
	}
	// A second intent of the same run (taking back) does not hide the first one's outcome.
	if err := j.Intend(ctx, HostRecord{Run: "r1", Farm: "farm", Host: "a"}); err != nil {
		t.Fatal(err)
	}
	run, err := j.Run(ctx, "r1")
	if err != nil {
		t.Fatal(err)
	}
	if got := []Status{run.Hosts[0].Status, run.Hosts[1].Status, run.Hosts[2].Status}; !reflect.DeepEqual(got, []Status{Restored, "", ""}) {
		t.Errorf("statuses = %q", got)
	}
}

func TestVerifyFindsEveryChangedColumn(t *testing.T) {
	ctx := context.Background()
	for _, damage := range []string{
		`UPDATE entries SET time = '2001-01-01T00:00:00Z' WHERE n = 2`,
		`UPDATE entries SET kind = 'cycle' WHERE n = 1`,
		`UPDATE entries SET run = 'r9' WHERE n = 3`,
		`UPDATE entries SET farm = 'other' WHERE n = 3`,
		`UPDATE entries SET host = 'web2' WHERE n = 2`,
		`UPDATE entries SET status = 'ok' WHERE n = 3`,
		`UPDATE entries SET body = replace(body, 'ann', 'bob') WHERE n = 1`,
		`UPDATE entries SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE n = 4`,
		`DELETE FROM entries WHERE n = 2`,
		`DELETE FROM entries WHERE n = 4`,
		`DELETE FROM blobs WHERE hash = (SELECT json_extract(body, '$.undo') FROM entries WHERE n = 2)`,
		`UPDATE blobs SET data = (SELECT data FROM blobs ORDER BY hash LIMIT 1) WHERE hash = (SELECT hash FROM blobs ORDER BY hash DESC LIMIT 1)`,
	} {
		t.Run(damage, func(t *testing.T) {
			j := openJournal(t, t.TempDir())
			recordChange(t, j, "r1", "web1", nil, sampleSet(t, "a"))
			n, last, err := j.Verify(ctx)
			chain, _ := j.Chain(ctx)
			if err != nil || n != 4 || last == "" || last != chain {
				t.Fatalf("before: %d, %q, %v", n, last, err)
			}
			if _, err := j.db.Exec(damage); err != nil {
				t.Fatal(err)
			}
			if _, _, err := j.Verify(ctx); !errors.Is(err, ErrJournalDamaged) {
				t.Errorf("after: %v", err)
			}
		})
	}
}

func TestAListIsKeptOnce(t *testing.T) {
	j := openJournal(t, t.TempDir())
	set := sampleSet(t, "a", "b", "c")
	for i := range 20 {
		recordChange(t, j, fmt.Sprintf("r%d", i), fmt.Sprintf("h%d", i), nil, set)
	}
	var blobs int
	if err := j.db.QueryRow(`SELECT COUNT(*) FROM blobs`).Scan(&blobs); err != nil {
		t.Fatal(err)
	}
	// The target, the empty before, the list, no changes, and 20 undo copies.
	if blobs > 25 {
		t.Errorf("%d blobs for 20 hosts with one set", blobs)
	}
}

func TestJournalIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	openJournal(t, dir)
	for _, name := range []string{dir, filepath.Join(dir, "journal.db")} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// Two processes write at once; nothing is lost and the chain holds.
func TestTwoProcessesLoseNothing(t *testing.T) {
	const each = 40
	if dir := os.Getenv("FARMWALL_TEST_JOURNAL"); dir != "" {
		j := openJournal(t, dir)
		for i := range each {
			if err := j.Cycle(context.Background(), time.Now(), i, 0); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	dir := t.TempDir()
	openJournal(t, dir)
	var writers []*exec.Cmd
	for range 2 {
		c := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		c.Env = append(os.Environ(), "FARMWALL_TEST_JOURNAL="+dir)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		writers = append(writers, c)
	}
	for _, c := range writers {
		if err := c.Wait(); err != nil {
			t.Errorf("writer: %v", err)
		}
	}
	n, _, err := openJournal(t, dir).Verify(context.Background())
	if err != nil || n != 2*each {
		t.Errorf("%d entries, %v", n, err)
	}
}

func TestADamagedFileIsAnErrorNotAnEmptyJournal(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "journal.db"), []byte(strings.Repeat("no database ", 200)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(dir); err == nil {
		t.Error("opened")
	}
}

var _ Keeper = (*Journal)(nil)
var _ queryer = (*sql.Tx)(nil)
