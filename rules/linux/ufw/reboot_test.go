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
	h.t.Helper()
	return h.sh("cd /etc/ufw; stat -c '%n %a %U' user.rules user6.rules; cat user.rules user6.rules; ls -A")
}

// reboot is what a reboot is to files: /run is empty, nothing of ours runs, and what was
// laid down for it has run before ufw starts.
func (h *host) reboot() {
	h.t.Helper()
	h.sh(`for p in $(cat /run/farmwall/ready.* 2>/dev/null | cut -d ' ' -f 1); do kill -9 "$p"; done
rm -rf /run/farmwall
[ ! -e /etc/systemd/system/ufw.service.wants/farmwall-ufw.service ] || sh /etc/farmwall/ufw.back`)
}

func TestARebootBeforeTheConfirmTakesBackOursAlone(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.sh("ufw allow 22/tcp")
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)})
	before := h.files()
	for _, c := range []struct{ name, text, also string }{
		{"alone", "true", ""},
		{"where the administrator added a rule in the window", "ufw allow 4444/tcp", "4444"},
		{"where the splice does not work", "echo broken >/etc/farmwall/ufw.awk", ""},
	} {
		h.apply(want)
		if !strings.Contains(h.files(), "--dport 80 ") {
			t.Fatalf("%s: nothing was written", c.name)
		}
		h.sh(c.text)
		h.reboot()
		if c.also != "" {
			if !strings.Contains(h.files(), c.also) {
				t.Errorf("%s: the administrator's rule is gone", c.name)
			}
			h.sh("ufw delete allow 4444/tcp")
		}
		if after := h.files(); after != before {
			t.Errorf("%s: after the reboot\n%s", c.name, differences(before, after))
		}
		// The next one who comes clears away what is left.
		h.sh("ufw reload")
		h.frame(system.Recover())
		if left := h.sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
			t.Errorf("%s: left %q", c.name, left)
		}
	}
	// Once confirmed, a reboot changes nothing, even if what was laid down is still there.
	h.apply(want)
	h.sh("cp -r /etc/farmwall /run/laid")
	if r := h.confirm(h.state().Lease.Number); r.Result != rules.Confirmed {
		t.Fatalf("confirm: %+v", r)
	}
	held := h.files()
	h.sh("cp -n /run/laid/ufw.* /etc/farmwall; mkdir -p /etc/systemd/system/ufw.service.wants; touch /etc/systemd/system/ufw.service.wants/farmwall-ufw.service")
	h.reboot()
	if after := h.files(); after != held {
		t.Errorf("confirmed, and after a reboot\n%s", differences(held, after))
	}
	h.nothingToDo(want)
}

// TestAnotherUfwCommandAtItsQuestion holds ufw's lock: no change begins, an undo goes on.
func TestAnotherUfwCommandAtItsQuestion(t *testing.T) {
	soak(t)
	t.Parallel()
	h := newHost(t, "sh")
	before := h.foreign()
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)})
	hold := func() func() {
		ctx, cancel := context.WithCancel(context.Background())
		c := h.command(ctx, "/usr/bin/python3", "-c", `import fcntl, time
f = open("/run/ufw.lock", "w")
fcntl.lockf(f, fcntl.LOCK_EX)
open("/run/held", "w").close()
time.sleep(1000)`)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		h.sh("until [ -e /run/held ]; do sleep 0.05; done; rm /run/held")
		return func() { cancel(); _ = c.Wait() }
	}
	release := hold()
	if r := h.frame(system.Change(h.request(h.state(), want, time.Minute))); r.Result != rules.Refused || !strings.Contains(r.Message, "another ufw command") {
		t.Errorf("with the lock held: %+v", r)
	}
	release()
	lease := h.apply(want).Lease
	release = hold()
	h.revert(lease)
	h.sh("for i in $(seq 300); do [ -e /run/farmwall/token.done ] && exit; sleep 0.1; done; exit 1")
	release() // the question is answered: ufw itself waits for its lock too
	if after := h.foreign(); after != before {
		t.Errorf("the undo waits for the lock:\n%s", differences(before, after))
	}
}
