//go:build linux

package iptables_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// dying is the script with a command put behind a comment of its text.
func dying(t *testing.T, s rules.Script, mark, command string) rules.Script {
	t.Helper()
	at := regexp.MustCompile(`(?m)^(\t+)# ` + regexp.QuoteMeta(mark) + `$`)
	if n := len(at.FindAllString(s.Body, -1)); n != 1 {
		t.Fatalf("the mark %q is there %d times", mark, n)
	}
	s.Body = at.ReplaceAllString(s.Body, "${0}\n${1}"+strings.ReplaceAll(command, "$", "$$"))
	return s
}

const window = 8 * time.Second

// TestChangeDies kills the script of a change after steps of it, with all that it
// started; one of them is between the two families. The host must come back to its old
// state by itself, and the next change must find a free lease.
func TestChangeDies(t *testing.T) {
	for i, step := range []string{"a table restored", "undo staged", "armed", "switch ready", "about to load", "loaded"} {
		for _, backend := range []string{"nft", "legacy"} {
			if os.Getenv("FARMWALL_SOAK") != "1" && (i > 0 && step != "loaded" || (step == "loaded") == (backend == "nft")) {
				continue
			}
			t.Run(backend+"/"+step, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				h.restore(hosts["both ways"].with(backend))
				h.confirmed(someSet(t))
				before := h.ruleset()
				s := h.state()
				command := "kill -9 -$$"
				if i == 0 {
					command = `[ -n "$work_test" ] || kill -9 -$$`
				}
				script := dying(t, system.Change(h.request(s, otherSet(t), window)), step, command)
				if out, err := h.run(script); err == nil && strings.Contains(string(out), "result") {
					t.Fatalf("the script did not die: %s", out)
				}
				if step == "loaded" && h.ruleset() == before {
					t.Error("nothing was loaded before it died")
				}
				h.gone("switch", window+20*time.Second)
				if r := h.frame(system.Recover()); r.Result == rules.Pending {
					time.Sleep(window) // armed, and died before it could start the switch
					if r := h.frame(system.Recover()); r.Result == rules.Pending {
						t.Fatalf("recover: %+v", r)
					}
				}
				if after := h.ruleset(); after != before {
					t.Errorf("the host is between old and new:\n%s\nbefore:\n%s", after, before)
				}
				if got := h.state(); got.Ours != s.Ours || got.Rest != s.Rest || got.Record != s.Record {
					t.Errorf("the host is not in its old state: %+v", got)
				}
				h.confirmed(otherSet(t))
				h.nothingToDo(otherSet(t))
			})
		}
	}
}

// TestConfirmDies kills the confirm before and after it has won: before that the change is
// undone, after that it is finished.
func TestConfirmDies(t *testing.T) {
	for step, confirmed := range map[string]bool{"kept copy staged": false, "confirm won": true, "unit placed": true, "confirmed": true} {
		for _, backend := range []string{"nft", "legacy"} {
			if os.Getenv("FARMWALL_SOAK") != "1" && (backend == "nft") != (step == "confirm won") {
				continue
			}
			if os.Getenv("FARMWALL_SOAK") != "1" && step != "confirm won" && step != "kept copy staged" {
				continue
			}
			t.Run(backend+"/"+step, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				h.restore(hosts["default drop"].with(backend))
				h.confirmed(someSet(t))
				before := h.ruleset()
				r := h.frame(system.Change(h.request(h.state(), otherSet(t), window)))
				if r.Result != rules.Applied {
					t.Fatalf("change: %+v", r)
				}
				script := dying(t, system.Confirm(rules.ConfirmRequest{
					Run: "run-1", Controller: "admin@controller", Lease: r.Lease, Time: time.Unix(1700000001, 0),
				}), step, "kill -9 -$$")
				if out, err := h.run(script); err == nil && strings.Contains(string(out), "result") {
					t.Fatalf("the script did not die: %s", out)
				}
				if !confirmed {
					h.gone("switch", window+30*time.Second)
				}
				if r := h.frame(system.Recover()); confirmed && r.Result != rules.Confirmed && r.Result != rules.Idle {
					t.Errorf("recover: %+v", r)
				}
				if confirmed {
					h.nothingToDo(otherSet(t))
				} else if after := h.ruleset(); after != before {
					t.Errorf("after the switch:\n%s\nbefore:\n%s", after, before)
				}
			})
		}
	}
}
