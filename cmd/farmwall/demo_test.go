//go:build linux

package main

import (
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// The demo is the whole story: every step must end with the exit code that it
// tells, within a minute.
func TestDemoTellsItsStory(t *testing.T) {
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	out, code := farmwall(t, "demo", "--no-color")
	if code != exitOK {
		t.Fatalf("exit %d\n%s", code, out)
	}
	for _, want := range []string{
		"== A lock-out",
		"restored: rds1: 1 change: redial",
		"Drift: 12 to add, 0 to change, 0 to remove on 1 host; 3 hosts without drift",
		"entries, none changed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
}
