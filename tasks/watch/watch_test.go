package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/tasks"
)

// hand is a clock that only the test moves.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hand) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hand) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func newWatcher(took func(n int) time.Duration) (*Watcher, *hand) {
	h := &hand{now: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)}
	n := 0
	w := &Watcher{Every: 15 * time.Minute, Now: h.Now, Done: func(Cycle) {}}
	w.Sleep = func(ctx context.Context, d time.Duration) error {
		h.add(d)
		return ctx.Err()
	}
	w.Cycle = func(context.Context) Cycle {
		n++
		h.add(took(n))
		return Cycle{Summary: &tasks.Summary{Outcomes: []tasks.Outcome{{Host: "a", Farm: "north", Status: tasks.OK}}}}
	}
	return w, h
}

func TestCyclesStartWhenTheyShould(t *testing.T) {
	w, h := newWatcher(func(n int) time.Duration {
		if n == 3 {
			return 40 * time.Minute // two starts are missed
		}
		return time.Minute
	})
	begun := h.Now()
	var starts []time.Duration
	w.Limit, w.Done = 6, func(c Cycle) {
		starts = append(starts, c.Started.Sub(begun))
		if c.Number < 6 && (c.Next.Sub(begun)%(15*time.Minute) != 0 || !c.Next.After(c.Started.Add(c.Took))) {
			t.Errorf("cycle %d: next at %v", c.Number, c.Next)
		}
	}
	if last := w.Run(context.Background()); last.Number != 6 || !last.Next.IsZero() {
		t.Errorf("last %+v", last)
	}
	if got := fmt.Sprint(starts); got != "[0s 15m0s 30m0s 1h15m0s 1h30m0s 1h45m0s]" {
		t.Errorf("starts %s", got)
	}
}

func TestJitterDoesNotAddUp(t *testing.T) {
	w, h := newWatcher(func(int) time.Duration { return time.Second })
	w.Jitter = 90 * time.Second
	begun := h.Now()
	late := map[time.Duration]bool{}
	w.Limit, w.Done = 50, func(c Cycle) {
		d := c.Started.Sub(begun) - time.Duration(c.Number-1)*15*time.Minute
		if d < 0 || d >= 90*time.Second {
			t.Errorf("cycle %d is %v late", c.Number, d)
		}
		late[d] = true
	}
	w.Run(context.Background())
	if len(late) < 10 {
		t.Errorf("only %d different delays", len(late))
	}
}

func TestAStopEndsTheCycleAndTheWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watcher{Every: time.Hour, Done: func(Cycle) {}}
	w.Cycle = func(ctx context.Context) Cycle {
		cancel()
		<-ctx.Done()
		return Cycle{Summary: &tasks.Summary{Interrupted: true}, Exit: 130}
	}
	if last := w.Run(ctx); last.Number != 1 || last.Exit != 130 {
		t.Errorf("%+v", last)
	}
	ctx, cancel = context.WithCancel(context.Background())
	w.Cycle = func(context.Context) Cycle { return Cycle{Summary: &tasks.Summary{}} }
	w.Done = func(Cycle) { cancel() } // while it waits for the next start
	if last := w.Run(ctx); last.Exit != 0 || last.Next.IsZero() {
		t.Errorf("%+v", last)
	}
}

