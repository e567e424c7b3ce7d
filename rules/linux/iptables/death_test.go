//go:build linux

package iptables_test

import (
	"os"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

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
				h.Confirmed(someSet(t))
				before := h.Ruleset()
				s := h.State()
				command := "kill -9 -$$"
				if i == 0 {
					command = `[ -n "$work_test" ] || kill -9 -$$`
				}
				h.Dies(linuxtest.Dying(t, system.Change(h.Request(s, otherSet(t), window)), step, command))
				if step == "loaded" && h.Ruleset() == before {
					t.Error("nothing was loaded before it died")
				}
				h.ComesBack(before, s, window, otherSet(t))
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
				h.Confirmed(someSet(t))
				before := h.Ruleset()
				r := h.Frame(system.Change(h.Request(h.State(), otherSet(t), window)))
				if r.Result != rules.Applied {
					t.Fatalf("change: %+v", r)
				}
				h.ConfirmDies(r.Lease, step)
				if !confirmed {
					h.Gone("switch", window+30*time.Second)
				}
				if r := h.Frame(system.Recover()); confirmed && r.Result != rules.Confirmed && r.Result != rules.Idle {
					t.Errorf("recover: %+v", r)
				}
				if confirmed {
					h.NothingToDo(otherSet(t))
				} else if after := h.Ruleset(); after != before {
					t.Errorf("after the switch:\n%s\nbefore:\n%s", after, before)
				}
			})
		}
	}
}
