package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/tasks"
)

// dyingName is what this test program is called where it runs as a farmwall that dies
// at a write of the journal. Only a test program can be it.
const dyingName = "dying-farmwall"

// dieAt says at which write: its number from 1, and then "before" or "after". Number 0
// writes how many there were to standard error, at the end.
const dieAt = "FARMWALL_TEST_DIE_AT"

// dying runs farmwall with a journal that kills the process.
func dying() {
	var n int
	var when string
	if _, err := fmt.Sscan(os.Getenv(dieAt), &n, &when); err != nil {
		fmt.Fprintln(os.Stderr, dieAt+":", err)
		os.Exit(99)
	}
	k := &dyingKeeper{at: n, after: when == "after"}
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, keeper: func(journal tasks.Keeper) tasks.Keeper {
		k.Keeper = journal
		return k
	}}
	code := p.run(context.Background(), os.Args)
	if n == 0 {
		fmt.Fprintf(os.Stderr, "\nwrites: %d\n", k.writes)
	}
	os.Exit(code)
}

// dyingKeeper is the journal of a process that dies at the n-th write.
type dyingKeeper struct {
	tasks.Keeper
	mu     sync.Mutex
	writes int
	at     int
	after  bool
}

func (k *dyingKeeper) write(do func() error) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	if k.writes == k.at && !k.after {
		dieNow()
	}
	err := do()
	if k.writes == k.at {
		dieNow()
	}
	return err
}

// dieNow is SIGKILL: nothing of the process goes on.
func dieNow() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
	select {}
}

func (k *dyingKeeper) Begin(ctx context.Context, run tasks.RunRecord) error {
	return k.write(func() error { return k.Keeper.Begin(ctx, run) })
}

func (k *dyingKeeper) Intend(ctx context.Context, h tasks.HostRecord) error {
	return k.write(func() error { return k.Keeper.Intend(ctx, h) })
}

func (k *dyingKeeper) Finish(ctx context.Context, run, farm, host string, status tasks.Status, detail, ours string) error {
	return k.write(func() error { return k.Keeper.Finish(ctx, run, farm, host, status, detail, ours) })
}

func (k *dyingKeeper) End(ctx context.Context, run string, exit int) error {
	return k.write(func() error { return k.Keeper.End(ctx, run, exit) })
}

func (k *dyingKeeper) Cycle(ctx context.Context, at time.Time, hosts, differing int) error {
	return k.write(func() error { return k.Keeper.Cycle(ctx, at, hosts, differing) })
}

func (k *dyingKeeper) Witness(ctx context.Context, seen []tasks.Evidence) error {
	return k.write(func() error { return k.Keeper.Witness(ctx, seen) })
}

func (k *dyingKeeper) Summarise(ctx context.Context, s tasks.SummaryRecord) error {
	return k.write(func() error { return k.Keeper.Summarise(ctx, s) })
}

// dyingBinary returns the path of the farmwall that dies.
func dyingBinary(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "farmwall-dying-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, dyingName)
	if err := os.Symlink(self, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// breakable is a farm whose runs can be broken off, of either system.
type breakable struct {
	t      *testing.T
	dir    string
	dying  string
	hosts  int
	verb   func(program, env string, args ...string) (out string, code int) // code -1: a signal
	states func() []string                                                  // one for each host
	flags  []string                                                         // of apply
	failed int                                                              // the exit code of a run that is not broken off
}

// atEveryWrite breaks a run off before and after each write of its journal, or at so
// many of these in an ordinary run, and wants recover to bring it to an end.
func (b *breakable) atEveryWrite(some int) {
	t := b.t
	old := b.states()
	apply := func(at string, state string) (string, int) {
		return b.verb(b.dying, dieAt+"="+at, append([]string{"apply", "-y", "-f", "4", "--state", state}, b.flags...)...)
	}
	again := func(state string) {
		if out, code := b.verb(binary(t), "", "remove", "-y", "--state", state); code != 0 {
			t.Fatalf("remove: exit %d\n%s", code, out)
		}
		b.same("after remove", old, b.states())
	}
	state := filepath.Join(b.dir, "state")
	out, code := apply("0 never", state)
	if code != b.failed {
		t.Fatalf("exit %d, not %d\n%s", code, b.failed, out)
	}
	full := b.states() // where the run is taken back: the old one
	again(state)
	writes := 0
	if _, after, ok := strings.Cut(out, "\nwrites: "); !ok {
		t.Fatalf("no number of writes in\n%s", out)
	} else if _, err := fmt.Sscan(after, &writes); err != nil {
		t.Fatal(err)
	}
	points := 2 * writes
	step := 1
	if os.Getenv("FARMWALL_SOAK") != "1" {
		step = max(1, points/some)
	}
	ends := map[string]int{}
	done := 0
	for n := 0; n < points; n += step {
		at := strconv.Itoa(n/2+1) + " " + []string{"before", "after"}[n%2]
		state := filepath.Join(b.dir, fmt.Sprintf("state%d", n))
		out, code := apply(at, state)
		if code != -1 { // with several hosts at a time there may be fewer writes
			t.Logf("%s: not reached", at)
			again(state)
			continue
		}
		done++
		ends[b.recovered(at, state, old, full, out)]++
		again(state)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d writes, %d kill points, hosts with the new rules at the end: %v", writes, done, ends)
}

// recovered wants a run that was broken off to be brought to its end by recover, and
// says what that was.
func (b *breakable) recovered(at, state string, old, full []string, said string) string {
	t := b.t
	verb := func(args ...string) (string, int) {
		return b.verb(binary(t), "", append(args, "--state", state)...)
	}
	out, code := verb("recover")
	if code != 0 && code != 3 {
		t.Errorf("%s: recover: exit %d\n%s\nafter\n%s", at, code, out, said)
	}
	fresh := 0
	for i, now := range b.states() {
		switch now {
		case old[i]:
		case full[i]:
			fresh++
		default:
			if b.failed == 0 {
				t.Errorf("%s: host %d is between its states:\n%s\nrecover said\n%s", at, i+1, now, out)
			} else {
				t.Errorf("%s: host %d was not taken back:\n%s\nrecover said\n%s", at, i+1, now, out)
			}
		}
	}
	if again, code := verb("recover"); code != 0 {
		t.Errorf("%s: a second recover: exit %d\n%s\nafter\n%s", at, code, again, out)
	}
	if out, code := b.verb(binary(t), "-", "history", "verify", "--state", state); code != 0 {
		t.Errorf("%s: history verify: exit %d\n%s", at, code, out)
	}
	want := exitDiffers
	if fresh == b.hosts {
		want = exitOK
	}
	if out, code := verb("plan", "--detailed-exitcode"); code != want {
		t.Errorf("%s: plan with %d of %d hosts new: exit %d\n%s", at, fresh, b.hosts, code, out)
	}
	return fmt.Sprintf("%d of %d", fresh, b.hosts)
}

// same fails where hosts are not what they were.
func (b *breakable) same(when string, want, have []string) {
	b.t.Helper()
	for i := range want {
		if want[i] != have[i] {
			b.t.Errorf("%s: host %d is\n%s\nnot\n%s", when, i+1, have[i], want[i])
		}
	}
}
