package main

import (
	"path/filepath"
	"testing"

	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/wsman"
)

// Reading 600 rules costs the sign-on and at most 6 messages; a change, its look
// over a new connection and its confirm at most two sign-ons and 22.
func TestWindowsRequestsPerHost(t *testing.T) {
	f := winFarmOf(t, 1, winOptions{rules: windows.AppX("", windows.Foreign("", windows.BuiltIn(""), 600), 2000)})
	h := f.hosts[0]
	plan := filepath.Join(f.dir, "plan")
	for _, c := range []struct {
		name            string
		args            []string
		signOns, atMost int
	}{
		{"plan", []string{"plan", "-o", plan}, 1, 6},
		{"apply of a plan", []string{"apply", plan}, 2, 22},
		{"drift", []string{"drift"}, 1, 6},
		{"removal", []string{"remove", "-y"}, 2, 22},
		{"apply", []string{"apply", "-y"}, 2, 22},
		{"verify", []string{"verify"}, 1, 6},
	} {
		h.service.ResetCounts()
		f.must(exitOK, c.args)
		n := h.service.Counts()
		t.Logf("%s: %+v", c.name, n)
		if n.Connections > c.signOns || n.Logons > c.signOns || n.Messages > c.atMost {
			t.Errorf("%s: %d connections, %d sign-ons, %d messages; want at most %d and %d", c.name, n.Connections, n.Logons, n.Messages, c.signOns, c.atMost)
		}
		// A sign-on by NTLM is three requests of which the last may carry the first message.
		if handshakes := n.Requests - n.Messages; handshakes > 3*c.signOns {
			t.Errorf("%s: %d requests beside the messages", c.name, handshakes)
		}
		if n.Shells != 0 || n.Commands != 0 || n.Open != 0 || n.Unsealed != 0 {
			t.Errorf("%s: left behind: %+v", c.name, n)
		}
	}
	f.untouched()
}

// Many hosts cost no more each, and nothing is left open.
func TestWindowsHostsLeaveNothingOpen(t *testing.T) {
	n := 40
	f := winFarmOf(t, n, winOptions{})
	f.must(exitOK, []string{"plan"})
	f.must(exitOK, []string{"apply", "-y", "--serial", "1,25%,100%"}, "changed=40")
	var total wsman.Counts
	for _, h := range f.hosts {
		c := h.service.Counts()
		total.Open += c.Open
		total.Shells += c.Shells
		total.Commands += c.Commands
	}
	if total != (wsman.Counts{}) {
		t.Errorf("left behind: %+v", total)
	}
	f.settled()
}
