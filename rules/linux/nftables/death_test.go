//go:build linux

package nftables_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

const window = 8 * time.Second

// The steps of a change after each of which its script may die.
var changeSteps = []string{
	"step 3", "lease taken", "undo staged", "armed", "switch ready", "about to load", "loaded",
}

// TestChangeDies kills the script of a change after each step, by itself and with all
// that it started. The host must come back to its old state by itself, and the next
// change must find a free lease.
func TestChangeDies(t *testing.T) {
	for _, step := range changeSteps {
		for how, command := range map[string]string{"the shell": "kill -9 $$", "the group": "kill -9 -$$"} {
			if how == "the shell" && step != "armed" && step != "about to load" && os.Getenv("FARMWALL_SOAK") != "1" {
				continue
			}
			t.Run(step+"/"+how, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				h.nft(hosts["default drop inet"])
				h.Confirmed(someSet(t))
				before := h.Ruleset()
				s := h.State()
				h.Dies(linuxtest.Dying(t, system.Change(h.Request(s, otherSet(t), window)), step, command))
				h.ComesBack(before, s, window, otherSet(t))
			})
		}
	}
}

// TestConfirmDies kills the confirm after each step: before it has won the change is
// undone, after that it is finished, by the switch or by the next who takes the lock.
func TestConfirmDies(t *testing.T) {
	steps := map[string]bool{ // and whether the change counts as confirmed
		"step 8": false, "kept copy staged": false, "confirm won": true, "step 10": true,
		"unit placed": true, "record written": true, "confirmed": true,
	}
	for step, confirmed := range steps {
		for _, finisher := range []string{"the switch", "recover", "the next change"} {
			if finisher != "recover" && step != "confirm won" && step != "kept copy staged" {
				continue
			}
			t.Run(step+"/"+finisher, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				h.nft(hosts["default drop inet"])
				h.Confirmed(someSet(t))
				before := h.Ruleset()
				old := h.State()
				r := h.Frame(system.Change(h.Request(old, otherSet(t), window)))
				if r.Result != rules.Applied {
					t.Fatalf("change: %+v", r)
				}
				h.ConfirmDies(r.Lease, step)
				switch finisher {
				case "the switch":
					h.Gone("switch", window+30*time.Second)
				case "recover":
					if !confirmed {
						h.Gone("switch", window+30*time.Second)
					}
					if r := h.Frame(system.Recover()); confirmed && r.Result != rules.Confirmed && r.Result != rules.Idle {
						t.Errorf("recover: %+v", r)
					}
				case "the next change":
					q := h.Request(h.State(), someSet(t), window)
					if r := h.Frame(system.Change(q)); r.Result == rules.Applied {
						t.Errorf("a change over an unfinished one: %+v", r)
					}
					if !confirmed {
						h.Gone("switch", window+30*time.Second)
					}
				}
				s := h.State()
				if s.Token.State != "done" && s.Token.State != "" {
					t.Errorf("token %+v", s.Token)
				}
				if confirmed {
					h.NothingToDo(otherSet(t))
					if s.Record.Time.Unix() != 1700000001 {
						t.Errorf("the record is %+v", s.Record)
					}
				} else {
					if after := h.Ruleset(); after != before {
						t.Errorf("after the switch:\n%s\nbefore:\n%s", after, before)
					}
					if s.Ours != old.Ours || s.Record != old.Record {
						t.Errorf("not the old state: %+v", s)
					}
				}
				if out := h.Sh("ls -A /etc/farmwall /var/lib/farmwall"); strings.Contains(out, ".new") {
					t.Errorf("staged files were left:\n%s", out)
				}
				h.Confirmed(nil)
				h.cleanAs(hosts["default drop inet"])
			})
		}
	}
}

// TestChangeHangs stops the script right before it loads, holding the lock. The switch
// must kill it, with what it started, and nothing may be loaded later.
func TestChangeHangs(t *testing.T) {
	for how, command := range map[string]string{
		"a child that sleeps":  "sleep 1000",
		"stopped":              "kill -STOP -$$",
		"a child that ignores": "sh -c 'trap \"\" TERM INT; sleep 1000; sleep 1000'",
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, "sh")
			h.nft(hosts["default drop inet"])
			before := h.Ruleset()
			script := linuxtest.Dying(t, system.Change(h.Request(h.State(), someSet(t), window)), "about to load", command)
			if out, err := h.Run(script); err == nil && strings.Contains(string(out), "result") {
				t.Fatalf("it answered: %s", out)
			}
			h.Gone("switch", 30*time.Second)
			h.Gone("serve", time.Second)
			if after := h.Ruleset(); after != before {
				t.Errorf("something was loaded:\n%s", after)
			}
			if s := h.State(); s.Token.State != "done" {
				t.Errorf("token %+v", s.Token)
			}
			h.Confirmed(someSet(t))
		})
	}
}

// TestChangeLate delays the script between arming and loading beyond half the window.
func TestChangeLate(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	before := h.Ruleset()
	script := linuxtest.Dying(t, system.Change(h.Request(h.State(), someSet(t), window)), "switch ready", "sleep 5")
	r := h.Frame(script)
	if r.Result != rules.TooLate {
		t.Errorf("%+v", r)
	}
	h.Gone("switch", 10*time.Second)
	if after := h.Ruleset(); after != before {
		t.Errorf("something was loaded:\n%s", after)
	}
}

// TestSwitchDies kills the switch in the window: the next who looks undoes.
func TestSwitchDies(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.nft(hosts["default drop inet"])
	before := h.Ruleset()
	h.Apply(someSet(t))
	h.Sh("read -r pid _ </run/farmwall/ready.1; kill -9 $pid")
	if r := h.Frame(system.Recover()); r.Result != rules.Undone {
		t.Errorf("recover: %+v", r)
	}
	if after := h.Ruleset(); after != before {
		t.Errorf("after recover:\n%s\nbefore:\n%s", after, before)
	}
	again := h.Apply(someSet(t))
	h.Sh("read -r pid _ </run/farmwall/ready.2; kill -9 $pid")
	if r := h.Revert(again.Lease); r.Result != rules.Undone {
		t.Errorf("revert without a switch: %+v", r)
	}
	if after := h.Ruleset(); after != before {
		t.Errorf("after the revert:\n%s\nbefore:\n%s", after, before)
	}
}
