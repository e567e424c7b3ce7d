package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The least and the most time between two cycles. Cron and the Task Scheduler know
// no seconds.
const (
	LeastEvery = time.Minute
	MostEvery  = 7 * 24 * time.Hour
)

// ParseSpan reads a time such as 15m, 1h30m, 400d or 2w.
func ParseSpan(text string) (time.Duration, error) {
	fail := func() (time.Duration, error) {
		return 0, fmt.Errorf("%q is no time; it is written as in 15m, 1h30m, 400d or 2w", text)
	}
	var total time.Duration
	rest := text
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits == len(rest) {
			return fail()
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		if err != nil {
			return fail()
		}
		unit, ok := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[rest[digits]]
		if !ok || n > int64(1<<62/unit) {
			return fail()
		}
		part := time.Duration(n) * unit
		if total += part; total < 0 {
			return fail()
		}
		rest = rest[digits+1:]
	}
	if total <= 0 {
		return fail()
	}
	return total, nil
}

// ParseEvery reads the time between two cycles: whole minutes, 1m to 7d.
func ParseEvery(text string) (time.Duration, error) {
	every, err := ParseSpan(text)
	if err != nil {
		return 0, err
	}
	if every < LeastEvery || every > MostEvery || every%time.Minute != 0 {
		return 0, fmt.Errorf("%q: it must be whole minutes, 1m to 7d", text)
	}
	return every, nil
}

// span writes a time as ParseSpan reads it.
func span(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []struct {
		name string
		unit time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.unit
		}
	}
	return b.String()
}

// Jitter is the most by which a cycle is put off at random, so that many controllers
// do not start together: a tenth of the time between cycles, five minutes at most.
func Jitter(every time.Duration) time.Duration { return min(every/10, 5*time.Minute) }
