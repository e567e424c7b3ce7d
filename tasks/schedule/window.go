package schedule

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Window is a span of wall-clock time that returns on the same days of each week.
// It is open while a clock on the wall of its zone shows a time in it: an hour that
// is skipped when summer time begins is never shown, one that is shown twice when it
// ends is open twice.
type Window struct {
	days       [7]bool // by time.Weekday, of the day on which it opens
	start, end int     // minutes since midnight; end may be 1440, or before start: the next day
	zone       *time.Location
	text       string
}

// Windows are the times at which a schedule may write. None means always.
type Windows []Window

// weekdays are the names that ParseWindow knows, by time.Weekday.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseWindows reads windows, each of which may hold several, parted by ";". All
// mistakes are in the one error.
func ParseWindows(texts []string, local *time.Location) (Windows, error) {
	var all Windows
	var bad []string
	for _, text := range texts {
		for _, one := range strings.Split(text, ";") {
			w, err := ParseWindow(one, local)
			if err != nil {
				bad = append(bad, err.Error())
				continue
			}
			all = append(all, w)
		}
	}
	if len(bad) > 0 {
		return nil, fmt.Errorf("%s", strings.Join(bad, "\n"))
	}
	return all, nil
}

// ParseWindow reads "[DAYS] HH:MM-HH:MM [ZONE]": days as Sat, Mon-Fri or Mon,Wed-Fri,
// by default every day; a zone of the IANA database, by default local. An end before
// the start is on the next day.
func ParseWindow(text string, local *time.Location) (Window, error) {
	w := Window{zone: local, text: strings.Join(strings.Fields(text), " ")}
	words := strings.Fields(text)
	fail := func(format string, args ...any) (Window, error) {
		return Window{}, fmt.Errorf("window %q: %s; it is written as in 'Sat 02:00-04:00 Europe/Berlin'", w.text, fmt.Sprintf(format, args...))
	}
	if len(words) == 0 {
		return fail("it is empty")
	}
	if !strings.Contains(words[0], ":") {
		if err := w.readDays(words[0]); err != nil {
			return fail("%v", err)
		}
		words = words[1:]
	} else {
		w.days = [7]bool{true, true, true, true, true, true, true}
	}
	if len(words) == 0 {
		return fail("it has no times")
	}
	from, to, ok := strings.Cut(words[0], "-")
	if !ok {
		return fail("%q has no end", words[0])
	}
	var err error
	if w.start, err = readMinute(from); err != nil || w.start == 24*60 {
		return fail("%q is no time of day from 00:00 to 23:59", from)
	}
	if w.end, err = readMinute(to); err != nil {
		return fail("%q is no time of day from 00:00 to 24:00", to)
	}
	if w.start == w.end {
		return fail("it ends when it begins (the whole day is 00:00-24:00)")
	}
	switch words = words[1:]; {
	case len(words) > 1:
		return fail("%q is too much", strings.Join(words[1:], " "))
	case len(words) == 1:
		if w.zone, err = loadZone(words[0]); err != nil {
			return fail("%v", err)
		}
	}
	return w, nil
}

// loadZone finds a zone by its name. "Local" would be another one on each machine.
func loadZone(name string) (*time.Location, error) {
	if strings.EqualFold(name, "local") {
		return nil, fmt.Errorf("leave the zone out for the one of this machine")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("there is no time zone %q (names are those of the IANA database, as Europe/Berlin or UTC)", name)
	}
	return zone, nil
}

func (w *Window) readDays(text string) error {
	if strings.EqualFold(text, "daily") {
		w.days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, several := strings.Cut(part, "-")
		from, err := readDay(first)
		if err != nil {
			return err
		}
		to := from
		if several {
			if to, err = readDay(last); err != nil {
				return err
			}
		}
		for day := from; ; day = (day + 1) % 7 { // Fri-Mon goes over the week's end
			w.days[day] = true
			if day == to {
				break
			}
		}
	}
	return nil
}

func readDay(text string) (int, error) {
	low := strings.ToLower(text)
	for i, name := range weekdays {
		full := strings.ToLower(time.Weekday(i).String())
		if low == name || low == full {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%q is no day of the week (Mon, Tue, Wed, Thu, Fri, Sat, Sun)", text)
}

// readMinute reads HH:MM as minutes since midnight, up to 24:00.
func readMinute(text string) (int, error) {
	h, m, ok := strings.Cut(text, ":")
	if !ok || len(h) < 1 || len(h) > 2 || len(m) != 2 {
		return 0, fmt.Errorf("no time")
	}
	hour, err := strconv.ParseUint(h, 10, 8)
	if err != nil {
		return 0, err
	}
	minute, err := strconv.ParseUint(m, 10, 8)
	if err != nil {
		return 0, err
	}
	if hour > 24 || minute > 59 || hour == 24 && minute > 0 {
		return 0, fmt.Errorf("no time")
	}
	return int(hour*60 + minute), nil
}

// String is the window as it was written.
func (w Window) String() string { return w.text }

// String names the windows.
func (ws Windows) String() string {
	var texts []string
	for _, w := range ws {
		texts = append(texts, w.text)
	}
	return strings.Join(texts, "; ")
}

// Open says whether the window is open at an instant.
func (w Window) Open(at time.Time) bool {
	wall := at.In(w.zone)
	minute, day := wall.Hour()*60+wall.Minute(), int(wall.Weekday())
	if w.start < w.end {
		return w.days[day] && w.start <= minute && minute < w.end
	}
	return w.days[day] && minute >= w.start || w.days[(day+6)%7] && minute < w.end
}

// Open says whether one of the windows is open. None are always open.
func (ws Windows) Open(at time.Time) bool {
	for _, w := range ws {
		if w.Open(at) {
			return true
		}
	}
	return len(ws) == 0
}
