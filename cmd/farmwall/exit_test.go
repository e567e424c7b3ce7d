package main

import (
	"bytes"
	"testing"

	"farmwall/tasks"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		verb     string
		detailed bool
		statuses []tasks.Status
		want     int
	}{
		{"plan", false, nil, exitOK},
		{"plan", false, []tasks.Status{tasks.Differs, tasks.OK}, exitOK},
		{"plan", true, []tasks.Status{tasks.Differs, tasks.OK}, exitDiffers},
		{"plan", true, []tasks.Status{tasks.PendingOnly}, exitDiffers},
		{"plan", false, []tasks.Status{tasks.NotOpen}, exitOK},
		{"plan", false, []tasks.Status{tasks.Refused, tasks.Differs}, exitFailed},
		{"drift", false, []tasks.Status{tasks.PendingOnly}, exitOK},
		{"drift", false, []tasks.Status{tasks.Differs}, exitDiffers},
		{"drift", false, []tasks.Status{tasks.Foreign}, exitDiffers},
		{"drift", false, []tasks.Status{tasks.Changed}, exitOK},
		{"drift", true, []tasks.Status{tasks.Changed}, exitDiffers},
		{"apply", true, []tasks.Status{tasks.Changed}, exitOK},
		{"apply", false, []tasks.Status{tasks.Restored, tasks.Unreachable}, exitFailed},
		{"apply", false, []tasks.Status{tasks.Unreachable, tasks.Stale, tasks.LeaseTaken}, exitUnreachable},
		{"apply", false, []tasks.Status{tasks.Stale, tasks.LeaseTaken}, exitStale},
		{"apply", false, []tasks.Status{tasks.LeaseTaken, tasks.Differs}, exitLease},
		{"apply", false, []tasks.Status{tasks.NotOpen, tasks.Failed}, exitNotOpen},
		{"apply", false, []tasks.Status{tasks.NotOpen, tasks.Failed, tasks.Doubtful}, exitDoubtful},
		{"apply", false, []tasks.Status{tasks.Skipped}, exitOK},
	} {
		s := &tasks.Summary{Verb: c.verb}
		for _, status := range c.statuses {
			s.Outcomes = append(s.Outcomes, tasks.Outcome{Status: status})
		}
		if got := exitOf(s, c.detailed); got != c.want {
			t.Errorf("%s (detailed %v) with %v: exit %d, want %d", c.verb, c.detailed, c.statuses, got, c.want)
		}
		s.Interrupted = true
		want := exitInterrupted
		if c.want == exitDoubtful {
			want = exitDoubtful
		}
		if got := exitOf(s, c.detailed); got != want {
			t.Errorf("%s interrupted with %v: exit %d, want %d", c.verb, c.statuses, got, want)
		}
	}
}

func TestEveryExitHasAMeaning(t *testing.T) {
	known := map[int]bool{}
	for _, m := range exits() {
		known[m.Code] = true
	}
	for _, code := range precedence() {
		if !known[code] {
			t.Errorf("exit %d has no meaning", code)
		}
	}
	var out bytes.Buffer
	if err := (&program{stdout: &out}).showExits(); err != nil || !bytes.Contains(out.Bytes(), []byte("130   interrupted")) {
		t.Errorf("%v\n%s", err, out.String())
	}
}
