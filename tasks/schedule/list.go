package schedule

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// List returns the installed schedules, by name.
func (f *UnitFolder) List(ctx context.Context) ([]Entry, error) {
	names, err := filepath.Glob(filepath.Join(f.Dir, prefix+"*.timer"))
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []Entry
	for _, path := range names {
		e := Entry{Where: path, Name: strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), prefix), ".timer")}
		e.Every = between(read(path), "farmwall: every ", ",")
		e.Command = between(read(strings.TrimSuffix(path, ".timer")+".service"), "\nExecStart=", "\n")
		e.Command = strings.NewReplacer("%%", "%", "$$", "$").Replace(e.Command)
		f.ask(ctx, &e)
		all = append(all, e)
	}
	return all, nil
}

func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

func between(text, before, after string) string {
	_, rest, ok := strings.Cut(text, before)
	if !ok {
		return ""
	}
	found, _, _ := strings.Cut(rest, after)
	return found
}

// ask fills in what systemd knows of the timer.
func (f *UnitFolder) ask(ctx context.Context, e *Entry) {
	unit := filepath.Base(e.Where)
	// is-enabled exits 1 where it is not; its word is the answer.
	enabled, _ := f.systemctl(ctx, "is-enabled", unit)
	e.Enabled = strings.TrimSpace(enabled) == "enabled"
	out, err := f.systemctl(ctx, "list-timers", "--all", "--output=json", unit)
	if err != nil {
		e.Problem = err.Error()
		return
	}
	var timers []struct {
		Next int64 `json:"next"`
		Last int64 `json:"last"`
	}
	if err := json.Unmarshal([]byte(out), &timers); err != nil || len(timers) == 0 {
		e.Problem = "systemctl list-timers does not say when it starts next"
		return
	}
	e.Next, e.Last = micro(timers[0].Next), micro(timers[0].Last)
	if result, err := f.systemctl(ctx, "show", "--property=ActiveState,Result,ExecMainStatus", "--value", strings.TrimSuffix(unit, ".timer")+".service"); err == nil {
		e.Told = strings.Join(strings.Fields(result), ", ")
	}
}

// micro reads microseconds since 1970; systemd's "never" is 0 or the largest number.
func micro(n int64) time.Time {
	if n <= 0 || n == 1<<63-1 {
		return time.Time{}
	}
	return time.UnixMicro(n)
}
