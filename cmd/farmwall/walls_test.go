//go:build linux

package main

import (
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/tasks"
	"farmwall/transport/lab"
)

// seedOf is FARMWALL_SEED, else always the same, so that a run is like the one before;
// a soak takes the clock's. It is printed so that a failure can be repeated.
func seedOf(t *testing.T) int64 {
	s := int64(22)
	if os.Getenv("FARMWALL_SOAK") == "1" {
		s = time.Now().UnixNano()
	}
	if text := os.Getenv("FARMWALL_SEED"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s = n
	}
	t.Logf("FARMWALL_SEED=%d", s)
	return s
}

// wallTally is what a test has seen.
type wallTally struct {
	rulesets, refusedByNft, refused, defeated int
	iptables                                  int
	packets, judged                           int
	allowed, denied, unknown                  int
	why                                       map[string]int // of unknown
}

// Whatever an administrator's ruleset is: what farmwall plans, applies and says of
// it holds for real packets, what is not its own stays as it was, and remove and
// rollback lead back byte for byte.
func TestHandWrittenRulesetsOfAllKinds(t *testing.T) {
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	rounds := 2
	if os.Getenv("FARMWALL_SOAK") == "1" {
		rounds = (2000 + wallsAtOnce - 1) / wallsAtOnce
	}
	rnd := rand.New(rand.NewSource(seedOf(t)))
	w := newWallFarm(t)
	for i := range rounds {
		begun := time.Now()
		w.round(rnd)
		t.Logf("round %d of %d took %v", i+1, rounds, time.Since(begun).Round(time.Millisecond))
		if t.Failed() {
			t.Fatalf("round %d failed", i+1)
		}
	}
	y := w.tally
	t.Logf("%d rulesets (%d of iptables, %d refused by nft or iptables, %d by farmwall, %d with a defeated flow), %d packets; %d flows judged: %d allowed, %d denied, %d unknown %v",
		y.rulesets, y.iptables, y.refusedByNft, y.refused, y.defeated, y.packets, y.judged, y.allowed, y.denied, y.unknown, y.why)
	if y.allowed == 0 || y.denied == 0 || y.refused > y.rulesets/10 || y.refusedByNft > y.rulesets/20 {
		t.Error("the rulesets show too little")
	}
	if y.unknown*10 > y.judged {
		t.Error("too much is unknown")
	}
}

