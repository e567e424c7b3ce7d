package schedule

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeSystem notes what is run and answers.
type fakeSystem struct {
	ran    []string
	answer func(line string) (string, error)
}

func (f *fakeSystem) run(_ context.Context, argv ...string) (string, error) {
	line := strings.Join(argv, " ")
	f.ran = append(f.ran, line)
	if f.answer != nil {
		return f.answer(line)
	}
	return "", nil
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestUnitsAreInstalledListedAndRemoved(t *testing.T) {
	ctx := context.Background()
	system := &fakeSystem{answer: func(line string) (string, error) {
		switch {
		case strings.Contains(line, "--version"):
			return "systemd 252 (252.39)\n+PAM", nil
		case strings.Contains(line, "list-timers"):
			return `[{"next":1795000000000000,"left":1,"last":0,"passed":0,"unit":"x","activates":"y"}]`, nil
		case strings.Contains(line, "is-enabled"):
			return "enabled\n", nil
		}
		return "", nil
	}}
	folder := UnitFolder{Dir: filepath.Join(t.TempDir(), "systemd", "user"), Run: system.run}
	for _, name := range []string{"one", "two", "one"} {
		s := sample(15 * time.Minute)
		s.Name = name
		if err := folder.Install(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, folder.Dir); len(got) != 4 {
		t.Errorf("files: %v", got)
	}
	if last := system.ran[len(system.ran)-1]; last != "systemctl --user restart farmwall-schedule-one.timer" {
		t.Errorf("ran %v", system.ran)
	}
	all, err := folder.List(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "one" || all[0].Every != "15m" || !all[0].Enabled || all[0].Next.Unix() != 1795000000 || !all[0].Last.IsZero() || !strings.Contains(all[0].Command, "/bin/true") {
		t.Errorf("list: %+v, %v", all, err)
	}
	for range 2 { // the second finds nothing, and that is right
		if err := folder.Remove(ctx, "one"); err != nil {
			t.Fatal(err)
		}
	}
	if got := files(t, folder.Dir); len(got) != 2 || !strings.Contains(got[0], "two") {
		t.Errorf("after removing: %v", got)
	}
	if err := folder.Remove(ctx, "../../etc"); err == nil {
		t.Error("a name may be a path")
	}
}

func TestWhatSystemdRefusesIsTakenAway(t *testing.T) {
	system := &fakeSystem{answer: func(line string) (string, error) {
		if strings.Contains(line, "enable ") {
			return "", errors.New("no bus")
		}
		return "", nil
	}}
	folder := UnitFolder{Dir: t.TempDir(), System: true, Run: system.run}
	err := folder.Install(context.Background(), sample(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "no bus") {
		t.Errorf("install: %v", err)
	}
	if got := files(t, folder.Dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestAUnitDirectoryThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	system := &fakeSystem{}
	folder := UnitFolder{Dir: filepath.Join(file, "user"), Run: system.run}
	err := folder.Install(context.Background(), sample(time.Hour))
	if err == nil || !strings.Contains(err.Error(), "the unit directory "+folder.Dir+" cannot be written") {
		t.Errorf("%v", err)
	}
	for _, line := range system.ran {
		if strings.Contains(line, "enable") {
			t.Errorf("ran %s", line)
		}
	}
}

func TestNamesAndWordsThatNoUnitCanHold(t *testing.T) {
	for _, name := range []string{"", "-x", "A", "a.b", "a/b", strings.Repeat("a", 33)} {
		if ValidName(name) == nil {
			t.Errorf("%q is a name", name)
		}
	}
	s := sample(time.Hour, "a\nb")
	if s.Check() == nil {
		t.Error("a line break")
	}
}

func TestTasksAreInstalledListedAndRemoved(t *testing.T) {
	ctx := context.Background()
	there := false
	var xml []byte
	system := &fakeSystem{}
	system.answer = func(line string) (string, error) {
		switch {
		case strings.Contains(line, "/Create"):
			there = true
			var err error
			xml, err = os.ReadFile(strings.Fields(line)[5])
			return "", err
		case !there:
			return "", errors.New("the system cannot find the file specified")
		case strings.Contains(line, "/Delete"):
			there = false
		case strings.HasSuffix(line, "/XML"):
			return sample(time.Hour).Task("ann", time.Now()), nil
		case strings.Contains(line, "/FO CSV"):
			return `"\farmwall\nightly","23.11.2026 18:00:00","Bereit"` + "\r\n", nil
		}
		return "", nil
	}
	folder := TaskFolder{Run: system.run}
	if all, err := folder.List(ctx); err != nil || len(all) != 0 {
		t.Errorf("list: %v, %v", all, err)
	}
	if err := folder.Install(ctx, sample(time.Hour), "ann", time.Now()); err != nil {
		t.Fatal(err)
	}
	if len(xml) < 2 || xml[0] != 0xff || xml[1] != 0xfe {
		t.Error("the task's file is not UTF-16 with a mark")
	}
	all, err := folder.List(ctx)
	if err != nil || len(all) != 1 || all[0].Name != "nightly" || all[0].Every != "1h" || !strings.Contains(all[0].Told, "23.11.2026") {
		t.Errorf("list: %+v, %v", all, err)
	}
	for range 2 {
		if err := folder.Remove(ctx, "nightly"); err != nil {
			t.Fatal(err)
		}
	}
	if there {
		t.Error("still there")
	}
}
