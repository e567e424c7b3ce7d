package schedule

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// sample has words that every quoting has to mind.
func sample(every time.Duration, more ...string) *Schedule {
	s := &Schedule{Name: "nightly", Every: every, Program: "/bin/true", State: "/var/lib/a b%c", Home: "/root", Stop: 5 * time.Minute}
	s.Args = append(Words("drift", "--fix", "--window=Sat 02:00-04:00 Europe/Berlin"), Arg{Text: "--vault-id=prod@", File: "/etc/farmwall/vault 100%"})
	s.Args = append(s.Args, Words(more...)...)
	return s
}

func hard() []string {
	return []string{`-e=a="b c"`, `it's`, `50% off`, `$HOME ${HOME}`, `back\slash\`, `a\"b`, ``, ` `, "a;b|c&d", "é ü 漢", `#no`, `C:\Program Files\x\`, `--limit=~web\d+`, `%h`, `*`}
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		unable(t, "needs "+program)
	}
}

func TestSystemdAcceptsTheUnits(t *testing.T) {
	needs(t, "systemd-analyze")
	for _, how := range []Systemd{{System: true, Credentials: true}, {System: true}, {}} {
		dir := t.TempDir()
		var files []string
		for i, every := range []time.Duration{time.Minute, 7 * time.Minute, 15 * time.Minute, 90 * time.Minute, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
			s := sample(every, hard()...)
			s.Name = fmt.Sprintf("n%d", i)
			service, timer := s.Units(how)
			for _, u := range []Unit{service, timer} {
				path := filepath.Join(dir, u.Name)
				if err := os.WriteFile(path, []byte(u.Text), 0o644); err != nil {
					t.Fatal(err)
				}
				files = append(files, path)
			}
		}
		args := []string{"verify", "--man=no"}
		if !how.System {
			args = append(args, "--user")
		}
		c := exec.Command("systemd-analyze", append(args, files...)...)
		c.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		if out, err := c.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%+v: %v\n%s", how, err, out)
		}
		if !how.System {
			continue
		}
		out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", files[0]).CombinedOutput()
		m := regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+)`).FindStringSubmatch(string(out))
		if err != nil || m == nil {
			t.Fatalf("more than 2.0 of 10: %v\n%s", err, out)
		}
		t.Logf("exposure %s of 10", m[1])
	}
}

func TestNoSecretStandsInAUnit(t *testing.T) {
	service, _ := sample(time.Hour).Units(Systemd{System: true, Credentials: true})
	for _, want := range []string{"LoadCredential=secret-3:/etc/farmwall/vault 100%%\n", `"--vault-id=prod@${CREDENTIALS_DIRECTORY}/secret-3"`, `ReadWritePaths="/var/lib/a b%%c"`, "ProtectSystem=strict", "NoNewPrivileges=yes"} {
		if !strings.Contains(service.Text, want) {
			t.Errorf("the service lacks %s\n%s", want, service.Text)
		}
	}
	service, _ = sample(time.Hour).Units(Systemd{System: true})
	if !strings.Contains(service.Text, `"--vault-id=prod@/etc/farmwall/vault 100%%"`) {
		t.Errorf("without credentials:\n%s", service.Text)
	}
}

// The command of a crontab, run by sh as cron runs it, gets the words as they were.
func TestCrontabsKeepWords(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "say 100%")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nfor a; do printf '%s\\n' \"$a\"; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &Schedule{Name: "x", Every: time.Hour, Program: program, State: dir, Home: "/ro ot%", Args: Words(hard()...)}
	text, err := s.Crontab()
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Split(text, "\n")[1]
	command := strings.SplitN(line, " ", 6)[5]
	if strings.Contains(strings.ReplaceAll(command, `\%`, ""), "%") {
		t.Errorf("a bare %% ends the command: %s", command)
	}
	out, err := exec.Command("sh", "-c", strings.ReplaceAll(command, `\%`, "%")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(hard(), "\n") + "\n"; string(out) != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestCronAcceptsTheLines(t *testing.T) {
	needs(t, "crontab")
	file := filepath.Join(t.TempDir(), "tab")
	for _, every := range []time.Duration{time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		text, err := sample(every, hard()...).Crontab()
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(file, []byte(text), 0o600)
		if out, err := exec.Command("crontab", "-n", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, text)
		}
	}
	os.WriteFile(file, []byte("*/99 * * x y\n"), 0o600)
	if err := exec.Command("crontab", "-n", file).Run(); err == nil {
		t.Error("crontab takes anything")
	}
	for _, every := range []time.Duration{7 * time.Minute, 90 * time.Minute, 5 * time.Hour, 48 * time.Hour} {
		if text, err := sample(every).Crontab(); err == nil {
			t.Errorf("every %v: %s", every, text)
		}
	}
}

func TestTasksFollowTheSchema(t *testing.T) {
	needs(t, "xmllint")
	for _, every := range []time.Duration{time.Minute, 7 * time.Minute, 15 * time.Minute, 25 * time.Hour, 7 * 24 * time.Hour} {
		s := sample(every, hard()...)
		s.Program = `C:\Program Files\farmwall & co\farmwall.exe`
		text := s.Task(`EXAMPLE\ann <admin>`, time.Date(2026, 11, 23, 17, 0, 0, 0, time.Local))
		file := filepath.Join(t.TempDir(), "task.xml")
		os.WriteFile(file, TaskFile(text), 0o600)
		if out, err := exec.Command("xmllint", "--noout", "--schema", "testdata/task.xsd", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, text)
		}
		var read task
		if err := xml.Unmarshal([]byte(text), &read); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, a := range s.Args {
			want = append(want, a.Text+a.File)
		}
		if got := takeApart(read.Actions.Arguments); strings.Join(got, "\n") != strings.Join(want, "\n") || read.Actions.Command != s.Program {
			t.Errorf("got %q\nwant %q", got, want)
		}
	}
	file := filepath.Join(t.TempDir(), "bad.xml")
	os.WriteFile(file, []byte(strings.Replace(sample(time.Hour).Task("x", time.Now()), "PT1H", "1 hour", 1)), 0o600)
	if err := exec.Command("xmllint", "--noout", "--schema", "testdata/task.xsd", file).Run(); err == nil {
		t.Error("the schema takes anything")
	}
}

// takeApart reads a command line as CommandLineToArgvW does for what follows the program.
func takeApart(line string) []string {
	var out []string
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return out
		}
		var b strings.Builder
		quoted := false
		i := 0
		for ; i < len(line) && (quoted || line[i] != ' ' && line[i] != '\t'); i++ {
			n := 0
			for i+n < len(line) && line[i+n] == '\\' {
				n++
			}
			switch {
			case i+n < len(line) && line[i+n] == '"' && n > 0:
				b.WriteString(strings.Repeat(`\`, n/2))
				if i += n; n%2 == 1 {
					b.WriteByte('"')
				} else {
					quoted = !quoted
				}
			case n > 0:
				b.WriteString(strings.Repeat(`\`, n))
				i += n - 1
			case line[i] == '"':
				quoted = !quoted
			default:
				b.WriteByte(line[i])
			}
		}
		out, line = append(out, b.String()), line[i:]
	}
}

func FuzzWindowsWord(f *testing.F) {
	for _, w := range hard() {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if got := takeApart(windowsWord(word) + " x"); len(got) != 2 || got[0] != word {
			t.Errorf("%q is written %s and read %q", word, windowsWord(word), got)
		}
	})
}

// A schedule's calendar starts as often as it should, as systemd reads it.
func TestCalendarsStartAsOftenAsAsked(t *testing.T) {
	needs(t, "systemd-analyze")
	r := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		every := []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, time.Hour, 8 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}[r.IntN(7)]
		text, ok := calendar(every)
		if !ok {
			t.Fatal(every)
		}
		c := exec.Command("systemd-analyze", "calendar", "--iterations=4", "--base-time=2026-11-23 00:00:00 UTC", text)
		c.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var at []time.Time
		for _, m := range regexp.MustCompile(`(?m)(?:Next elapse|Iteration #\d+|Iter. #\d+): \w+ (\S+ \S+) UTC`).FindAllStringSubmatch(string(out), -1) {
			when, err := time.Parse(time.DateTime, m[1])
			if err != nil {
				t.Fatal(err)
			}
			at = append(at, when)
		}
		if len(at) != 4 {
			t.Fatalf("%s: %s", text, out)
		}
		for i := 1; i < len(at); i++ {
			if at[i].Sub(at[i-1]) != every {
				t.Errorf("every %v is %s, which starts at %v", every, text, at)
			}
		}
	}
}
