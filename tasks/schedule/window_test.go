package schedule

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func window(t testing.TB, text string) Window {
	t.Helper()
	w, err := ParseWindow(text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWindowsOpenAndClose(t *testing.T) {
	for _, c := range []struct {
		window string
		open   []string
		closed []string
	}{
		{"Sat 02:00-04:00", []string{"2026-11-21T02:00:00Z", "2026-11-21T03:59:59Z"}, []string{"2026-11-21T01:59:59Z", "2026-11-21T04:00:00Z", "2026-11-22T03:00:00Z"}},
		{"Mon-Fri 22:00-06:00", []string{"2026-11-23T22:00:00Z", "2026-11-24T05:59:00Z", "2026-11-28T05:59:00Z"}, []string{"2026-11-23T05:00:00Z", "2026-11-28T22:00:00Z", "2026-11-28T06:00:00Z"}},
		{"fri-mon 10:00-11:00", []string{"2026-11-20T10:30:00Z", "2026-11-22T10:30:00Z", "2026-11-23T10:30:00Z"}, []string{"2026-11-24T10:30:00Z", "2026-11-19T10:30:00Z"}},
		{"Tuesday,Thu 00:00-24:00", []string{"2026-11-24T00:00:00Z", "2026-11-24T23:59:59Z", "2026-11-26T12:00:00Z"}, []string{"2026-11-25T00:00:00Z", "2026-11-23T23:59:59Z"}},
		{"2:00-4:00 Europe/Berlin", []string{"2026-07-01T00:00:00Z", "2026-12-01T01:00:00Z"}, []string{"2026-07-01T02:00:00Z", "2026-12-01T00:59:59Z"}},
		{"daily 23:30-00:30", []string{"2026-11-24T00:29:59Z", "2026-11-24T23:30:00Z"}, []string{"2026-11-24T00:30:00Z"}},
		// Clocks in Berlin skip 02:00 to 03:00 on 29 March 2026, and show it twice on 25 October.
		{"Sun 02:00-04:00 Europe/Berlin", []string{"2026-03-29T01:00:00Z", "2026-03-29T01:59:59Z", "2026-10-25T00:00:00Z", "2026-10-25T02:59:59Z"},
			[]string{"2026-03-29T00:59:59Z", "2026-03-29T02:00:00Z", "2026-10-24T23:59:59Z", "2026-10-25T03:00:00Z"}},
	} {
		w := window(t, c.window)
		for want, list := range map[bool][]string{true: c.open, false: c.closed} {
			for _, text := range list {
				at, err := time.Parse(time.RFC3339, text)
				if err != nil {
					t.Fatal(err)
				}
				if w.Open(at) != want {
					t.Errorf("%s at %s: open is %v", c.window, text, !want)
				}
			}
		}
	}
}

func TestBadWindowsSayWhatIsWrong(t *testing.T) {
	for text, part := range map[string]string{
		"": "empty", "Sat": "no times", "Foo 02:00-04:00": "Foo", "Sat 02:00": "no end", "Sat 25:00-26:00": "25:00", "Sat 02:60-03:00": "02:60", "Sat 02:00-24:01": "24:01",
		"Sat 24:00-01:00": "24:00", "Sat 02:00-02:00": "ends when it begins", "Sat 02:00-04:00 Europe/Bonn": "no time zone", "Sat 02:00-04:00 Local": "this machine",
		"Sat 02:00-04:00 UTC please": "too much", "Sat- 02:00-04:00": "no day", "Sat,,Sun 02:00-04:00": "no day", "02:00-4": "no time of day", "+2:00-04:00": "+2:00", "Sat 02:00-04:00 ../etc/passwd": "no time zone",
	} {
		_, err := ParseWindow(text, time.UTC)
		if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := ParseWindows([]string{"Foo 1:00-2:00; Sat 02:00-04:00", "Bar 1:00-2:00"}, time.UTC)
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two mistakes: %v", err)
	}
}

// oracle asks date, which has its own reading of the zone files, what clocks show.
func oracle(t *testing.T, zone string, at []time.Time) []string {
	t.Helper()
	if _, err := os.Stat("/usr/share/zoneinfo/" + zone); err != nil {
		unable(t, "needs the zone files of the system (Debian: tzdata)")
	}
	var in bytes.Buffer
	for _, a := range at {
		fmt.Fprintf(&in, "@%d\n", a.Unix())
	}
	c := exec.Command("date", "-f", "-", "+%w %H %M")
	c.Stdin, c.Env = &in, append(os.Environ(), "TZ="+zone, "LC_ALL=C")
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// unable skips with the reason, or fails where skipping is forbidden.
func unable(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatalf("must not skip: %s", reason)
	}
	t.Skip(reason)
}

// Around each change of clocks, and at random, windows are open when the clocks of an
// independent program say so.
func TestWindowsAgreeWithOtherClocks(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia", "America/Sao_Paulo", "UTC"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		var at []time.Time
		start := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
		for d := range 3 * 366 {
			day := start.AddDate(0, 0, d)
			if _, before := day.In(loc).Zone(); before != offset(day.AddDate(0, 0, 1).In(loc)) {
				for m := range 24 * 60 {
					at = append(at, day.Add(time.Duration(m)*time.Minute))
				}
			}
			at = append(at, day.Add(time.Duration(r.IntN(86400))*time.Second))
		}
		shown := oracle(t, zone, at)
		for range times(2, 40) {
			from, to := r.IntN(1440), r.IntN(1441)
			if from == to {
				continue
			}
			day := r.IntN(7)
			w := window(t, fmt.Sprintf("%s %02d:%02d-%02d:%02d %s", time.Weekday(day).String()[:3], from/60, from%60, to/60, to%60, zone))
			for i, a := range at {
				var weekday, hour, minute int
				fmt.Sscanf(shown[i], "%d %d %d", &weekday, &hour, &minute)
				wall := hour*60 + minute
				want := weekday == day && from <= wall && wall < to
				if to < from {
					want = weekday == day && wall >= from || weekday == (day+1)%7 && wall < to
				}
				if w.Open(a) != want {
					t.Fatalf("%s at %s (%s): open is %v", w, a, shown[i], !want)
				}
			}
		}
	}
}

// times is how often a random case is tried: some, or with FARMWALL_SOAK=1 many.
func times(some, many int) int {
	if os.Getenv("FARMWALL_SOAK") == "1" {
		return many
	}
	return some
}

func offset(t time.Time) int {
	_, o := t.Zone()
	return o
}

func TestEdgesAreWhereWindowsChange(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for range times(8, 200) {
		ws := Windows{
			window(t, fmt.Sprintf("%s %02d:%02d-%02d:00 Europe/Berlin", time.Weekday(r.IntN(7)).String()[:3], r.IntN(24), r.IntN(60), r.IntN(25))),
			window(t, fmt.Sprintf("Mon-Wed %02d:30-%02d:45 America/New_York", r.IntN(24), r.IntN(24))),
		}
		at := time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(r.IntN(20*86400)) * time.Second)
		open := ws.Open(at)
		edge, ok := ws.Closes(at)
		if !open {
			edge, ok = ws.Opens(at)
		}
		if !ok {
			t.Fatalf("%s from %s: no edge", ws, at)
		}
		if ws.Open(edge) == open || ws.Open(edge.Add(-time.Second)) != open || !edge.After(at) {
			t.Errorf("%s from %s: %s is no edge", ws, at, edge)
		}
		for a := at; a.Before(edge); a = a.Add(13 * time.Minute) {
			if ws.Open(a) != open {
				t.Fatalf("%s changes at %s, before %s", ws, a, edge)
			}
		}
	}
	if !(Windows{}).Open(time.Now()) {
		t.Error("no window: always open")
	}
	if _, ok := (Windows{}).Closes(time.Now()); ok {
		t.Error("no window closes")
	}
}

