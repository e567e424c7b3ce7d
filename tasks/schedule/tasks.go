package schedule

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// TaskFolder is our folder in the Task Scheduler of Windows.
type TaskFolder struct {
	// Run starts a program and returns what it printed.
	Run func(ctx context.Context, argv ...string) (string, error)
}

// Install registers the task; installing again replaces it.
func (f *TaskFolder) Install(ctx context.Context, s *Schedule, user string, begin time.Time) error {
	if err := s.Check(); err != nil {
		return err
	}
	file, err := os.CreateTemp("", "farmwall-*.xml")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(TaskFile(s.Task(user, begin)))
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if _, err := f.Run(ctx, "schtasks.exe", "/Create", "/TN", Folder+s.Name, "/XML", file.Name(), "/F"); err != nil {
		return fmt.Errorf("the Task Scheduler does not take the task: %w", err)
	}
	return nil
}

// Remove deletes the task. One that is not there is no error.
func (f *TaskFolder) Remove(ctx context.Context, name string) error {
	if err := ValidName(name); err != nil {
		return err
	}
	if _, err := f.Run(ctx, "schtasks.exe", "/Query", "/TN", Folder+name); err != nil {
		return nil
	}
	_, err := f.Run(ctx, "schtasks.exe", "/Delete", "/TN", Folder+name, "/F")
	return err
}

// List returns our tasks. The Task Scheduler says times in the system's own format,
// so they are shown as they are.
func (f *TaskFolder) List(ctx context.Context) ([]Entry, error) {
	out, err := f.Run(ctx, "schtasks.exe", "/Query", "/TN", Folder, "/FO", "CSV", "/NH")
	if err != nil {
		return nil, nil // no folder, no schedule
	}
	rows := csv.NewReader(strings.NewReader(out))
	rows.FieldsPerRecord = -1
	all, err := rows.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("the Task Scheduler's answer cannot be read: %w", err)
	}
	var entries []Entry
	for _, row := range all {
		if len(row) < 3 {
			continue
		}
		name, ours := strings.CutPrefix(row[0], Folder)
		if !ours {
			continue
		}
		e := Entry{Name: name, Where: row[0], Enabled: true, Told: "next " + row[1] + ", " + row[2]}
		if text, err := f.Run(ctx, "schtasks.exe", "/Query", "/TN", row[0], "/XML"); err == nil {
			e.Every = strings.TrimPrefix(between(text, "farmwall schedule ", "</"), name+": drift of a farm, every ")
			e.Command = between(text, "<Command>", "</") + " " + between(text, "<Arguments>", "</")
			e.Enabled = !strings.Contains(text, "<Enabled>false</Enabled>")
		}
		entries = append(entries, e)
	}
	return entries, nil
}
