package schedule

import "time"

// horizon is how far ahead edges are looked for: each window opens at least once in
// two weeks, for no clock skips the same hour of two weeks in a row.
const horizon = 15 * 24 * time.Hour

// Closes returns when the windows, open now, are closed next; false where they stay
// open as far as anybody can see.
func (ws Windows) Closes(now time.Time) (time.Time, bool) { return ws.edge(now, false) }

// Opens returns when the windows, closed now, are open next; false where they do not.
func (ws Windows) Opens(now time.Time) (time.Time, bool) { return ws.edge(now, true) }

// edge is the first whole minute after now at which the windows are as asked.
// Zones are off from UTC by whole minutes and change at whole minutes since 1972, so
// nothing happens between two of them.
func (ws Windows) edge(now time.Time, open bool) (time.Time, bool) {
	if len(ws) == 0 {
		return time.Time{}, false
	}
	end := now.Add(horizon)
	for at := now.Truncate(time.Minute).Add(time.Minute); at.Before(end); at = at.Add(time.Minute) {
		if ws.Open(at) == open {
			return at, true
		}
	}
	return time.Time{}, false
}
