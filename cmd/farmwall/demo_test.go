//go:build linux

package main

import (
	"strings"
	"testing"

	"farmwall/inventory"
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
		"refused: rds2: plan: winrm: tcp 5985 from 10.99.0.254 must stay open",
		"restored: lb1: 1 change: redial",
		"Drift: 13 to add, 1 to change, 0 to remove on 2 hosts; 11 hosts without drift",
		"changed=13",
		"entries, none changed",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
}

// The demo's farm has every role that a server can have.
func TestDemoHasEveryRole(t *testing.T) {
	there := map[string]bool{}
	for _, h := range demoHosts() {
		there[h.role] = true
	}
	for _, role := range roleNames() {
		if r, _ := inventory.ParseRole(role); !there[string(r)] {
			t.Errorf("no host is %s", r)
		}
	}
}
