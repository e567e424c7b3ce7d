package notify

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/tasks"
)

// ear is a receiver in memory.
type ear struct {
	name  string
	farms []string
	mu    sync.Mutex
	heard []*Message
	deaf  func(n int) error // asked before each message
	tries int
}

func (e *ear) Name() string           { return e.name }
func (e *ear) Wants(farm string) bool { return len(e.farms) == 0 || e.farms[0] == farm }
func (e *ear) Send(ctx context.Context, m *Message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tries++
	if e.deaf != nil {
		if err := e.deaf(e.tries); err != nil {
			return err
		}
	}
	e.heard = append(e.heard, m)
	return nil
}

// said is what was heard since the last time, as "farm:event:condition".
func (e *ear) said() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []string
	for _, m := range e.heard {
		out = append(out, fmt.Sprintf("%s:%s:%s", m.Farm, m.Event, m.Condition))
	}
	e.heard = nil
	return strings.Join(out, " ")
}

// town is a teller with a clock and ears.
type town struct {
	*Teller
	now time.Time
}

func newTown(t *testing.T, ears ...Receiver) *town {
	w := &town{now: time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)}
	w.Teller = &Teller{Receivers: ears, Dir: t.TempDir(), Controller: "ann@desk", Now: func() time.Time { return w.now },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, Patience: 2 * time.Second}
	return w
}

