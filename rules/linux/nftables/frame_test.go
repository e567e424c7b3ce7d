//go:build linux

package nftables_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
	"farmwall/transport"
)

// every is the scripts of the frame, and what else is made of embedded shell text.
func every() []rules.Script {
	return []rules.Script{
		system.Observe(), system.Recover(),
		system.Change(rules.ChangeRequest{}), system.Confirm(rules.ConfirmRequest{}), system.Revert(rules.RevertRequest{}),
	}
}

func TestScriptsFitIntoACommand(t *testing.T) {
	for _, s := range every() {
		call, err := transport.Sh(s, transport.Sudo{})
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		} else if n := len(call.Command); n > 60_000 {
			t.Errorf("the command of %s has %d bytes", s.Name, n)
		}
	}
}

// TestShellcheck has every program checked, the one that runs from a file too.
func TestShellcheck(t *testing.T) {
	change := system.Change(rules.ChangeRequest{}).Body
	_, program, _ := strings.Cut(change, "<<'END-OF-THE-PROGRAM'\n")
	program, _, _ = strings.Cut(program, "END-OF-THE-PROGRAM\n")
	for name, text := range map[string]string{"change": change, "program": program} {
		linuxtest.Shellcheck(t, name, text)
	}
}

// TestChangeInEveryShell walks through change, revert, confirm and removal.
func TestChangeInEveryShell(t *testing.T) {
	for _, shell := range []string{"sh", "dash", "bash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, shell)
			h.nft(hosts["default drop inet"])
			before := h.Ruleset()
			first := h.Apply(someSet(t))
			if first.Lease != 1 || first.Left <= 0 || first.Left > time.Minute {
				t.Errorf("the answer is %+v", first)
			}
			s := h.State()
			if s.Token.State != "armed" || s.Lease.Number != 1 || s.Lease.Run != "run-1" {
				t.Errorf("token %+v, lease %+v", s.Token, s.Lease)
			}
			if first.Ours != s.Ours {
				t.Errorf("the change says that ours is %s, observe %s", first.Ours, s.Ours)
			}
			if r := h.Revert(1); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := h.Ruleset(); after != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
			}
			second := h.Apply(someSet(t))
			done := h.Confirm(second.Lease)
			if done.Result != rules.Confirmed || done.Unsaved != "" {
				t.Fatalf("confirm: %+v", done)
			}
			s = h.State()
			if s.Record.Run != "run-1" || s.Record.Controller != "admin@controller" || s.Record.Digest != someSet(t).Digest() || s.Record.Time.Unix() != 1700000000 {
				t.Errorf("the record is %+v", s.Record)
			}
			if s.Token.State != "done" || done.Ours != s.Ours {
				t.Errorf("token %+v, ours %s and %s", s.Token, done.Ours, s.Ours)
			}
			h.NothingToDo(someSet(t))
			if again := h.Confirm(second.Lease); again.Result != rules.Confirmed {
				t.Errorf("the same confirm again: %+v", again)
			}
			if r := h.Revert(second.Lease); r.Result != rules.TooLate {
				t.Errorf("revert after the confirm: %+v", r)
			}
			h.Confirmed(nil)
			h.cleanAs(hosts["default drop inet"])
			if r := h.Frame(system.Recover()); r.Result != rules.Idle {
				t.Errorf("recover: %+v", r)
			}
		})
	}
}

// TestSwitchFires lets the window run out.
func TestSwitchFires(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.nft(hosts["default drop inet"])
	before := h.Ruleset()
	r := h.Frame(system.Change(h.Request(h.State(), someSet(t), 6*time.Second)))
	if r.Result != rules.Applied {
		t.Fatalf("change: %+v", r)
	}
	h.Gone("switch", 15*time.Second)
	if after := h.Ruleset(); after != before {
		t.Errorf("after the switch:\n%s\nbefore:\n%s", after, before)
	}
	if r := h.Confirm(r.Lease); r.Result != rules.TooLate {
		t.Errorf("confirm after the switch: %+v", r)
	}
	if r := h.Revert(r.Lease); r.Result != rules.Undone {
		t.Errorf("revert after the switch: %+v", r)
	}
	if s := h.State(); s.Token.State != "done" {
		t.Errorf("token %+v", s.Token)
	}
}

// TestLateScript runs a change a second time: at once, after its confirm, and after
// its undo. It must change nothing.
func TestLateScript(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	late := system.Change(h.Request(h.State(), someSet(t), time.Minute))
	r := h.Frame(late)
	again := func(when string, result rules.Result) {
		t.Helper()
		before := h.Ruleset()
		r := h.Frame(late)
		if r.Result != result || !strings.Contains(r.Holder, "admin@controller run run-1") {
			t.Errorf("%s: %+v", when, r)
		}
		if h.Ruleset() != before {
			t.Errorf("%s: something changed", when)
		}
	}
	again("armed", rules.Taken)
	if r := h.Confirm(r.Lease); r.Result != rules.Confirmed {
		t.Fatalf("confirm: %+v", r)
	}
	again("confirmed", rules.Taken)
	h.Sh("rm -rf /run/farmwall; nft flush ruleset") // as after a reboot
	again("rebooted", rules.Taken)
	if r := h.Confirm(r.Lease); r.Result != rules.TooLate {
		t.Errorf("a confirm after a reboot: %+v", r)
	}
	if r := h.Revert(r.Lease); r.Result != rules.Pending {
		t.Errorf("a revert after a reboot: %+v", r)
	}
}

// TestStale changes ours or the rest between reading and change.
func TestStale(t *testing.T) {
	t.Parallel()
	for edit, want := range map[string]rules.Result{
		`add rule inet farmwall input tcp dport 1 accept`:                                                          rules.StaleOurs,
		"table inet late {\n chain c { type filter hook input priority 0; policy accept; tcp dport 1 drop; }\n}\n": rules.StaleRest,
	} {
		h := newHost(t, "sh")
		h.Confirmed(someSet(t))
		q := h.Request(h.State(), otherSet(t), time.Minute)
		h.nft(edit)
		before := h.Ruleset()
		if r := h.Frame(system.Change(q)); r.Result != want {
			t.Errorf("%s: %+v", edit, r)
		}
		if h.Ruleset() != before {
			t.Errorf("%s: something changed", edit)
		}
		if s := h.State(); s.Token.State == "armed" {
			t.Errorf("%s: a switch is armed", edit)
		}
	}
}

// TestTwoControllers starts two changes of one state at the same moment.
func TestTwoControllers(t *testing.T) {
	h := newHost(t, "sh")
	s := h.State()
	var wait sync.WaitGroup
	answers := make([]*rules.Report, 2)
	for i, want := range []rules.Set{someSet(t), otherSet(t)} {
		q := h.Request(s, want, time.Minute)
		wait.Go(func() {
			if out, err := h.Run(system.Change(q)); err == nil {
				answers[i], _ = system.Answer(out)
			}
		})
	}
	wait.Wait()
	if answers[0] == nil || answers[1] == nil {
		t.Fatal("no answer")
	}
	a, b := answers[0].Result, answers[1].Result
	if !(a == rules.Applied && b == rules.Taken) && !(a == rules.Taken && b == rules.Applied) {
		t.Errorf("%+v, %+v", answers[0], answers[1])
	}
	want := someSet(t)
	if b == rules.Applied {
		want = otherSet(t)
	}
	h.NothingToDo(want)
}
