//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"farmwall/transport/lab"
)

// story is one farm with a controller, for several verbs.
type story struct {
	t     *testing.T
	farm  *lab.Farm
	inv   string
	state string
}

func newStory(t *testing.T, hosts int, ruleset string) *story {
	t.Helper()
	farm, inv := farmOf(t, hosts, ruleset)
	return &story{t: t, farm: farm, inv: inv, state: filepath.Join(t.TempDir(), "state")}
}

// run runs a verb as this story's controller and wants an exit code.
func (s *story) run(code int, args ...string) string {
	s.t.Helper()
	return s.as(s.state, code, args...)
}

// as is run for a controller with another journal.
func (s *story) as(state string, code int, args ...string) string {
	s.t.Helper()
	out, got := inFarm(s.t, s.farm, append(args, "-i", s.inv, "--state", state)...)
	if got != code {
		s.t.Fatalf("farmwall %v: exit %d, want %d\n%s", args, got, code, out)
	}
	return out
}

// on runs a command on the first host, past SSH and packet filter.
func (s *story) on(argv ...string) string {
	s.t.Helper()
	res, err := s.farm.Hosts()[0].Exec(context.Background(), argv, nil)
	if err != nil || res.Code != 0 {
		s.t.Fatalf("%v: %v, exit %d: %s", argv, err, res.Code, res.Stderr)
	}
	return string(res.Stdout)
}

func (s *story) ruleset() string {
	s.t.Helper()
	return rulesetOf(s.t, s.farm.Hosts()[0])
}

// synced wants that there is nothing to do.
func (s *story) synced() {
	s.t.Helper()
	s.run(0, "plan", "--detailed-exitcode")
	s.run(0, "drift")
	s.run(0, "verify")
}

