//go:build linux

package main

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// exchanges counts what OpenSSH's sshd has seen so far: log-ins and sessions.
func exchanges(t *testing.T, h *lab.Host) (connections, sessions int) {
	t.Helper()
	res, err := h.Exec(context.Background(), []string{"cat", "/var/log/sshd"}, nil)
	if err != nil || res.Code != 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	return strings.Count(string(res.Stdout), "Accepted publickey"), strings.Count(string(res.Stdout), "Starting session: command")
}

// A reading is one session; a change is at most two connections and four
// sessions, whatever the number of rules.
func TestAHostIsAskedSeldom(t *testing.T) {
	farm, inv := farmOf(t, 1, handWritten)
	h := farm.Hosts()[0]
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan")
	many := `{"farmwall_rules": [{"id": "many", "protocol": "tcp", "port": ["30000-30010", 31000, 32000], "remote": "10.0.0.0/8"}, {"id": "more", "protocol": "udp", "port": 5000}]}`
	for _, c := range []struct {
		name                  string
		args                  []string
		connections, sessions int
	}{
		{"plan", []string{"plan", "-i", inv, "-o", plan}, 1, 1},
		{"apply of a plan", []string{"apply", plan, "-y", "-i", inv}, 2, 4},
		{"drift", []string{"drift", "-i", inv}, 1, 1},
		{"removal", []string{"remove", "-y", "-i", inv}, 2, 4},
		{"apply", []string{"apply", "-y", "-i", inv}, 2, 4},
		{"apply with nothing to do", []string{"apply", "-y", "-i", inv}, 1, 1},
		{"verify", []string{"verify", "-i", inv}, 1, 1},
		{"plan of more rules", []string{"plan", "-i", inv, "-e", many, "-o", plan}, 1, 1},
		{"apply of more rules", []string{"apply", plan, "-y", "-i", inv, "-e", many}, 2, 4},
		{"drift with more rules", []string{"drift", "-i", inv, "-e", many}, 1, 1},
	} {
		connections, sessions := exchanges(t, h)
		if out, code := inFarm(t, farm, append(c.args, "--state", filepath.Join(dir, "state"))...); code != 0 {
			t.Fatalf("%s: exit %d\n%s", c.name, code, out)
		}
		nowConnections, nowSessions := exchanges(t, h)
		if got := nowConnections - connections; got < 1 || got > c.connections {
			t.Errorf("%s: %d connections, want at most %d", c.name, got, c.connections)
		}
		if got := nowSessions - sessions; got < 1 || got > c.sessions {
			t.Errorf("%s: %d sessions, want at most %d", c.name, got, c.sessions)
		}
	}
}
