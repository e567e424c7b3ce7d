//go:build linux

package ufw_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// files are ufw's rule files, with their modes.
func (h *host) files() string {
	h.T.Helper()
	return h.Sh("cd /etc/ufw; stat -c '%n %a %U' user.rules user6.rules; cat user.rules user6.rules; ls -A")
}

// reboot is what a reboot is to files: /run is empty, nothing of ours runs, and what was
// laid down for it has run before ufw starts.
func (h *host) reboot() {
	h.T.Helper()
	h.Sh(`for p in $(cat /run/farmwall/ready.* 2>/dev/null | cut -d ' ' -f 1); do kill -9 "$p"; done
rm -rf /run/farmwall
[ ! -e /etc/systemd/system/ufw.service.wants/farmwall-ufw.service ] || sh /etc/farmwall/ufw.back`)
}

func TestARebootBeforeTheConfirmTakesBackOursAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh("ufw allow 22/tcp")
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)})
	before := h.files()
	for _, c := range []struct{ name, text, also string }{
		{"alone", "true", ""},
		{"where the administrator added a rule in the window", "ufw allow 4444/tcp", "4444"},
		{"where the splice does not work", "echo broken >/etc/farmwall/ufw.awk", ""},
	} {
		h.Apply(want)
		if !strings.Contains(h.files(), "--dport 80 ") {
			t.Fatalf("%s: nothing was written", c.name)
		}
		h.Sh(c.text)
		h.reboot()
		if c.also != "" {
			if !strings.Contains(h.files(), c.also) {
				t.Errorf("%s: the administrator's rule is gone", c.name)
			}
			h.Sh("ufw delete allow 4444/tcp")
		}
		if after := h.files(); after != before {
			t.Errorf("%s: after the reboot\n%s", c.name, differences(before, after))
		}
		// The next one who comes clears away what is left.
		h.Sh("ufw reload")
		h.Frame(system.Recover())
		if left := h.Sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
			t.Errorf("%s: left %q", c.name, left)
		}
	}
	// Once confirmed, a reboot changes nothing, even if what was laid down is still there.
	h.Apply(want)
	h.Sh("cp -r /etc/farmwall /run/laid")
	if r := h.Confirm(h.State().Lease.Number); r.Result != rules.Confirmed {
		t.Fatalf("confirm: %+v", r)
	}
	held := h.files()
	h.Sh("cp -n /run/laid/ufw.* /etc/farmwall; mkdir -p /etc/systemd/system/ufw.service.wants; touch /etc/systemd/system/ufw.service.wants/farmwall-ufw.service")
	h.reboot()
	if after := h.files(); after != held {
		t.Errorf("confirmed, and after a reboot\n%s", differences(held, after))
	}
	h.NothingToDo(want)
}

// TestAnotherUfwCommandAtItsQuestion holds ufw's lock: no change begins, an undo goes on.
func TestAnotherUfwCommandAtItsQuestion(t *testing.T) {
	soak(t)
	t.Parallel()
	h := newHost(t, "sh")
	before := h.Ruleset()
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)})
	hold := func() func() {
		ctx, cancel := context.WithCancel(context.Background())
		c := h.Command(ctx, "/usr/bin/python3", "-c", `import fcntl, time
f = open("/run/ufw.lock", "w")
fcntl.lockf(f, fcntl.LOCK_EX)
open("/run/held", "w").close()
time.sleep(1000)`)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		h.Sh("until [ -e /run/held ]; do sleep 0.05; done; rm /run/held")
		return func() { cancel(); _ = c.Wait() }
	}
	release := hold()
	if r := h.Frame(system.Change(h.Request(h.State(), want, time.Minute))); r.Result != rules.Refused || !strings.Contains(r.Message, "another ufw command") {
		t.Errorf("with the lock held: %+v", r)
	}
	release()
	lease := h.Apply(want).Lease
	release = hold()
	h.Revert(lease)
	h.Sh("for i in $(seq 300); do [ -e /run/farmwall/token.done ] && exit; sleep 0.1; done; exit 1")
	release() // the question is answered: ufw itself waits for its lock too
	if after := h.Ruleset(); after != before {
		t.Errorf("the undo waits for the lock:\n%s", differences(before, after))
	}
}
