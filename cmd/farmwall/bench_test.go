//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
	"farmwall/transport/lab"

	"golang.org/x/crypto/ssh"
)

// benchHosts and benchForks are the size that the ratios are stated for.
const (
	benchHosts = 100
	benchForks = 32
)

// TestBench prints the figures of make bench: ratios measured in one run against
// a floor, which is a minimal SSH program that reads one ruleset a host.
func TestBench(t *testing.T) {
	if os.Getenv("FARMWALL_BENCH") == "" {
		t.Skip("make bench runs this: it measures, it does not test")
	}
	farm, inv := farmOf(t, benchHosts, handWritten)
	flags := []string{"-i", inv, "-f", fmt.Sprint(benchForks), "--state", filepath.Join(t.TempDir(), "state")}
	verb := func(want int, args ...string) func() {
		return func() {
			if out, code := inFarm(t, farm, append(args, flags...)...); code != want {
				t.Fatalf("farmwall %v: exit %d\n%s", args, code, out)
			}
		}
	}
	floor := func() { runFloor(t, farm, [][]string{{oneListing}}) }
	reads := func() { runFloor(t, farm, [][]string{{reading}}) }
	writes := func() { runFloor(t, farm, [][]string{{reading, changing}, {reading, confirming}}) }
	apply, remove, drift := verb(0, "apply", "-y"), verb(0, "remove", "-y"), verb(0, "drift")

	apply() // the first run also fills caches
	remove()
	var floors, readings, writings, applies, drifts []time.Duration
	for range 5 {
		floors = append(floors, took(floor))
		readings = append(readings, took(reads))
		writings = append(writings, took(writes))
		applies = append(applies, took(apply))
		drifts = append(drifts, took(drift))
		remove()
	}
	f, a, d, r, w := median(floors), median(applies), median(drifts), median(readings), median(writings)
	t.Logf("%d hosts, %d at a time, medians of 5:", benchHosts, benchForks)
	t.Logf("  floor, one connection and nft -j list ruleset   %8v", f.Round(time.Millisecond))
	t.Logf("  the same with what a reading lists              %8v   %.2f times the floor", r.Round(time.Millisecond), ratio(r, f))
	t.Logf("  two connections with a change's nft alone       %8v   %.2f times the floor", w.Round(time.Millisecond), ratio(w, f))
	t.Logf("  drift without differences                       %8v   %.2f times the floor (goal: at most 1.3)", d.Round(time.Millisecond), ratio(d, f))
	t.Logf("  apply with switch, second connection, confirm   %8v   %.2f times the floor (goal: at most 4)", a.Round(time.Millisecond), ratio(a, f))
	benchMemory(t)
	benchWanted(t)
}

func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func median(ds []time.Duration) time.Duration {
	slices.Sort(ds)
	return ds[len(ds)/2]
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }

// What the protocol of a change asks nft for, without anything around it: a
// reading lists the rules as text, for the fingerprints, and as JSON; a change
// lists, tests undo and target, loads, and lists again; a confirm lists, and tests
// the copy that it keeps. No program that follows the protocol takes less.
const (
	oneListing = "nft -j list ruleset"
	listing    = "nft -a -s -n list ruleset; "
	reading    = listing + "nft -j -s -n list ruleset; ip -o addr; ip route show table all"
	changing   = listing + "echo | nft -c -f -; echo | nft -c -f -; echo | nft -f -; " + listing
	confirming = listing + "echo | nft -c -f -"
)

// runFloor runs the floor where the controller stands, as a process of its own.
// Each host gets the connections in turn, each connection its sessions.
func runFloor(t *testing.T, farm *lab.Farm, connections [][]string) {
	t.Helper()
	steps, err := json.Marshal(connections)
	if err != nil {
		t.Fatal(err)
	}
	var addresses []string
	for _, h := range farm.Hosts() {
		addresses = append(addresses, h.Addresses[0].String())
	}
	var out transcript
	code, err := farm.Run(context.Background(), lab.Command{
		Argv:   []string{os.Args[0], "-test.run", "^TestFloor$", "-test.count", "1"},
		Env:    []string{"FARMWALL_BENCH_FLOOR=" + strings.Join(addresses, ","), "FARMWALL_BENCH_KEY=" + farm.KeyFile(), "FARMWALL_BENCH_STEPS=" + string(steps)},
		Stdout: &out, Stderr: &out,
	})
	if err != nil || code != 0 {
		t.Fatalf("floor: %v, exit %d\n%s", err, code, out.String())
	}
}

