//go:build linux

package main

import (
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// handWritten is a usual default-drop ruleset; 9 stays closed, 80 is opened by us.
const handWritten = `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif "lo" accept
		ct state established,related accept
		meta l4proto ipv6-icmp accept
		tcp dport 22 accept comment "admins"
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
`

// newHandWritten is a machine as an administrator keeps it: nftables.service
// loads a ruleset of their own.
func newHandWritten(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t, "10.79.0.10", map[string]string{"/etc/nftables.conf": handWritten})
	m.giveClock()
	m.link("/etc/systemd/system/sysinit.target.wants/nftables.service", "/lib/systemd/system/nftables.service")
	m.boot()
	return m
}

// foreign is the ruleset without what is ours, as nft prints it.
func (m *machine) foreign() string {
	m.t.Helper()
	return m.in("nft", "-s", "list", "table", "inet", "filter")
}

// withoutOurs cuts our chains, sets and jumps from a foreign table's listing.
func withoutOurs(listing string) string {
	var kept []string
	depth := 0
	for _, line := range strings.Split(listing, "\n") {
		opens := strings.HasSuffix(line, "{")
		if depth == 0 && opens && strings.Contains(line, "farmwall_") {
			depth = 1
			continue
		}
		if depth > 0 {
			if strings.TrimSpace(line) == "}" {
				depth = 0
			}
			continue
		}
		if strings.Contains(line, `comment "farmwall:`) {
			continue
		}
		kept = append(kept, line)
	}
	// nft prints an empty line between the parts of a table.
	return strings.ReplaceAll(strings.Join(kept, "\n"), "\n\n", "\n")
}

// reaches says whether a TCP connection is answered at all: accepted or refused
// by the host, not dropped on the way.
func (m *machine) reaches(port string) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(m.address, port), 2*time.Second)
	if err == nil {
		c.Close()
		return true
	}
	return strings.Contains(err.Error(), "refused")
}

func TestConfirmedRulesSurviveRebootsAndReloads(t *testing.T) {
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd") {
		return
	}
	m := newHandWritten(t)
	flags := m.inventory("halb")
	before := m.foreign()
	if m.reaches("80") {
		t.Fatal("port 80 is open before anything was done")
	}
	mustFarmwall(t, 0, append([]string{"apply", "-y"}, flags...)...)
	nothingToDo := func(when string) {
		t.Helper()
		if !m.reaches("80") {
			t.Errorf("%s: port 80 is closed", when)
		}
		if m.reaches("9") {
			t.Errorf("%s: port 9 is open", when)
		}
		if now := withoutOurs(m.foreign()); now != withoutOurs(before) {
			t.Errorf("%s: foreign rules changed:\n%s\nbefore:\n%s", when, now, before)
		}
		mustFarmwall(t, 0, append([]string{"plan", "--detailed-exitcode"}, flags...)...)
		mustFarmwall(t, 0, append([]string{"drift"}, flags...)...)
	}
	nothingToDo("after apply")
	m.reboot()
	nothingToDo("after a reboot")
	m.crash()
	nothingToDo("after a crash")
	m.in("systemctl", "restart", "nftables")
	nothingToDo("after a restart of nftables")
	m.in("systemctl", "reload", "nftables")
	nothingToDo("after a reload of nftables")

	mustFarmwall(t, 0, append([]string{"remove", "-y"}, flags...)...)
	if after := m.foreign(); after != before {
		t.Errorf("after remove:\n%s\nbefore:\n%s", after, before)
	}
	if left := m.in("sh", "-c", "ls -A /etc/farmwall 2>/dev/null; find /etc/systemd -name '*farmwall*'"); left != "" {
		t.Errorf("remove left %q", left)
	}
	m.reboot()
	if m.reaches("80") {
		t.Error("port 80 is open after remove and a reboot")
	}
}