// cycle tells of hosts by their status, and goes on 15 minutes.
func (w *town) cycle(t *testing.T, statuses ...tasks.Status) []Told {
	t.Helper()
	s := &tasks.Summary{Verb: "drift"}
	for i, st := range statuses {
		s.Outcomes = append(s.Outcomes, tasks.Outcome{Host: fmt.Sprintf("h%d", i), Farm: "north", Status: st})
	}
	told, err := w.Tell(context.Background(), Reports(s), s, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(15 * time.Minute)
	return told
}

func TestOnlyChangesAreTold(t *testing.T) {
	e := &ear{name: "ops"}
	w := newTown(t, e)
	for i, c := range []struct {
		statuses []tasks.Status
		want     string
	}{
		{[]tasks.Status{tasks.OK, tasks.PendingOnly}, ""},
		{[]tasks.Status{tasks.OK, tasks.Differs}, "north:changed:drifted"},
		{[]tasks.Status{tasks.OK, tasks.Differs}, ""},
		{[]tasks.Status{tasks.Differs, tasks.Differs}, ""},
		{[]tasks.Status{tasks.Differs, tasks.Doubtful}, "north:changed:doubtful"},
		{[]tasks.Status{tasks.Changed, tasks.OK}, "north:changed:fixed"},
		{[]tasks.Status{tasks.OK, tasks.OK}, ""}, // it was told when it was fixed
		{[]tasks.Status{tasks.Changed, tasks.OK}, "north:changed:fixed"},
		{[]tasks.Status{tasks.Unreachable, tasks.OK}, "north:changed:unreachable"},
		{[]tasks.Status{tasks.Skipped, tasks.Skipped}, ""}, // nobody looked
		{[]tasks.Status{tasks.OK, tasks.OK}, "north:recovered:ok"},
		{[]tasks.Status{tasks.OK, tasks.OK}, ""},
		{[]tasks.Status{tasks.LeaseTaken, tasks.Foreign}, "north:changed:busy"},
		{[]tasks.Status{tasks.NotOpen, tasks.Restored}, "north:changed:not-open"},
	} {
		w.cycle(t, c.statuses...)
		if got := e.said(); got != c.want {
			t.Errorf("cycle %d %v: told %q, want %q", i, c.statuses, got, c.want)
		}
	}
}

func TestABadFarmRemindsOnceADay(t *testing.T) {
	e := &ear{name: "ops"}
	w := newTown(t, e)
	w.cycle(t, tasks.Differs)
	first := w.now
	e.said()
	var at []time.Duration
	for range 4 * 24 * 3 {
		before := w.now
		w.cycle(t, tasks.Differs)
		if got := e.said(); got == "north:reminder:drifted" {
			at = append(at, before.Sub(first).Round(time.Hour))
		} else if got != "" {
			t.Errorf("told %q", got)
		}
	}
	if want := []time.Duration{24 * time.Hour, 48 * time.Hour, 72 * time.Hour}; !reflect.DeepEqual(at, want) {
		t.Errorf("reminded after %v", at)
	}
}

func TestAWholeCycleThatFailsIsTold(t *testing.T) {
	e, south := &ear{name: "ops"}, &ear{name: "south", farms: []string{"south"}}
	w := newTown(t, e, south)
	broken := func() {
		if _, err := w.Tell(context.Background(), []Report{BrokenReport(errors.New("hosts.ini:3: \x1b[31mno"))}, nil, 1); err != nil {
			t.Fatal(err)
		}
	}
	broken()
	broken()
	if len(e.heard) != 1 || e.heard[0].Condition != Broken || strings.Contains(e.heard[0].Text, "\x1b") || !strings.Contains(e.heard[0].Text, "hosts.ini:3") {
		t.Errorf("told %+v", e.heard)
	}
	if south.said() != "*:changed:broken" {
		t.Error("who hears of one farm alone must hear that nobody looks at it")
	}
	e.said()
	s := &tasks.Summary{Outcomes: []tasks.Outcome{{Host: "a", Farm: "north", Status: tasks.OK}, {Host: "b", Farm: "south", Status: tasks.Differs}}}
	if _, err := w.Tell(context.Background(), append(Reports(s), RunningReport()), s, 2); err != nil {
		t.Fatal(err)
	}
	if got := e.said(); got != "south:changed:drifted *:recovered:ok" {
		t.Errorf("told %q", got)
	}
	if got := south.said(); got != "south:changed:drifted *:recovered:ok" {
		t.Errorf("told %q", got)
	}
	s.OverBudget = &tasks.Budget{}
	if r := Reports(s); r[0].Condition != OK || r[1].Condition != OverBudget {
		t.Errorf("over budget: %+v", r)
	}
	s.Interrupted = true
	if Reports(s) != nil {
		t.Error("an interrupted cycle tells nothing")
	}
}

func TestWhoWasDeafHearsHowThingsAreNow(t *testing.T) {
	deaf := true
	hears := &ear{name: "hears"}
	e := &ear{name: "deaf", deaf: func(int) error {
		if deaf {
			return Final{errors.New("403")}
		}
		return nil
	}}
	w := newTown(t, hears, e)
	w.cycle(t, tasks.Differs)
	told := w.cycle(t, tasks.Unreachable)
	if len(told) != 2 || told[0].Err != nil || told[1].Err == nil || told[1].Tries != 1 {
		t.Errorf("told %+v", told)
	}
	if got := hears.said(); got != "north:changed:drifted north:changed:unreachable" {
		t.Errorf("who hears: %q", got)
	}
	deaf = false
	w.cycle(t, tasks.Unreachable)
	if got := e.said(); got != "north:changed:unreachable" || hears.said() != "" {
		t.Errorf("who was deaf: %q", got)
	}
	deaf = true
	w.cycle(t, tasks.Doubtful)
	w.cycle(t, tasks.Unreachable) // as this one knows it
	deaf = false
	w.cycle(t, tasks.Unreachable)
	if got := e.said(); got != "" {
		t.Errorf("told what it knows: %q", got)
	}
}

func TestTriesAreBoundAndHaveOneDelivery(t *testing.T) {
	slow := &ear{name: "slow", deaf: func(n int) error {
		if n < 3 {
			return errors.New("500")
		}
		return nil
	}}
	w := newTown(t, slow)
	w.Receivers = []Receiver{slow}
	w.cycle(t, tasks.Differs)
	if slow.tries != 3 || slow.said() != "north:changed:drifted" {
		t.Errorf("%d tries", slow.tries)
	}
	// Who never answers holds nobody up for longer than the patience.
	dead := &stuck{}
	w = newTown(t, dead, slow)
	w.Patience = 200 * time.Millisecond
	w.Sleep = nil
	begun := time.Now()
	told := w.cycle(t, tasks.Differs)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	if told[0].Err == nil || told[1].Err != nil {
		t.Errorf("told %+v", told)
	}
	if first, second := deliveryID("a", "k", Changed, Drifted, w.now, time.Time{}), deliveryID("a", "k", Changed, Drifted, w.now, time.Time{}); first != second || first == deliveryID("b", "k", Changed, Drifted, w.now, time.Time{}) {
		t.Error("a delivery's name")
	}
}

type stuck struct{}

func (*stuck) Name() string      { return "stuck" }
func (*stuck) Wants(string) bool { return true }
func (*stuck) Send(ctx context.Context, _ *Message) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADamagedMemoryIsNamed(t *testing.T) {
	w := newTown(t, &ear{name: "x"})
	path := filepath.Join(w.Dir, memoryFile)
	for text, part := range map[string]string{"{": "delete it", `{"format":9}`: "newer"} {
		os.WriteFile(path, []byte(text), 0o600)
		if _, err := w.Tell(context.Background(), []Report{RunningReport()}, nil, 0); err == nil || !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", text, err)
		}
	}
	os.Remove(path)
	w.cycle(t, tasks.Differs)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestMessagesListTheWorstHostsFirst(t *testing.T) {
	s := &tasks.Summary{Run: "r1"}
	for i := range 80 {
		s.Outcomes = append(s.Outcomes, tasks.Outcome{Host: fmt.Sprintf("h%02d", i), Farm: "north", Status: tasks.Differs, Error: "x\x07\u202ey"})
	}
	s.Outcomes = append(s.Outcomes, tasks.Outcome{Host: "worst", Farm: "north", Status: tasks.Doubtful})
	e := &ear{name: "x"}
	w := newTown(t, e)
	if _, err := w.Tell(context.Background(), Reports(s), s, 5); err != nil {
		t.Fatal(err)
	}
	m := e.heard[0]
	if m.Condition != Doubtful || m.Hosts[0].Host != "worst" || len(m.Hosts) != maxHosts || m.More != 31 || m.Counts[tasks.Differs] != 80 || m.Exit != 5 || m.Run != "r1" {
		t.Errorf("%+v", m)
	}
	if m.Hosts[1].Error != "x??y" || !strings.Contains(m.Text, "and 71 more") {
		t.Errorf("%q, %q", m.Hosts[1].Error, m.Text)
	}
}
