//go:build linux

package iptables_test

import (
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// TestChangeInEveryShell walks through change, revert, confirm and removal.
func TestChangeInEveryShell(t *testing.T) {
	for shell, backend := range map[string]string{"dash": "legacy", "bash": "nft", "busybox": "legacy"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, shell)
			h.restore(hosts["default drop"].with(backend))
			before := h.Ruleset()
			first := h.Apply(someSet(t))
			if s := h.State(); s.Manager != "iptables" || s.Token.State != "armed" || first.Ours != s.Ours {
				t.Errorf("%+v, and the change says that ours is %s", s, first.Ours)
			}
			if r := h.Revert(first.Lease); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := h.Ruleset(); after != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
			}
			second := h.Apply(someSet(t))
			done := h.Confirm(second.Lease)
			if s := h.State(); done.Result != rules.Confirmed || done.Unsaved != "" || done.Ours != s.Ours || s.Record.Digest != someSet(t).Digest() {
				t.Fatalf("confirm: %+v, %+v", done, s)
			}
			h.NothingToDo(someSet(t))
			h.Confirmed(nil)
			h.cleanAs(before)
		})
	}
}

// TestSwitchFires lets the window run out.
func TestSwitchFires(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.restore(hosts["both ways"].with("legacy"))
	before := h.Ruleset()
	r := h.Frame(system.Change(h.Request(h.State(), otherSet(t), 6*time.Second)))
	if r.Result != rules.Applied || h.Ruleset() == before {
		t.Fatalf("change: %+v", r)
	}
	h.Gone("switch", 15*time.Second)
	if after := h.Ruleset(); after != before {
		t.Errorf("after the switch:\n%s\nbefore:\n%s", after, before)
	}
}

// TestStale changes ours or the rest between reading and change.
func TestStale(t *testing.T) {
	for backend, edits := range map[string]map[string]rules.Result{
		"nft":    {"P -A FARMWALL-IN -p tcp --dport 1 -j ACCEPT": rules.StaleOurs, "P -D INPUT 1": rules.StaleOurs, "P -A INPUT -p tcp --dport 1 -j DROP": rules.StaleRest},
		"legacy": {"P -P INPUT ACCEPT": rules.StaleRest, "P -t raw -A PREROUTING -p tcp --dport 1 -j DROP": rules.StaleRest, "P -I INPUT -j FARMWALL-IN": rules.StaleOurs},
	} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.restore(hosts["default drop"].with(backend))
			h.Confirmed(someSet(t))
			for edit, want := range edits {
				q := h.Request(h.State(), otherSet(t), time.Minute)
				h.Sh(asked(edit, backend))
				before := h.Ruleset()
				if r := h.Frame(system.Change(q)); r.Result != want {
					t.Errorf("%s: %+v", edit, r)
				}
				if h.Ruleset() != before {
					t.Errorf("%s: something changed", edit)
				}
			}
			if q := h.Request(h.State(), otherSet(t), time.Minute); h.Frame(system.Change(q)).Result != rules.Applied {
				t.Error("a fresh plan is refused")
			}
		})
	}
}

// TestForeignReload has the host's own rules loaded again inside the window, as
// netfilter-persistent does: whatever of ours is left, the undo takes back only what is
// ours, and the foreign rules stay as reloaded.
func TestForeignReload(t *testing.T) {
	for _, backend := range []string{"nft", "legacy"} {
		for _, first := range []bool{true, false} {
			t.Run(backend, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				h.restore(hosts["default drop"].with(backend))
				if !first {
					h.Confirmed(someSet(t))
				}
				r := h.Apply(otherSet(t))
				later := hosts["last rule"].with(backend)
				h.restore(later)
				fresh := foreignOnly(h.Ruleset())
				if after := h.Revert(r.Lease); after.Result != rules.Undone && after.Result != rules.Pending {
					t.Errorf("first %v: %+v", first, after)
				}
				if now := foreignOnly(h.Ruleset()); now != fresh {
					t.Errorf("the foreign rules are\n%s\ninstead of\n%s", now, fresh)
				}
				if places := h.State().Places; first && len(places) > 0 {
					t.Errorf("still ours: %+v", places)
				}
				if !first {
					if d := system.Diff(h.State(), someSet(t)); len(d) > 0 {
						t.Errorf("the undo did not bring the rules back: %s\n%s", linuxtest.Show(d), h.Ruleset())
					}
				}
			})
		}
	}
}

// TestRepairs breaks what holds our rules in place; each is a difference of its own, and
// a change puts it right.
func TestRepairs(t *testing.T) {
	i := 0
	for name, c := range map[string]struct{ command, note string }{
		"jump gone":          {`P -D INPUT 1`, "is missing in chain INPUT"},
		"jump moved":         {`P -I INPUT -p tcp --dport 9 -j ACCEPT`, "not the first rule of chain INPUT"},
		"jump narrowed":      {`P -R INPUT 1 -p tcp -j FARMWALL-IN`, "not as it should be"},
		"jump twice":         {`P -A INPUT -j FARMWALL-IN`, "more than once"},
		"jump elsewhere":     {`P -A FORWARD -j FARMWALL-IN`, "a rule of chain FORWARD leads to FARMWALL-IN"},
		"marked elsewhere":   {`P -A OUTPUT -p tcp --dport 9 -m comment --comment farmwall:farm:x:00000000 -j ACCEPT`, "a rule with our mark stands in chain OUTPUT"},
		"copy gone":          {`rm /etc/farmwall/copy`, "missing"},
		"copy edited":        {`sed -i 's/80,443/80,444/' /etc/farmwall/copy`, "not what is wanted"},
		"closing rule first": {`P -S FARMWALL-IN | sed -n '/DROP/{s/-A/-D/p;s/-D/-I/p;}' | tr -d '"' | while read -r l; do P $l; done`, "closes something stands before"},
	} {
		backend := []string{"nft", "legacy"}[i%2]
		i++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.restore(hosts["default drop"].with(backend))
			want := closingSet(t)
			h.Confirmed(want)
			good := h.Ruleset()
			h.Sh(asked(c.command, backend))
			d := system.Diff(h.State(), want)
			if len(d) != 1 || d[0].Verb != rules.Repair || !strings.Contains(d[0].Note, c.note) {
				t.Errorf("the differences are %s\n%s", linuxtest.Show(d), h.Ruleset())
			}
			h.Confirmed(want)
			h.NothingToDo(want)
			if now := h.Ruleset(); now != good && name != "jump moved" {
				t.Errorf("repaired:\n%s\nbefore:\n%s", now, good)
			}
		})
	}
}

// closingSet is someSet and a rule that closes.
func closingSet(t testing.TB) rules.Set {
	return newSet(t, append(someSet(t), rules.Rule{ID: "exposure.tcp-20003", Direction: rules.In, Protocol: rules.TCP, Ports: ports(20003), Block: true})...)
}
