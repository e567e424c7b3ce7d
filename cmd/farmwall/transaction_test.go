//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// closedAnyway is handWritten with a chain of somebody else's, in which our rules have no
// place, that closes a port which they open: after an apply the verdict is not what is wanted.
const closedAnyway = handWritten + `
table inet audit {
	chain arriving {
		type nat hook prerouting priority -100; policy accept;
		tcp dport 8443 drop
	}
}
`

// sessionHosts brings up so many session hosts that all open port 8443; where one is
// spoilt (counted from 1), something foreign closes it there.
func sessionHosts(t *testing.T, n, spoilt int) *story {
	t.Helper()
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	var hosts []lab.HostSpec
	text := "[rdsh]\n"
	for i := range n {
		h := lab.HostSpec{Name: fmt.Sprintf("rd%02d", i+1), Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 78, 0, byte(i + 1)})}, Ruleset: handWritten}
		if i+1 == spoilt {
			h.Ruleset = closedAnyway
		}
		hosts = append(hosts, h)
		text += fmt.Sprintf("%s ansible_host=%s\n", h.Name, h.Addresses[0])
	}
	text += "[rdsh:vars]\nansible_user=root\nansible_timeout=5\nfarmwall_rules=[{'id': 'more', 'protocol': 'tcp', 'port': 8443, 'scope': 'external'}]\n"
	dir := t.TempDir()
	s := &story{t: t, inv: filepath.Join(dir, "hosts.ini"), state: filepath.Join(dir, "state")}
	if err := os.WriteFile(s.inv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.farm, err = lab.Up(context.Background(), lab.Options{Hosts: hosts, Self: []string{binary(t)}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.farm.Close() })
	return s
}

func (s *story) rulesets() []string {
	s.t.Helper()
	var all []string
	for _, h := range s.farm.Hosts() {
		all = append(all, rulesetOf(s.t, h))
	}
	return all
}

// while runs a verb and does something when an event tells of it; it returns what was
// said and the exit code.
func (s *story) while(is func(event, host, step, text string) bool, do func(), args ...string) (string, int) {
	s.t.Helper()
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code, err := s.farm.Run(context.Background(), lab.Command{Argv: append([]string{binary(s.t)}, append(args, "--output", "jsonl", "-i", s.inv, "--state", s.state)...), Stdout: write, Stderr: write})
		if err != nil {
			s.t.Error(err)
		}
		write.Close()
		ended <- code
	}()
	var said strings.Builder
	lines := bufio.NewScanner(read)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		var e struct{ Event, Host, Step, Text string }
		if json.Unmarshal(lines.Bytes(), &e) == nil && do != nil && is(e.Event, e.Host, e.Step, e.Text) {
			do()
			do = nil
		}
	}
	if do != nil {
		s.t.Errorf("the event never came:\n%s", said.String())
	}
	return said.String(), <-ended
}

// 20 hosts in batches of 1, 5 and 14. Host 12 fails its verdict after its apply: all 20
// are what they were, byte for byte.
func TestARunIsOneTransaction(t *testing.T) {
	s := sessionHosts(t, 20, 12)
	before := s.rulesets()
	run := []string{"--serial", "1,5,14", "--on-fail", "run"}
	s.says(s.run(0, "plan", "--serial", "1,5,14"), "batch 1 of 3, 1 host: rd01", "batch 3 of 3, 14 hosts: rd07")
	out := s.run(3, append([]string{"apply", "-y"}, run...)...)
	s.says(out, "restored=20", "8443", "taking back 14 hosts", "taking back 1 host\n")
	same(t, before, s.rulesets())
	s.run(0, "recover")

	// Somebody's edit of a rule survives a rollback, and is named.
	out = s.run(0, "apply", "-y", "-l", "rd01,rd02,rd03")
	res, err := s.farm.Hosts()[2].Exec(context.Background(), []string{"sh", "-c",
		`nft -a list chain inet farmwall input | sed -n 's/.*8443.*handle //p' | while read h; do nft replace rule inet farmwall input handle $h tcp dport 8444 accept comment \"$(nft list chain inet farmwall input | sed -n 's/.*8443.*comment "\(.*\)".*/\1/p')\"; done`}, nil)
	if err != nil || res.Code != 0 || len(res.Stderr) > 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	s.says(s.run(0, "rollback", runOf(t, out), "-y"), "more was changed on the host since the run; it is kept as it is")
	now := s.rulesets()
	if !strings.Contains(now[2], "8444") {
		t.Errorf("the edit is gone:\n%s", now[2])
	}
	now[2] = before[2]
	same(t, before, now)
}

