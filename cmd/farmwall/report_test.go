//go:build linux

package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
	"farmwall/tasks/evidence"
)

// A farm is applied, verified, damaged and looked at for drift; each leaves a report
// that says what was true.
func TestReportsSayWhatWasDoneAndSeen(t *testing.T) {
	farm, source := farmOf(t, 2, handWritten)
	f, err := os.OpenFile(source, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("portal=https://admin:canary-url-Zq7@portal.example/\n"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	state := filepath.Join(t.TempDir(), "state")
	use := func(want int, args ...string) string {
		t.Helper()
		out, code := inFarm(t, farm, append(args, "-i", source, "--state", state)...)
		if code != want {
			t.Fatalf("farmwall %v: exit %d, want %d\n%s", args, code, want, out)
		}
		return out
	}
	report := func(args ...string) *evidence.Report {
		t.Helper()
		path := filepath.Join(t.TempDir(), "report.json")
		use(exitOK, append([]string{"report", "--format", "json", "-o", path}, args...)...)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file's mode is %v, %v", info.Mode(), err)
		}
		var r evidence.Report
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		return &r
	}

	use(exitOK, "apply", "-y")
	r := report("--latest")
	if r.Scope.Verb != "apply" || len(r.Hosts) != 2 || len(r.Runs) != 1 || r.Runs[0].Exit == nil || *r.Runs[0].Exit != 0 || r.Chain.Damage != "" || r.Chain.Entries == 0 {
		t.Fatalf("after apply: %+v", r)
	}
	for _, h := range r.Hosts {
		if h.Status != tasks.Changed || len(h.Changes) == 0 || len(h.Steps) < 5 || h.At.Line == 0 || h.Manager != "nftables" {
			t.Errorf("%+v", h)
		}
		if h.Before == nil || h.After == nil || h.Before.Open != 0 || h.After.Open != h.After.Wanted || h.After.Wanted == 0 || h.After.Beyond != 0 {
			t.Errorf("%s: exposure %+v, then %+v", h.Host, h.Before, h.After)
		}
		for _, o := range h.Openings {
			if o.Answer != rules.Allowed || o.Before != rules.Denied || !strings.Contains(o.By, "farmwall:") || o.Row != o.Rule {
				t.Errorf("%s: %+v", h.Host, o)
			}
			if !o.From.Anywhere && o.Others != rules.Denied {
				t.Errorf("%s: others meet %q at %s", h.Host, o.Others, o.Rule)
			}
		}
	}
	applied := r.Scope.Run
	use(exitOK, "verify")
	if r = report(); r.Scope.Verb != "verify" || len(r.Hosts) != 2 || r.Hosts[0].Status != tasks.OK || r.Totals.Flows[rules.Allowed] == 0 || r.Totals.Flows[rules.Denied] != 0 {
		t.Errorf("after verify: %+v", r)
	}
	if r = report(applied); r.Scope.Run != applied || r.Hosts[0].Status != tasks.Changed {
		t.Errorf("of the first run: %+v", r)
	}

	use(exitOK, "drift")
	if r = report(); r.Scope.Verb != "drift" || len(r.Cycles) != 1 || r.Cycles[0].Differing != 0 || len(r.Notes) == 0 {
		t.Errorf("after a cycle without differences: %+v", r)
	}
	if res, err := farm.Hosts()[0].Exec(context.Background(), []string{"nft", "flush", "chain", "inet", "filter", "farmwall_in"}, nil); err != nil || res.Code != 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	use(exitDiffers, "drift")
	r = report()
	if h := r.Hosts[0]; h.Status != tasks.Differs || h.Cause != "host" || len(h.Changes) == 0 || h.After == nil || r.Cycles[0].Differing != 1 {
		t.Errorf("after a difference: %+v", r)
	}
	if sarif := use(exitOK, "report", "--format", "sarif"); !strings.Contains(sarif, `"ruleId": "drift"`) || !strings.Contains(sarif, "hosts.ini") {
		t.Errorf("SARIF has no drift:\n%s", sarif)
	}
	if r = report("--since", "1h"); len(r.Runs) != 2 || len(r.Cycles) != 2 || len(r.Hosts) != 2 || r.Exposure.Before == nil {
		t.Errorf("of the last hour: %d runs, %d cycles, %d hosts", len(r.Runs), len(r.Cycles), len(r.Hosts))
	}
	for _, format := range reportFormats().names() {
		if out := use(exitOK, "report", "--since", "1h", "--format", format); strings.Contains(out, "canary") || len(out) < 100 {
			t.Errorf("%s: %.300s", format, out)
		}
	}
	if out := use(exitOK, "graph"); !strings.Contains(out, `class="wire bad"`) || strings.Contains(out, "canary") {
		t.Errorf("the map does not show what is closed: %.300s", out)
	}
	damagedJournals(t, state, use)
}

// damagedJournals: a report of a journal that was changed says so, and one of a newer
// farmwall is refused.
func damagedJournals(t *testing.T, state string, use func(int, ...string) string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(state, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct {
		do   string
		exit int
		want string
	}{
		{`UPDATE entries SET host = 'other' WHERE kind = 'evidence' AND n = (SELECT MIN(n) FROM entries WHERE kind = 'evidence')`, exitOK, "NOT what was written"},
		{`PRAGMA user_version = 1000`, exitNotStarted, "written by a newer farmwall: format 1000"},
	} {
		if _, err := db.Exec(c.do); err != nil {
			t.Fatal(err)
		}
		if out := use(c.exit, "report", "--format", "markdown"); !strings.Contains(out, c.want) {
			t.Errorf("%s: %.400s", c.do, out)
		}
	}
}
