package tasks

import (
	"context"
	"strings"
	"testing"

	"farmwall/inventory"
)

// dropsLater makes a foreign rule close a port while the change is in its window.
func dropsLater(h *fakeHost, port uint16) {
	h.fault = func(h *fakeHost, script string, _ int) fault {
		if script == "observe" && h.token == "armed" {
			h.wall.Foreign = []foreignRule{{port, "drop"}, {22, "accept"}, {3389, "accept"}}
		}
		return fine
	}
}

// What the change must not close is closed after it: the change is taken back,
// whoever closed it.
func TestAFlowIsLostInTheWindow(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		port uint16
		want Status
		says string
	}{
		"kept":                    {3389, Restored, "a kept flow was closed: tcp 3389, by foreign drop"},
		"wanted before and after": {443, Restored, "a flow that was open and is wanted (web) was closed: tcp 443"},
		"wanted only now":         {8443, NotOpen, "tcp 8443 (new) is closed by foreign drop"},
		"nobody's":                {9999, Changed, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFarm(t, 1)
			f.hosts[0].wall.Foreign = append(f.hosts[0].wall.Foreign, foreignRule{3389, "accept"})
			f.inv.Hosts[0].Keep = []inventory.KeptFlow{{Protocol: 6, Port: 3389}}
			f.want(f.apply(ctx, Rollout{}), Changed)
			f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, extra("new", "external", 8443))
			dropsLater(f.hosts[0], c.port)
			p, _ := f.plan()
			s := f.verb(f.runner.Apply(ctx, f.inv, p, Rollout{}))
			f.want(s, c.want)
			if !strings.Contains(s.Outcomes[0].Error, c.says) {
				t.Errorf("error = %q", s.Outcomes[0].Error)
			}
			if c.want == Restored {
				f.has(f.hosts[0], "member", "web")
			} else {
				f.has(f.hosts[0], "member", "new", "web")
			}
		})
	}
}

// A rollback of a run that opened ports closes them, and must not take itself
// back for it.
func TestARollbackMayCloseWhatTheRunOpened(t *testing.T) {
	ctx := context.Background()
	f := newFarm(t, 1)
	f.want(f.apply(ctx, Rollout{}), Changed)
	f.inv.Hosts[0].Rules = append(f.inv.Hosts[0].Rules, extra("new", "external", 8443))
	run := f.apply(ctx, Rollout{}).Run
	f.want(f.rollback(run), Changed)
	f.has(f.hosts[0], "member", "web")
}

// Our rules are not as the target says when the host is read again.
func TestOurRulesAreNotAsTheyShouldBe(t *testing.T) {
	f := newFarm(t, 1)
	f.hosts[0].fault = func(h *fakeHost, script string, _ int) fault {
		if script == "observe" && h.token == "armed" {
			h.wall.Loaded = h.wall.Loaded[:1]
		}
		return fine
	}
	s := f.apply(context.Background(), Rollout{})
	f.want(s, Restored)
	if !strings.Contains(s.Outcomes[0].Error, "add web") {
		t.Errorf("error = %q", s.Outcomes[0].Error)
	}
	f.has(f.hosts[0])
}