func same(t *testing.T, want, have []string) {
	t.Helper()
	for i := range want {
		if want[i] != have[i] {
			t.Errorf("host %d is now\n%s\nnot\n%s", i+1, have[i], want[i])
		}
	}
}

// Host 12 (of 20; in an ordinary run 4 of 6) loses its power instead: while it is
// changed, or while its batch soaks after its confirm. The others are back, and recover
// brings the last one back when it can be reached again.
func TestAHostDiesInATransaction(t *testing.T) {
	hosts, serial, dies := 6, "1,2,3", 4
	if os.Getenv("FARMWALL_SOAK") == "1" {
		hosts, serial, dies = 20, "1,5,14", 12
	}
	for name, is := range map[string]func(event, host, step, text string) bool{
		"in its change": func(_, host, step, _ string) bool { return host == fmt.Sprintf("rd%02d", dies) && step == "redial" },
		"in the soak": func(event, _, _, text string) bool {
			return event == "waiting" && strings.Contains(text, "batch 3 of 3 soaks")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sessionHosts(t, hosts, 0)
			before := s.rulesets()
			dead := s.farm.Hosts()[dies-1]
			out, code := s.while(is, func() {
				if err := dead.Off(context.Background()); err != nil {
					t.Error(err)
				}
			}, "apply", "-y", "--serial", serial, "--on-fail", "run", "--confirm-timeout", "10s", "--soak", "1s")
			if code != exitDoubtful {
				t.Errorf("exit %d\n%s", code, out)
			}
			if err := dead.On(context.Background()); err != nil {
				t.Fatal(err)
			}
			s.says(s.run(0, "plan"), "`farmwall recover`")
			s.says(s.run(3, "recover"), "restored=1", dead.Name)
			same(t, before, s.rulesets())
			s.says(s.run(0, "recover"), "ok=0 changed=0 unreachable=0 failed=0")
			mustFarmwall(t, 0, "history", "verify", "--state", s.state)
		})
	}
}

// The controller is killed at every write of the journal, in a run that goes well and in
// one that is taken back.
func TestTheControllerIsKilledAtEveryWrite(t *testing.T) {
	for name, spoilt := range map[string]int{"goes well": 0, "taken back": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts, serial := 4, "1,1,2"
			if os.Getenv("FARMWALL_SOAK") == "1" {
				hosts, serial = 20, "1,5,14"
				if spoilt > 0 {
					spoilt = 12
				}
			}
			s := sessionHosts(t, hosts, spoilt)
			b := &breakable{t: t, dir: t.TempDir(), dying: dyingBinary(t), hosts: hosts, states: s.rulesets, flags: []string{"--serial", serial}}
			if spoilt > 0 {
				b.flags, b.failed = append(b.flags, "--on-fail", "run"), 3
			}
			b.verb = func(program, env string, args ...string) (string, int) {
				argv := append([]string{program}, args...)
				if env != "-" {
					argv = append(argv, "-i", s.inv)
				}
				if strings.Contains(env, "=") {
					argv = append([]string{"env", env}, argv...)
				}
				var out transcript
				code, err := s.farm.Run(t.Context(), lab.Command{Argv: argv, Stdout: &out, Stderr: &out})
				if err != nil {
					t.Fatal(err)
				}
				if code >= 128 {
					code = -1
				}
				return out.String(), code
			}
			b.atEveryWrite(3)
		})
	}
}
