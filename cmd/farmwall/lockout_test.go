//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/transport/lab"
)

// farmOf brings up hosts with OpenSSH's own sshd and a default-drop ruleset,
// all with the role HALB, and writes their inventory.
func farmOf(t testing.TB, n int, ruleset string) (farm *lab.Farm, inventory string) {
	t.Helper()
	return farmLike(t, n, lab.HostSpec{Ruleset: ruleset})
}

// farmLike is farmOf with all that its hosts are like.
func farmLike(t testing.TB, n int, like lab.HostSpec) (farm *lab.Farm, inventory string) {
	t.Helper()
	if os.Geteuid() != 0 {
		if tt, ok := t.(*testing.T); ok {
			unable(tt, "OpenSSH's sshd needs root")
		}
		t.Skip("OpenSSH's sshd needs root")
	}
	if err := lab.Check(); err != nil {
		if tt, ok := t.(*testing.T); ok {
			unable(tt, err.Error())
		}
		t.Skip(err)
	}
	var hosts []lab.HostSpec
	text := "[halb]\n"
	for i := range n {
		address := netip.AddrFrom4([4]byte{10, 78, byte(i / 200), byte(i%200 + 1)})
		name := fmt.Sprintf("halb%03d", i)
		like.Name, like.Addresses, like.RealSSHD = name, []netip.Addr{address}, true
		hosts = append(hosts, like)
		text += fmt.Sprintf("%s ansible_host=%s\n", name, address)
	}
	text += "[halb:vars]\nansible_user=root\n"
	dir := t.TempDir()
	inventory = filepath.Join(dir, "hosts.ini")
	if err := os.WriteFile(inventory, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	farm, err := lab.Up(context.Background(), lab.Options{Hosts: hosts, Self: []string{binary(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { farm.Close() })
	return farm, inventory
}

// inFarm runs the real program where the controller stands.
func inFarm(t testing.TB, farm *lab.Farm, args ...string) (string, int) {
	t.Helper()
	var out transcript
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	code, err := farm.Run(ctx, lab.Command{Argv: append([]string{binary(t)}, args...), Stdout: &out, Stderr: &out})
	if err != nil {
		t.Fatalf("farmwall %v: %v\n%s", args, err, out.String())
	}
	return out.String(), code
}

// transcript takes what a program says on both of its streams.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *transcript) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// rulesetOf is the host's whole ruleset, counters and handles aside.
func rulesetOf(t testing.TB, h *lab.Host) string {
	t.Helper()
	res, err := h.Exec(context.Background(), []string{"nft", "-s", "list", "ruleset"}, nil)
	if err != nil || res.Code != 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	return string(res.Stdout)
}

// A death is one way in which a change is interrupted: what happens, and after
// which step of the controller, with how much delay.
type death struct {
	what  string // "kill", "cut" or "reboot"
	step  string
	delay time.Duration
}

func (d death) String() string { return fmt.Sprintf("%s after %s+%v", d.what, d.step, d.delay) }

// deaths is every step of change, each dying all three ways: with one delay, drawn by
// lot, or under FARMWALL_SOAK with all of them.
func deaths(t *testing.T) []death {
	delays := []time.Duration{0, 15 * time.Millisecond, 60 * time.Millisecond}
	seed := time.Now().UnixNano()
	t.Logf("delays by seed %d", seed)
	lot := rand.New(rand.NewSource(seed))
	var all []death
	for _, what := range []string{"kill", "cut", "reboot"} {
		for _, step := range []string{"dial", "observe", "journal", "arm", "redial", "check", "confirm"} {
			if os.Getenv("FARMWALL_SOAK") != "1" {
				all = append(all, death{what, step, delays[lot.Intn(len(delays))]})
				continue
			}
			for _, delay := range delays {
				all = append(all, death{what, step, delay})
			}
		}
	}
	return all
}

// A host whose change dies at any step ends byte-identical to before or after,
// and its port 22 answers the controller within the switch's time plus 5 s.
func TestAChangeThatDiesLeavesTheHostInItsOldStateOrItsNewOne(t *testing.T) {
	dieEverywhere(t, lab.HostSpec{Ruleset: handWritten}, rulesetOf)
}

// The same where iptables rules the host, with each of its back ends.
func TestAChangeOfIptablesThatDiesLeavesTheHostInItsOldStateOrItsNewOne(t *testing.T) {
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("two farms of deaths; make soak")
	}
	for _, backend := range []string{"nft", "legacy"} {
		t.Run(backend, func(t *testing.T) {
			dieEverywhere(t, lab.HostSpec{AtBoot: fmt.Sprintf(closedByIptables, backend)}, wallsOf)
		})
	}
}

// closedByIptables is a script for a host's boot, of the back end that it is formatted
// with.
const closedByIptables = `#!/bin/sh
for p in iptables ip6tables; do $p-%s-restore <<'END'
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
END
done
`

// dieEverywhere has a change die at each of its steps on a host of its own; seen is what
// a host is compared by.
func dieEverywhere(t *testing.T, like lab.HostSpec, seen func(testing.TB, *lab.Host) string) {
	const window = 10 * time.Second
	cases := deaths(t)
	farm, inventory := farmLike(t, len(cases)+1, like)
	hosts := farm.Hosts()
	state := t.TempDir()
	flags := func(i int) []string {
		return []string{"-i", inventory, "-l", hosts[i].Name, "--state", filepath.Join(state, hosts[i].Name)}
	}
	// The last host shows what "after" looks like.
	witness := len(cases)
	before := seen(t, hosts[witness])
	if out, code := inFarm(t, farm, append([]string{"apply", "-y"}, flags(witness)...)...); code != 0 {
		t.Fatalf("exit %d\n%s", code, out)
	}
	after := seen(t, hosts[witness])
	if before == after {
		t.Fatal("apply changed nothing")
	}

	var wait sync.WaitGroup
	slots := make(chan struct{}, 20)
	for i, d := range cases {
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			outcome := die(t, farm, hosts[i], d, append([]string{"apply", "-y", "--output", "jsonl", "--confirm-timeout", window.String()}, flags(i)...))
			if outcome == "" {
				return
			}
			switch end := seen(t, hosts[i]); end {
			case before, after:
				t.Logf("%v: %s: %s", d, outcome, map[bool]string{true: "old state", false: "new state"}[end == before])
			default:
				t.Errorf("%v: %s: the host is between its states:\n%s", d, outcome, end)
			}
			// The next run finds its way: it completes what is left, and then there is nothing to do.
			if out, code := inFarm(t, farm, append([]string{"recover"}, flags(i)...)...); code != 0 && code != 3 {
				t.Errorf("%v: recover: exit %d\n%s", d, code, out)
			}
			if out, code := inFarm(t, farm, append([]string{"apply", "-y"}, flags(i)...)...); code != 0 {
				t.Errorf("%v: the next apply: exit %d\n%s", d, code, out)
			}
			if out, code := inFarm(t, farm, append([]string{"plan", "--detailed-exitcode"}, flags(i)...)...); code != 0 {
				t.Errorf("%v: the plan after it: exit %d\n%s", d, code, out)
			}
			if now := seen(t, hosts[i]); now != after {
				t.Errorf("%v: after the next apply:\n%s", d, now)
			}
		}()
	}
	wait.Wait()
}

// die runs farmwall until the step of the death, does it, and waits until the
// host has surely come to its end. It returns what happened, or "" after an error.
func die(t *testing.T, farm *lab.Farm, h *lab.Host, d death, args []string) string {
	t.Helper()
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		code, _ := farm.Run(ctx, lab.Command{Argv: append([]string{binary(t)}, args...), Stdout: write, Stderr: write})
		write.Close()
		ended <- code
	}()
	var said strings.Builder
	died := false
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		var e struct{ Event, Step string }
		if json.Unmarshal(lines.Bytes(), &e) == nil && !died && e.Step == d.step {
			died = true
			time.Sleep(d.delay)
			var err error
			switch d.what {
			case "kill":
				kill()
			case "cut":
				err = h.Cut(context.Background())
			case "reboot":
				err = h.Reboot(context.Background())
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	start := time.Now()
	code := <-ended
	if !died {
		t.Errorf("%v: the step never came; exit %d\n%s", d, code, said.String())
		return ""
	}
	if d.what == "cut" {
		if code == 0 {
			t.Logf("%v: the change was over before the cable was cut", d)
		}
		if err := h.Plug(context.Background()); err != nil {
			t.Error(err)
			return ""
		}
	}
	if !answers(farm, h, 15*time.Second-time.Since(start)) {
		t.Errorf("%v: port 22 does not answer %v after the death", d, time.Since(start))
		return ""
	}
	quiet(t, h)
	return fmt.Sprintf("exit %d", code)
}

// answers says whether the host's port 22 takes a connection within the limit.
func answers(farm *lab.Farm, h *lab.Host, limit time.Duration) bool {
	for end := time.Now().Add(max(limit, 2*time.Second)); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		c, err := farm.Dial(ctx, "tcp", netip.AddrPortFrom(h.Addresses[0], 22).String())
		cancel()
		if err == nil {
			c.Close()
			return true
		}
	}
	return false
}

// quiet waits until no change is under way on the host: no token that is armed,
// confirming or undoing.
func quiet(t *testing.T, h *lab.Host) {
	t.Helper()
	time.Sleep(2 * time.Second) // a script that was under way when the controller died begins by then
	for end := time.Now().Add(25 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		res, err := h.Exec(context.Background(), []string{"sh", "-c", "ls /run/farmwall/token.armed /run/farmwall/token.undoing 2>/dev/null"}, nil)
		if err == nil && len(res.Stdout) == 0 {
			return
		}
	}
	t.Errorf("%s: a change is still under way", h.Name)
}