func (s *story) says(out string, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			s.t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

// runOf finds the run that an output names.
func runOf(t *testing.T, out string) string {
	t.Helper()
	_, after, found := strings.Cut(out, "  run ")
	if !found {
		t.Fatalf("no run in\n%s", out)
	}
	return strings.Fields(after)[0]
}

func TestASavedPlanIsAppliedOnceAndOnlyToWhatItSaw(t *testing.T) {
	s := newStory(t, 1, handWritten)
	plan := filepath.Join(t.TempDir(), "plan")
	s.run(0, "plan", "-o", plan)
	s.run(2, "plan", "--detailed-exitcode")

	// Something foreign that decides about traffic has moved: the plan is made again,
	// and holds because the changes are the same.
	s.on("nft", "add", "rule", "inet", "filter", "input", "tcp", "dport", "7777", "accept")
	s.run(0, "apply", plan)
	s.synced()
	s.says(s.run(6, "apply", plan), "applied before")

	// What is ours has moved: refused, and nothing changes.
	s.run(0, "plan", "-e", `{"farmwall_rules": [{"id": "x", "protocol": "tcp", "port": 5}]}`, "-o", plan)
	s.on("nft", "add", "rule", "inet", "farmwall", "input", "tcp", "dport", "6666", "accept")
	before := s.ruleset()
	s.run(6, "apply", plan, "-e", `{"farmwall_rules": [{"id": "x", "protocol": "tcp", "port": 5}]}`)
	if s.ruleset() != before {
		t.Error("a stale plan changed the host")
	}

	// One byte of the file.
	text, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := strings.Replace(string(text), `"halb000"`, `"halb009"`, 1)
	if err := os.WriteFile(plan, []byte(spoilt), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(1, "apply", plan)
}

func TestDriftNamesHandEditsAndFixRestoresThem(t *testing.T) {
	s := newStory(t, 1, handWritten)
	s.says(s.run(0, "drift"), "the journal knows nothing") // nothing was ever applied: it says so
	s.run(0, "apply", "-y")
	s.synced()
	applied := s.ruleset()
	for name, edit := range map[string]string{
		"a rule gone":                  `nft flush chain inet filter farmwall_in`,
		"a rule added to ours":         `nft add rule inet farmwall input tcp dport 6666 accept`,
		"a twin":                       `nft add rule inet farmwall input tcp dport 80 accept comment \"farmwall:farm:halb-in-tcp-80:74294faf\"`,
		"the jump gone":                `nft delete rule inet filter input handle $(nft -a list chain inet filter input | sed -n 's/.*farmwall:farm:jump.*handle //p')`,
		"the jump twice":               `nft add rule inet filter input jump farmwall_in comment \"farmwall:farm:jump:00000000\"`,
		"a set changed":                `nft add element inet farmwall $(nft list sets inet | sed -n 's/.*set \(farmwall_4[^ ]*\).*/\1/p' | head -1) '{ 203.0.113.0/24 }'`,
		"our table gone":               `nft delete table inet farmwall`,
		"the persistent copy changed":  `echo >>/etc/farmwall/copy`,
		"the persistent copy gone":     `rm /etc/farmwall/copy`,
		"the unit not enabled":         `rm /etc/rc2.d/S*farmwall /etc/rc[345].d/S*farmwall`,
		"the administrator's reload":   `nft -f /etc/nftables.conf`,
		"our rule moved to other port": `nft flush chain inet farmwall input; nft add rule inet farmwall input tcp dport 81 accept comment \"farmwall:farm:halb-in-tcp-80:74294faf\"`,
	} {
		s.on("sh", "-c", edit)
		out := s.run(2, "drift")
		s.says(out, "the host was changed")
		s.run(0, "drift", "--fix")
		if now := s.ruleset(); now != applied {
			t.Errorf("%s: after drift --fix:\n%s\nwant:\n%s", name, now, applied)
		}
		s.synced()
	}

	// What only the inventory wants is pending: drift and its fix leave it.
	more := `{"farmwall_rules": [{"id": "extra", "protocol": "tcp", "port": 5000}]}`
	s.says(s.run(0, "drift", "-e", more), "extra")
	s.run(0, "drift", "--fix", "-e", more)
	if s.ruleset() != applied {
		t.Error("drift --fix rolled out what was only pending")
	}
	s.run(0, "drift", "--fix", "--to", "inventory", "-e", more)
	s.run(0, "plan", "--detailed-exitcode", "-e", more)
}

func TestRollbackAndRemoveLeadBackByteForByte(t *testing.T) {
	s := newStory(t, 3, handWritten)
	empty := s.ruleset()
	first := runOf(t, s.run(0, "apply", "-y"))
	one := s.ruleset()
	more := `{"farmwall_rules": [{"id": "extra", "protocol": "tcp", "port": 5000}]}`
	second := runOf(t, s.run(0, "apply", "-y", "-e", more))
	if s.ruleset() == one {
		t.Fatal("the second run changed nothing")
	}
	s.run(0, "rollback", second, "-y")
	if now := s.ruleset(); now != one {
		t.Errorf("after the rollback of the second run:\n%s\nwant:\n%s", now, one)
	}
	s.run(0, "rollback", first, "-y")
	if now := s.ruleset(); now != empty {
		t.Errorf("after the rollback of the first run:\n%s\nwant:\n%s", now, empty)
	}
	s.run(0, "apply", "-y")
	s.run(0, "remove", "-y")
	if now := s.ruleset(); now != empty {
		t.Errorf("after remove:\n%s\nwant:\n%s", now, empty)
	}
	s.says(mustFarmwall(t, 0, "history", "list", "--state", s.state), first, second)
	mustFarmwall(t, 0, "history", "verify", "--state", s.state)
}

func TestOfTwoControllersOneWins(t *testing.T) {
	s := newStory(t, 1, handWritten)
	codes := make([]int, 2)
	outs := make([]string, 2)
	var wait sync.WaitGroup
	for i := range codes {
		wait.Add(1)
		go func() {
			defer wait.Done()
			more := fmt.Sprintf(`{"farmwall_rules": [{"id": "c%d", "protocol": "tcp", "port": 500%d}]}`, i, i)
			outs[i], codes[i] = inFarm(t, s.farm, "apply", "-y", "-i", s.inv, "-e", more, "--state", fmt.Sprintf("%s%d", s.state, i))
		}()
	}
	wait.Wait()
	won := -1
	for i, code := range codes {
		switch code {
		case 0:
			won = i
		case 6, 7:
		default:
			t.Errorf("controller %d: exit %d\n%s", i, code, outs[i])
		}
	}
	if won < 0 || codes[1-won] == 0 && !strings.Contains(s.ruleset(), "c0") {
		t.Fatalf("codes %v:\n%s\n%s", codes, outs[0], outs[1])
	}
}

// A second controller's confirmed apply is no drift to be put right.
func TestDriftLeavesAnotherControllersRunAlone(t *testing.T) {
	s := newStory(t, 1, handWritten)
	s.run(0, "apply", "-y")
	other := s.state + "-other"
	out := s.as(other, 0, "apply", "-y", "-e", `{"farmwall_rules": [{"id": "theirs", "protocol": "tcp", "port": 5000}]}`)
	theirs := s.ruleset()
	s.says(s.run(2, "drift"), runOf(t, out))
	s.says(s.run(2, "drift", "--fix"), runOf(t, out))
	if s.ruleset() != theirs {
		t.Error("drift --fix reverted another controller's run")
	}
	s.run(0, "apply", "-y")
	s.synced()
}

// A host whose disk is full is left as it was, and says so.
func TestAFullDiskChangesNothing(t *testing.T) {
	for _, place := range []string{"/run", "/var"} {
		s := newStory(t, 1, handWritten)
		before := s.ruleset()
		s.on("sh", "-c", "mount -t tmpfs -o size=64k full /mnt 2>/dev/null; mkdir -p /run/farmwall /var/lib/farmwall; chmod 700 /run/farmwall /var/lib/farmwall; "+
			map[string]string{"/run": "mount -t tmpfs -o size=16k,mode=700 full /run/farmwall; ", "/var": "mount -t tmpfs -o size=4k,mode=700 full /var/lib/farmwall; head -c 4096 /dev/zero >/var/lib/farmwall/filler; "}[place])
		out := s.run(3, "apply", "-y")
		s.says(out, "full")
		if now := s.ruleset(); now != before {
			t.Errorf("%s is full, and the host is now\n%s", place, now)
		}
		s.on("umount", map[string]string{"/run": "/run/farmwall", "/var": "/var/lib/farmwall"}[place])
		s.run(0, "apply", "-y")
		s.synced()
	}
}

// Without systemd, too, confirmed rules come back at boot and unconfirmed ones
// do not.
func TestTheLabsOwnRebootKeepsWhatWasConfirmed(t *testing.T) {
	s := newStory(t, 1, handWritten)
	s.run(0, "apply", "-y")
	applied := s.ruleset()
	if err := s.farm.Hosts()[0].Reboot(context.Background()); err != nil {
		t.Fatal(err)
	}
	if now := s.ruleset(); now != applied {
		t.Errorf("after a reboot:\n%s\nwant:\n%s", now, applied)
	}
	s.synced()
}

// What cannot be reached, or is not who it was, is told apart and left alone.
func TestHostsThatCannotBeUsed(t *testing.T) {
	s := newStory(t, 2, handWritten)
	hosts := s.farm.Hosts()
	if err := hosts[1].Cut(context.Background()); err != nil {
		t.Fatal(err)
	}
	out := s.run(4, "apply", "-y")
	s.says(out, "unreachable: halb001")
	if !strings.Contains(s.ruleset(), "farmwall_in") {
		t.Error("the host that answers got nothing")
	}
	if err := hosts[1].Plug(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.run(0, "apply", "-y")

	none := filepath.Join(t.TempDir(), "none")
	s.says(s.run(4, "plan", "--known-hosts", none), "unknown host key", "ping --learn")
	s.run(0, "ping", "--learn", "-y", "--known-hosts", none)
	s.run(0, "plan", "--known-hosts", none)
	text, err := os.ReadFile(none)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	swapped := strings.Fields(lines[0])[0] + " " + strings.Join(strings.Fields(lines[1])[1:], " ") + "\n" + lines[1] + "\n"
	if err := os.WriteFile(none, []byte(swapped), 0o600); err != nil {
		t.Fatal(err)
	}
	s.says(s.run(4, "plan", "--known-hosts", none), "host key has changed")
	s.run(9, "plan", "-l", "nobody")
}
