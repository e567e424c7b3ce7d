//go:build linux

package linuxtest

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// Dying is the script with a command put behind a comment of its text.
func Dying(t testing.TB, s rules.Script, mark, command string) rules.Script {
	t.Helper()
	at := regexp.MustCompile(`(?m)^(\t+)# ` + regexp.QuoteMeta(mark) + `$`)
	if n := len(at.FindAllString(s.Body, -1)); n != 1 {
		t.Fatalf("the mark %q is there %d times", mark, n)
	}
	s.Body = at.ReplaceAllString(s.Body, "${0}\n${1}"+strings.ReplaceAll(command, "$", "$$"))
	return s
}

// Dies runs a script that dies before it can answer.
func (h *Host) Dies(s rules.Script) {
	h.T.Helper()
	if out, err := h.Run(s); err == nil && strings.Contains(string(out), "result") {
		h.T.Fatalf("the script did not die: %s", out)
	}
}

// ConfirmDies confirms the change of a lease with a script that dies, with all that it
// started, behind the mark. The time is another than that of Confirm.
func (h *Host) ConfirmDies(lease uint64, mark string) {
	h.T.Helper()
	h.Dies(Dying(h.T, h.System.Confirm(rules.ConfirmRequest{
		Run: "run-1", Controller: "admin@controller", Lease: lease, Time: time.Unix(1700000001, 0),
	}), mark, "kill -9 -$$"))
}

// Gone waits until no process of the program runs in this mode.
func (h *Host) Gone(mode string, within time.Duration) {
	h.T.Helper()
	end := time.Now().Add(within)
	for time.Now().Before(end) {
		out := h.Sh(`for p in /proc/[0-9]*; do [ "$(readlink $p/ns/mnt)" = "$(readlink /proc/self/ns/mnt)" ] && tr '\0' ' ' <$p/cmdline; echo; done 2>/dev/null`)
		if !strings.Contains(out, " "+mode+" ") {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	h.T.Errorf("the %s still runs after %v", mode, within)
}

// ComesBack fails unless a host on which the script of a change died comes back to its
// old state by itself, and the next change finds a free lease.
func (h *Host) ComesBack(before string, s *rules.State, window time.Duration, next rules.Set) {
	h.T.Helper()
	h.Gone("switch", window+20*time.Second)
	if r := h.Frame(h.System.Recover()); r.Result == rules.Pending {
		time.Sleep(window) // armed, and died before it could start the switch
		if r := h.Frame(h.System.Recover()); r.Result == rules.Pending {
			h.T.Fatalf("recover: %+v", r)
		}
	}
	if after := h.Ruleset(); after != before {
		h.T.Errorf("the host is between old and new:\n%s\nbefore:\n%s", after, before)
	}
	if got := h.State(); got.Ours != s.Ours || got.Rest != s.Rest || got.Record != s.Record {
		h.T.Errorf("the host is not in its old state: %+v", got)
	}
	h.Confirmed(next)
	h.NothingToDo(next)
}