// round gives each wall a new ruleset and takes it through a life with farmwall.
func (w *wallFarm) round(rnd *rand.Rand) {
	t := w.t
	t.Helper()
	text := map[string]string{}
	for _, h := range w.walls {
		for text[h.Name] == "" {
			m := wallmaker{rnd: rnd}
			ruleset, load := m.ruleset(), []string{"nft", "-f", "-"}
			if m.one(3) {
				m = wallmaker{rnd: rnd}
				ruleset, load = m.iptables(), []string{"sh", "-s"}
				w.tally.iptables++
			} else if out, code := w.on(h, emptied, "sh", "-s"); code != 0 {
				t.Fatalf("%s: %s", h.Name, out)
			}
			w.tally.rulesets++
			if out, code := w.on(h, ruleset, load...); code != 0 {
				w.tally.refusedByNft++
				t.Logf("%v: %s\n%s", load, out, ruleset)
				continue
			}
			text[h.Name] = ruleset
		}
		if os.Getenv("FARMWALL_RULESETS") != "" {
			t.Logf("%s:\n%s", h.Name, text[h.Name])
		}
	}
	before := w.listings()
	matrix := w.matrix()
	open := w.send(matrix)
	bad := map[string]bool{}
	fail := func(host, format string, args ...any) {
		t.Helper()
		if bad[host] {
			return // the first says enough
		}
		bad[host] = true
		now := ""
		for _, h := range w.walls {
			if h.Name == host {
				now = wallsOf(t, h)
			}
		}
		t.Errorf("%s: %s\nthe ruleset:\n%s\nthe host now:\n%s", host, fmt.Sprintf(format, args...), text[host], now)
	}

	for _, o := range w.verb(fail, []int{0, 3}, "plan").Outcomes {
		if o.Status == tasks.Refused && (o.Error == "" || o.Hint == "") {
			fail(o.Host, "refused without a reason: %+v", o)
		}
	}
	done := w.verb(fail, []int{0, 3, 8}, "apply", "-y", "--max-fail", "100%")
	refused := map[string]bool{}
	for _, o := range done.Outcomes {
		switch o.Status {
		case tasks.Changed, tasks.OK, tasks.NotOpen:
		case tasks.Refused:
			refused[o.Host] = true
			w.tally.refused++
			t.Logf("%s is refused: %s", o.Host, o.Error)
		default:
			fail(o.Host, "apply: %s: %s: %s", o.Status, o.Step, o.Error)
		}
	}
	after := w.listings()
	for name := range before {
		if refused[name] && after[name] != before[name] {
			fail(name, "refused and changed")
		}
		if was, is := foreign(before[name]), foreign(after[name]); was != is {
			fail(name, "foreign rules have changed; without ours they are\n%s\nwere\n%s", is, was)
		}
	}
	closed := map[string]bool{}
	for name, list := range w.hold(fail, refused, matrix, open, w.send(matrix), done) {
		for _, rule := range list {
			// An outbound rule is in place only where the host blocks outbound traffic.
			closed[name] = closed[name] || strings.Contains(after[name], ":"+rule+":")
		}
	}
	for _, verb := range [][]string{{"plan", "--detailed-exitcode"}, {"drift"}} {
		for _, o := range w.verb(fail, []int{0, 2, 3}, verb...).Outcomes {
			want := tasks.OK
			if closed[o.Host] && verb[0] == "drift" { // drift names what defeats a flow
				want = tasks.Differs
			}
			if !refused[o.Host] && (o.Status != want || len(o.Changes) > 0) {
				fail(o.Host, "%v after the apply: %s %s %+v", verb, o.Status, o.Error, o.Changes)
			}
		}
	}

	back := func(verb ...string) {
		for _, o := range w.verb(fail, []int{0, 3, 8}, verb...).Outcomes {
			if o.Status != tasks.Changed && o.Status != tasks.OK && !refused[o.Host] {
				fail(o.Host, "%v: %s: %s: %s", verb, o.Status, o.Step, o.Error)
			}
		}
		for name, now := range w.listings() {
			if now != before[name] {
				fail(name, "after %v it should be\n%s", verb, before[name])
			}
		}
	}
	back("remove", "-y")
	again := w.verb(fail, []int{0, 3, 8}, "apply", "-y", "--max-fail", "100%")
	for name, now := range w.listings() {
		if now != after[name] {
			fail(name, "the second apply differs from the first, which made\n%s", after[name])
		}
	}
	if again.Run != "" {
		back("rollback", again.Run, "-y")
	}
}

// hold compares what verify says, and what apply said, with what packets do. It
// returns the rules of the flows that something foreign defeats, by host.
func (w *wallFarm) hold(fail func(host, format string, args ...any), refused map[string]bool, matrix []shot, before, after map[shot]lab.Reach, done *tasks.Summary) (closed map[string][]string) {
	wanted := wantedOf(w.t, w.inventory)
	about := map[string][]shot{}
	for _, s := range matrix {
		about[s.host] = append(about[s.host], s)
		was, is := before[s] == lab.Connected, after[s] == lab.Connected
		if s.unwanted(wanted[s.host]) && was != is {
			fail(s.host, "%v: no rule is about it; it was %s and is %s", s, before[s], after[s])
		}
		if was && !is {
			fail(s.host, "%v: it was %s and is %s", s, before[s], after[s])
		}
	}
	closed = map[string][]string{}
	said := w.verb(fail, []int{0, 8, 3}, "verify")
	for _, o := range said.Outcomes {
		var defeated []string
		for _, j := range o.Flows {
			w.tally.judged++
			w.tally.count(j.Verdict)
			if !j.Outsider() && j.Verdict.Answer == rules.Denied {
				defeated = append(defeated, j.Rule)
			}
			sources := j.Flow.Sources()
			for _, s := range about[o.Host] {
				if !s.of(j.Flow, sources) {
					continue
				}
				open := after[s] == lab.Connected
				if want, known := s.expected(j.Verdict); known && open != want {
					fail(o.Host, "%v: %s, and verify says of %s: %s by %q, part %v", s, after[s], j.Flow, j.Verdict.Answer, j.Verdict.By, j.Verdict.Part)
				}
			}
		}
		if a := done.Find(o.Host); a != nil && !refused[o.Host] {
			if closed[o.Host] = defeated; len(defeated) > 0 {
				w.tally.defeated++
			}
			if bad := len(defeated) > 0; (a.Status == tasks.NotOpen) != bad || (o.Status == tasks.NotOpen) != bad {
				fail(o.Host, "apply: %s, verify: %s, and these are defeated: %v", a.Status, o.Status, defeated)
			}
		}
	}
	return closed
}
