//go:build linux

package nftables_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// meter is a host with process numbers of its own, whose first process takes in
// whatever a script leaves behind: all CPU time and all processes are seen.
type meter struct {
	b      *testing.B
	dir    string
	in     io.Writer
	answer *bufio.Reader
}

func newMeter(b *testing.B, ruleset string) *meter {
	b.Helper()
	linuxtest.Needs(b, "unshare", "nft", "ip", "flock", "setsid")
	text := linuxtest.SetUp("", "/bin/sh")
	cmd := exec.Command("unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", text, "sh", "sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	m := &meter{b: b, dir: b.TempDir(), in: in, answer: bufio.NewReader(out)}
	if _, err := m.answer.ReadString('\n'); err != nil { // the client
		b.Fatal("the namespace could not be set up")
	}
	m.run(rules.Script{Body: "nft -f -", Input: []byte(ruleset)})
	return m
}

// do has the first process run shell text that prints one line.
func (m *meter) do(text string) string {
	m.b.Helper()
	if _, err := io.WriteString(m.in, text+"\n"); err != nil {
		m.b.Fatal(err)
	}
	line, err := m.answer.ReadString('\n')
	if err != nil {
		m.b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// run runs a script and returns what it printed.
func (m *meter) run(s rules.Script) []byte {
	m.b.Helper()
	script, input, output := filepath.Join(m.dir, "script"), filepath.Join(m.dir, "input"), filepath.Join(m.dir, "output")
	for file, text := range map[string][]byte{script: []byte("(\n" + s.Body + "\n)\n"), input: s.Input} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			m.b.Fatal(err)
		}
	}
	if status := m.do(fmt.Sprintf("/bin/sh %s '' <%s >%s 2>&1; echo $?", script, input, output)); status != "0" {
		m.b.Fatalf("%s: status %s", s.Name, status)
	}
	out, err := os.ReadFile(output)
	if err != nil {
		m.b.Fatal(err)
	}
	return out
}

func (m *meter) state() *rules.State {
	m.b.Helper()
	out := m.run(system.Observe())
	s, err := system.Decode(out)
	if err != nil {
		m.b.Fatalf("%v\n%s", err, out)
	}
	return s
}

func (m *meter) frame(s rules.Script, want rules.Result) *rules.Report {
	m.b.Helper()
	out := m.run(s)
	r, err := system.Answer(out)
	if err != nil || r.Result != want {
		m.b.Fatalf("%s: %v, %s", s.Name, err, out)
	}
	return r
}

// cost is what a script takes from a host: CPU time, processes made and the time that passed.
type cost struct {
	cpu, wall time.Duration
	processes int
}

// now is the cost of everything so far; what ended meanwhile is waited for first.
func (m *meter) now() cost {
	m.b.Helper()
	c := cost{wall: time.Duration(time.Now().UnixNano())}
	if _, err := fmt.Sscan(m.do("sh -c 'echo $$'"), &c.processes); err != nil {
		m.b.Fatal(err)
	}
	m.do("times >" + m.dir + "/times; echo")
	text, err := os.ReadFile(m.dir + "/times")
	if err != nil {
		m.b.Fatal(err)
	}
	for _, f := range strings.Fields(string(text))[2:] {
		d, err := time.ParseDuration(f)
		if err != nil {
			m.b.Fatal(err)
		}
		c.cpu += d
	}
	return c
}

// add adds what happened from one moment to another.
func (c *cost) add(from, to cost) {
	c.cpu += to.cpu - from.cpu
	c.wall += to.wall - from.wall
	c.processes += to.processes - from.processes - 1 // the one that looked
}

func (c *cost) report(b *testing.B) {
	n := float64(b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(c.cpu.Microseconds())/1000/n, "cpu-ms/op")
	b.ReportMetric(float64(c.wall.Microseconds())/1000/n, "wall-ms/op")
	b.ReportMetric(float64(c.processes)/n, "processes/op")
}

// The floor of every reading.
func BenchmarkFloor(b *testing.B) {
	benchmarkScript(b, rules.Script{Body: "nft -j list ruleset"})
}

func BenchmarkObserve(b *testing.B) { benchmarkScript(b, system.Observe()) }

func benchmarkScript(b *testing.B, s rules.Script) {
	m := newMeter(b, hosts["default drop inet"])
	var c cost
	from := m.now()
	for range b.N {
		m.run(s)
	}
	c.add(from, m.now())
	c.report(b)
}

func BenchmarkChange(b *testing.B) {
	change, _ := benchmarkApply(b)
	change.report(b)
}

func BenchmarkConfirm(b *testing.B) {
	_, confirm := benchmarkApply(b)
	confirm.report(b)
}

// benchmarkApply puts rules on a host and takes them off again, and measures the
// putting on; the switch counts for the change, its end for the confirm.
func benchmarkApply(b *testing.B) (change, confirm cost) {
	m := newMeter(b, hosts["default drop inet"])
	put := func(want rules.Set) {
		s := m.state()
		target, err := system.Target(s, want)
		if err != nil {
			b.Fatal(err)
		}
		undo, err := system.Undo(s)
		if err != nil {
			b.Fatal(err)
		}
		start := m.now()
		r := m.frame(system.Change(rules.ChangeRequest{
			Run: "run-1", Controller: "admin@controller", Lease: s.Lease.Number,
			Ours: s.Ours, Rest: s.Rest, Window: time.Minute, Target: target, Undo: undo, Digest: want.Digest(),
		}), rules.Applied)
		loaded := m.now()
		m.frame(system.Confirm(rules.ConfirmRequest{
			Run: "run-1", Controller: "admin@controller", Lease: r.Lease, Time: time.Unix(1700000000, 0),
		}), rules.Confirmed)
		confirmed := m.now()
		if len(want) > 0 {
			change.add(start, loaded)
			confirm.add(loaded, confirmed)
		}
	}
	for range b.N {
		put(someSet(b))
		put(nil)
	}
	return change, confirm
}