// startUnconfirmed applies with manual confirmation and returns once the rules
// are in place and the switch is armed.
func (m *machine) startUnconfirmed(window string, flags []string) *exec.Cmd {
	m.t.Helper()
	c := exec.Command(binary(m.t), append([]string{"apply", "-y", "--confirm", "manual", "--confirm-timeout", window}, flags...)...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	// A pipe that stays open: at its end apply would give up at once.
	if _, err := c.StdinPipe(); err != nil {
		m.t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { c.Process.Kill(); c.Wait(); m.t.Logf("unconfirmed apply: %s", out.String()) })
	m.until("the rules are in place", 30*time.Second, func() bool { return m.reaches("80") })
	return c
}

func TestAMachineThatRebootsInTheWindowIsBackInItsOldState(t *testing.T) {
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd") {
		return
	}
	m := newHandWritten(t)
	flags := m.inventory("halb")
	before := m.in("nft", "-s", "list", "ruleset")
	for name, restart := range map[string]func(){"reboot": m.reboot, "crash": m.crash} {
		c := m.startUnconfirmed("10m", flags)
		restart()
		c.Process.Kill()
		c.Wait()
		if after := m.in("nft", "-s", "list", "ruleset"); after != before {
			t.Errorf("after a %s in the window:\n%s\nbefore:\n%s", name, after, before)
		}
		// The host is free for the next change, and nothing of the old one comes back.
		mustFarmwall(t, 0, append([]string{"apply", "-y"}, flags...)...)
		mustFarmwall(t, 0, append([]string{"plan", "--detailed-exitcode"}, flags...)...)
		mustFarmwall(t, 0, append([]string{"remove", "-y"}, flags...)...)
		if after := m.in("nft", "-s", "list", "ruleset"); after != before {
			t.Fatalf("after remove:\n%s\nbefore:\n%s", after, before)
		}
	}
}

func TestTheSwitchOfSystemdUndoesWhatNobodyConfirms(t *testing.T) {
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd") {
		return
	}
	m := newHandWritten(t)
	flags := m.inventory("halb")
	before := m.in("nft", "-s", "list", "ruleset")
	c := m.startUnconfirmed("10s", flags)
	if units := m.in("systemctl", "list-units", "--no-legend", "farmwall-switch*"); !strings.Contains(units, "farmwall-switch") {
		t.Errorf("no transient service holds the switch: %q", units)
	}
	// The clock of the host is of no account, nor is its own firewall's reload.
	m.setBack()
	c.Process.Kill()
	m.in("systemctl", "reload", "nftables")
	// The reload alone has put back the administrator's rules; the switch still has to end.
	m.until("the switch has undone", 20*time.Second, func() bool {
		_, err := m.try("test", "-e", "/run/farmwall/token.done")
		return err == nil && m.in("nft", "-s", "list", "ruleset") == before
	})
	if !m.reaches("22") {
		t.Error("port 22 does not answer")
	}
	mustFarmwall(t, 0, append([]string{"apply", "-y"}, flags...)...)
}

// giveClock gives the machine a wall clock of its own, which setBack sets: the
// kernel has only one, and it belongs to the machine that runs the test.
func (m *machine) giveClock() {
	m.t.Helper()
	found, _ := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if len(found) == 0 {
		unable(m.t, "needs libfaketime")
	}
	settings := []string{"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=/etc/clock", "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "DONT_FAKE_MONOTONIC=1"}
	m.write("/etc/clock", "+0\n")
	m.write("/etc/systemd/system.conf.d/clock.conf", "[Manager]\nDefaultEnvironment="+strings.Join(settings, " ")+"\n")
	m.write("/etc/ssh/sshd_config", m.read(m.path("/etc/ssh/sshd_config"))+"SetEnv "+strings.Join(settings, " ")+"\n")
}

// setBack sets the machine's wall clock back by an hour, and makes sure that its
// services see it.
func (m *machine) setBack() {
	m.t.Helper()
	m.write("/etc/clock", "-1h\n")
	out := strings.TrimSpace(m.in("systemd-run", "--quiet", "--wait", "--pipe", "date", "+%s"))
	seconds, err := strconv.ParseInt(out, 10, 64)
	if behind := time.Since(time.Unix(seconds, 0)); err != nil || behind < 59*time.Minute {
		m.t.Fatalf("the clock was not set back: %q is %v ago, %v", out, behind, err)
	}
}
