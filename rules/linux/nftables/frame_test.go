//go:build linux

package nftables_test

import (
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/rules"
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

// TestShellcheck has every program checked, the one that runs from a file too. Left
// out are: awk text in single quotes, and functions that are called by a name put
// together.
func TestShellcheck(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		skip(t, "shellcheck is not installed")
	}
	change := system.Change(rules.ChangeRequest{}).Body
	_, program, _ := strings.Cut(change, "<<'END-OF-THE-PROGRAM'\n")
	program, _, _ = strings.Cut(program, "END-OF-THE-PROGRAM\n")
	for name, text := range map[string]string{"change": change, "program": program} {
		cmd := exec.Command("shellcheck", "-s", "sh", "-e", "SC2016,SC2317", "-")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestChangeInEveryShell walks through change, revert, confirm and removal.
func TestChangeInEveryShell(t *testing.T) {
	for _, shell := range []string{"sh", "dash", "bash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, shell)
			h.nft(hosts["default drop inet"])
			before := h.ruleset()
			first := h.apply(someSet(t))
			if first.Lease != 1 || first.Left <= 0 || first.Left > time.Minute {
				t.Errorf("the answer is %+v", first)
			}
			s := h.state()
			if s.Token.State != "armed" || s.Lease.Number != 1 || s.Lease.Run != "run-1" {
				t.Errorf("token %+v, lease %+v", s.Token, s.Lease)
			}
			if first.Ours != s.Ours {
				t.Errorf("the change says that ours is %s, observe %s", first.Ours, s.Ours)
			}
			if r := h.revert(1); r.Result != rules.Undone {
				t.Errorf("revert: %+v", r)
			}
			if after := h.ruleset(); after != before {
				t.Errorf("after the undo:\n%s\nbefore:\n%s", after, before)
			}
			second := h.apply(someSet(t))
			done := h.confirm(second.Lease)
			if done.Result != rules.Confirmed || done.Unsaved != "" {
				t.Fatalf("confirm: %+v", done)
			}
			s = h.state()
			if s.Record.Run != "run-1" || s.Record.Controller != "admin@controller" || s.Record.Digest != someSet(t).Digest() || s.Record.Time.Unix() != 1700000000 {
				t.Errorf("the record is %+v", s.Record)
			}
			if s.Token.State != "done" || done.Ours != s.Ours {
				t.Errorf("token %+v, ours %s and %s", s.Token, done.Ours, s.Ours)
			}
			h.nothingToDo(someSet(t))
			if again := h.confirm(second.Lease); again.Result != rules.Confirmed {
				t.Errorf("the same confirm again: %+v", again)
			}
			if r := h.revert(second.Lease); r.Result != rules.TooLate {
				t.Errorf("revert after the confirm: %+v", r)
			}
			h.confirmed(nil)
			h.cleanAs(hosts["default drop inet"])
			if r := h.frame(system.Recover()); r.Result != rules.Idle {
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
	before := h.ruleset()
	r := h.frame(system.Change(h.request(h.state(), someSet(t), 6*time.Second)))
	if r.Result != rules.Applied {
		t.Fatalf("change: %+v", r)
	}
	h.gone("switch", 15*time.Second)
	if after := h.ruleset(); after != before {
		t.Errorf("after the switch:\n%s\nbefore:\n%s", after, before)
	}
	if r := h.confirm(r.Lease); r.Result != rules.TooLate {
		t.Errorf("confirm after the switch: %+v", r)
	}
	if r := h.revert(r.Lease); r.Result != rules.Undone {
		t.Errorf("revert after the switch: %+v", r)
	}
	if s := h.state(); s.Token.State != "done" {
		t.Errorf("token %+v", s.Token)
	}
}

// gone waits until no process of the program runs in this mode.
func (h *host) gone(mode string, within time.Duration) {
	h.t.Helper()
	end := time.Now().Add(within)
	for time.Now().Before(end) {
		out := h.sh(`for p in /proc/[0-9]*; do [ "$(readlink $p/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ] && tr '\0' ' ' <$p/cmdline; echo; done 2>/dev/null`)
		if !strings.Contains(out, " "+mode+" ") {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	h.t.Errorf("the %s still runs after %v", mode, within)
}

// TestLateScript runs a change a second time: at once, after its confirm, and after
// its undo. It must change nothing.
func TestLateScript(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	late := system.Change(h.request(h.state(), someSet(t), time.Minute))
	r := h.frame(late)
	again := func(when string, result rules.Result) {
		t.Helper()
		before := h.ruleset()
		r := h.frame(late)
		if r.Result != result || !strings.Contains(r.Holder, "admin@controller run run-1") {
			t.Errorf("%s: %+v", when, r)
		}
		if h.ruleset() != before {
			t.Errorf("%s: something changed", when)
		}
	}
	again("armed", rules.Taken)
	if r := h.confirm(r.Lease); r.Result != rules.Confirmed {
		t.Fatalf("confirm: %+v", r)
	}
	again("confirmed", rules.Taken)
	h.sh("rm -rf /run/farmwall; nft flush ruleset") // as after a reboot
	again("rebooted", rules.Taken)
	if r := h.confirm(r.Lease); r.Result != rules.TooLate {
		t.Errorf("a confirm after a reboot: %+v", r)
	}
	if r := h.revert(r.Lease); r.Result != rules.Pending {
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
		h.confirmed(someSet(t))
		q := h.request(h.state(), otherSet(t), time.Minute)
		h.nft(edit)
		before := h.ruleset()
		if r := h.frame(system.Change(q)); r.Result != want {
			t.Errorf("%s: %+v", edit, r)
		}
		if h.ruleset() != before {
			t.Errorf("%s: something changed", edit)
		}
		if s := h.state(); s.Token.State == "armed" {
			t.Errorf("%s: a switch is armed", edit)
		}
	}
}

// TestTwoControllers starts two changes of one state at the same moment.
func TestTwoControllers(t *testing.T) {
	h := newHost(t, "sh")
	s := h.state()
	var wait sync.WaitGroup
	answers := make([]*rules.Report, 2)
	for i, want := range []rules.Set{someSet(t), otherSet(t)} {
		q := h.request(s, want, time.Minute)
		wait.Go(func() {
			if out, err := h.run(system.Change(q)); err == nil {
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
	h.nothingToDo(want)
}