// TestFloor is the floor: the least that any tool must do to read the hosts.
func TestFloor(t *testing.T) {
	addresses := os.Getenv("FARMWALL_BENCH_FLOOR")
	if addresses == "" {
		t.Skip("TestBench runs this")
	}
	text, err := os.ReadFile(os.Getenv("FARMWALL_BENCH_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	// Whom it talks to is no matter of the floor's; no product code does this.
	var connections [][]string
	if err := json.Unmarshal([]byte(os.Getenv("FARMWALL_BENCH_STEPS")), &connections); err != nil {
		t.Fatal(err)
	}
	config := &ssh.ClientConfig{User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: ssh.InsecureIgnoreHostKey()}
	var wait sync.WaitGroup
	slots := make(chan struct{}, benchForks)
	for _, address := range strings.Split(addresses, ",") {
		wait.Add(1)
		go func() {
			defer wait.Done()
			slots <- struct{}{}
			defer func() { <-slots }()
			for _, sessions := range connections {
				if err := sessionsOn(address, config, sessions); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	wait.Wait()
}

// sessionsOn runs commands over one connection, each in a session of its own.
func sessionsOn(address string, config *ssh.ClientConfig, commands []string) error {
	client, err := ssh.Dial("tcp", address+":22", config)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, command := range commands {
		session, err := client.NewSession()
		if err != nil {
			return err
		}
		if _, err := session.Output(command); err != nil {
			return err
		}
	}
	return nil
}

// benchMemory measures the largest memory of a run over 1,000 hosts of which
// none ever answers.
func benchMemory(t *testing.T) {
	farm, _ := farmOf(t, 1, "")
	text := "[halb]\n"
	for i := range 1000 {
		text += fmt.Sprintf("h%d ansible_host=10.78.0.1 ansible_port=22 ras_addresses=10.90.%d.%d\n", i, i/250, i%250+1)
	}
	inv := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(inv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := farm.Hosts()[0]
	if err := h.Pause(context.Background()); err != nil {
		t.Fatal(err)
	}
	var out transcript
	code, err := farm.Run(context.Background(), lab.Command{
		Argv:   []string{"/usr/bin/env", "bash", "-c", `"$@" & pid=$!; sleep 8; grep VmHWM /proc/$pid/status >&2; kill -INT $pid; wait $pid; exit 0`, "-", binary(t), "ping", "-i", inv},
		Stderr: &out,
	})
	if err != nil || code != 0 {
		t.Fatalf("memory: %v, exit %d: %s", err, code, out.String())
	}
	var kib int
	for _, line := range strings.Split(out.String(), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Sscan(rest, &kib)
		}
	}
	t.Logf("  memory with 1,000 hosts waiting                 %5d MiB   (goal: under 100)", kib/1024)
}

// benchWanted measures the CPU time of the wanted rules of growing farms.
func benchWanted(t *testing.T) {
	rows, err := catalog.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1250, 2500, 5000, 10000} {
		inv, err := inventory.Load(context.Background(), []string{largeInventory(t, n)}, inventory.Options{})
		if err != nil {
			t.Fatal(err)
		}
		before := cpu()
		for _, farm := range inv.Farms {
			policy := rules.NewPolicy(rows, farm, nil)
			for _, h := range farm.Members {
				if _, _, err := policy.Desired(h); err != nil {
					t.Fatal(err)
				}
			}
		}
		t.Logf("  wanted rules of %6d hosts                     %8v of CPU%s", n, (cpu() - before).Round(time.Millisecond),
			map[bool]string{true: "   (goal: under 1 s, and linear)"}[n == 10000])
	}
}

// cpu is the CPU time of this process so far.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// largeInventory is a farm of n hosts in four roles.
func largeInventory(t testing.TB, n int) string {
	t.Helper()
	var b strings.Builder
	roles := []string{"gateway", "publishing_agent", "rdsh", "halb"}
	for r, role := range roles {
		fmt.Fprintf(&b, "[%s]\n", role)
		for i := r; i < n; i += len(roles) {
			fmt.Fprintf(&b, "h%05d ansible_host=10.%d.%d.%d\n", i, 100+i/62500, i/250%250, i%250+1)
		}
	}
	path := filepath.Join(t.TempDir(), "large.ini")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