func TestHealthFailsWhenACycleIsOverdue(t *testing.T) {
	w, h := newWatcher(func(int) time.Duration { return 0 })
	check := func(when string, want error) {
		t.Helper()
		if err := w.Health(); !errors.Is(err, want) {
			t.Errorf("%s: %v", when, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.Cycle = func(context.Context) Cycle {
		check("running", nil)
		h.add(59 * time.Minute)
		check("running for long", nil)
		h.add(2 * time.Minute)
		check("hanging", ErrOverdue)
		return Cycle{Err: errors.New("no inventory")}
	}
	w.Sleep = func(context.Context, time.Duration) error {
		check("waiting", nil)
		h.add(28 * time.Minute)
		check("late", nil)
		h.add(3 * time.Minute)
		check("stuck", ErrOverdue)
		cancel()
		return ctx.Err()
	}
	w.Run(ctx)
}

func TestMetricsAreOpenMetrics(t *testing.T) {
	if out, err := exec.Command("/usr/bin/python3", "-c", "import prometheus_client.openmetrics.parser").CombinedOutput(); err != nil {
		unable(t, "needs the OpenMetrics parser of prometheus_client (Debian: python3-prometheus-client): "+string(out))
	}
	w, _ := newWatcher(func(int) time.Duration { return time.Minute })
	open := true
	facts := Facts{Version: "1.0 \"x\"\\\n", WindowOpen: &open, Conditions: map[string]string{"north": "ok", "so\"uth\n": "drifted"}, Possible: []string{"ok", "drifted"},
		Deliveries: []Delivery{{"https://example.com/...", "delivered", 3}}}
	parse := func() string {
		t.Helper()
		var b strings.Builder
		if err := w.WriteMetrics(&b, facts); err != nil {
			t.Fatal(err)
		}
		c := exec.Command("/usr/bin/python3", "-c", `
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for f in text_string_to_metric_families(sys.stdin.read()):
    for s in f.samples:
        print(f.type, s.name, sorted(s.labels.items()), float(s.value))
`)
		c.Stdin = strings.NewReader(b.String())
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s\n%s", err, out, b.String())
		}
		return string(out)
	}
	parse() // before the first cycle
	w.Limit = 3
	n := 0
	w.Cycle = func(context.Context) Cycle {
		if n++; n == 2 {
			return Cycle{Err: errors.New("no inventory"), Exit: 1}
		}
		return Cycle{Exit: 2, Summary: &tasks.Summary{Outcomes: []tasks.Outcome{{Host: "a", Farm: "north", Status: tasks.Changed}, {Host: "b", Farm: "north", Status: tasks.Differs}}}}
	}
	w.Run(context.Background())
	got := parse()
	for _, want := range []string{
		"counter farmwall_cycles_total [('result', 'differs')] 2.0", "counter farmwall_cycles_total [('result', 'broken')] 1.0", "counter farmwall_fixed_hosts_total [] 2.0",
		"gauge farmwall_hosts [('farm', 'north'), ('status', 'differs')] 1.0", "stateset farmwall_farm_condition [('farm', 'north'), ('farmwall_farm_condition', 'ok')] 1.0",
		"gauge farmwall_last_cycle_exit_code [] 2.0", "gauge farmwall_window_open [] 1.0", "counter farmwall_notifications_total",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

// unable skips with the reason, or fails where skipping is forbidden.
func unable(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatalf("must not skip: %s", reason)
	}
	t.Skip(reason)
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, address := range []string{"0.0.0.0:0", "[::]:0", ":0", "192.0.2.1:0", "example.com:0"} {
		if l, err := Listen(ctx, address, false); err == nil || !strings.Contains(err.Error(), "--listen-public") {
			t.Errorf("%s: %v", address, err)
			if l != nil {
				l.Close()
			}
		}
	}
	if _, err := Listen(ctx, "9187", false); err == nil {
		t.Error("no address")
	}
	l, err := Listen(ctx, "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	w, h := newWatcher(func(int) time.Duration { return 0 })
	w.Limit = 1
	w.Run(ctx)
	done := make(chan error)
	go func() { done <- w.Serve(ctx, l, false, func() Facts { return Facts{} }) }()
	get := func(path, host string) (int, string, string) {
		t.Helper()
		req, _ := http.NewRequest(http.MethodGet, "http://"+l.Addr().String()+path, nil)
		req.Host = host
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, _ := io.ReadAll(answer.Body)
		return answer.StatusCode, answer.Header.Get("Content-Type"), string(body)
	}
	if code, kind, body := get("/metrics", ""); code != 200 || kind != ContentType || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("%d %s %s", code, kind, body)
	}
	if code, _, _ := get("/metrics", "evil.example.com"); code != http.StatusForbidden {
		t.Errorf("another name: %d", code)
	}
	if code, _, _ := get("/", "localhost"); code != http.StatusNotFound {
		t.Errorf("/: %d", code)
	}
	code, _, body := get("/healthz", "localhost:9187")
	var health map[string]any
	if err := json.Unmarshal([]byte(body), &health); err != nil || code != 200 || health["status"] != "ok" || health["cycles"] != 1.0 {
		t.Errorf("%d %s", code, body)
	}
	w.mu.Lock()
	w.state.due = h.Now()
	w.mu.Unlock()
	h.add(time.Hour)
	if code, _, body := get("/healthz", ""); code != http.StatusServiceUnavailable || !strings.Contains(body, "overdue") {
		t.Errorf("%d %s", code, body)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTheLockIsForOneProcessAndEndsWithIt(t *testing.T) {
	if dir := os.Getenv("FARMWALL_TEST_LOCK"); dir != "" {
		if _, err := Lock(dir, "ann@desk"); err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		time.Sleep(time.Minute)
		return
	}
	dir := t.TempDir()
	c := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	c.Env = append(os.Environ(), "FARMWALL_TEST_LOCK="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	if _, err := io.ReadFull(out, make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir, "bob@other"); !errors.Is(err, ErrRunning) || !strings.Contains(err.Error(), fmt.Sprintf("ann@desk, process %d, since ", c.Process.Pid)) {
		t.Errorf("%v", err)
	}
	c.Process.Kill()
	c.Wait()
	release, err := Lock(dir, "bob@other")
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	release()
	if release, err = Lock(dir, "bob@other"); err != nil {
		t.Fatalf("after its release: %v", err)
	}
	release()
	if _, err := Lock(dir+"/no/such", "x"); err == nil || errors.Is(err, ErrRunning) {
		t.Errorf("no directory: %v", err)
	}
}
