package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
)

// Each host has a line of its own, so the last line names none.
func TestTheLastJSONLineNamesNoHost(t *testing.T) {
	var out bytes.Buffer
	s := &tasks.Summary{Verb: "drift", Outcomes: []tasks.Outcome{{Host: "gw1", Status: tasks.OK}}}
	if err := newJSONLines(&out).summary(s, exitOK); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var end map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil || len(lines) != 2 {
		t.Fatalf("%v in\n%s", err, out.String())
	}
	if _, there := end["hosts"]; there || end["event"] != "end" || end["exit"] != 0.0 {
		t.Errorf("%v", end)
	}
}

// Names in JSON are small letters, whatever the program calls its fields.
func TestPingsJSONHasNamesInSmallLetters(t *testing.T) {
	var out bytes.Buffer
	pong := tasks.Pong{Lease: rules.Lease{Number: 3, Holder: "a", Run: "r", Since: 1}, Token: rules.Token{State: "armed", Left: 1}, Record: rules.Record{Run: "r"}}
	p := &jsonPrinter{w: &out, progress: newProgress(&bytes.Buffer{}, colours{}, 0)}
	if err := p.pongs([]tasks.Pong{pong}, &tasks.Summary{Verb: "ping"}, exitOK); err != nil {
		t.Fatal(err)
	}
	for _, field := range strings.Split(out.String(), "\n") {
		if name, _, ok := strings.Cut(strings.TrimSpace(field), ":"); ok && name != strings.ToLower(name) {
			t.Errorf("a name with capitals: %s", name)
		}
	}
}