func TestSpans(t *testing.T) {
	for text, want := range map[string]time.Duration{"15m": 15 * time.Minute, "1h30m": 90 * time.Minute, "400d": 400 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "90s": 90 * time.Second} {
		if got, err := ParseSpan(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "15", "m", "-1m", "1x", "1.5h", "0m", "99999999999d", "2147483647w2147483647w", "１m"} {
		if got, err := ParseSpan(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{"30s", "90s", "8d"} {
		if _, err := ParseEvery(text); err == nil {
			t.Errorf("every %s", text)
		}
	}
}

func FuzzWindow(f *testing.F) {
	for _, s := range []string{"Sat 02:00-04:00 Europe/Berlin", "Mon-Fri,Sun 22:00-06:00", "daily 00:00-24:00 UTC", "1:00-2:00;3:00-4:00"} {
		f.Add(s, int64(1774746000))
	}
	f.Fuzz(func(t *testing.T, text string, at int64) {
		w, err := ParseWindow(text, time.UTC)
		if err != nil {
			if text != "" && strings.Contains(err.Error(), "\n") {
				t.Errorf("%q: more than a line: %v", text, err)
			}
			return
		}
		again, err := ParseWindow(w.String(), time.UTC)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, w, err)
		}
		when := time.Unix(at%(1<<34), 0)
		if again.Open(when) != w.Open(when) {
			t.Errorf("%q and %q differ at %s", text, w, when)
		}
	})
}

func FuzzSpan(f *testing.F) {
	for _, s := range []string{"15m", "1h30m", "400d", "2w", "0s"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseSpan(text)
		if err != nil {
			return
		}
		if again, err := ParseSpan(span(d)); err != nil || again != d {
			t.Errorf("%q is %v, written as %q: %v, %v", text, d, span(d), again, err)
		}
	})
}
