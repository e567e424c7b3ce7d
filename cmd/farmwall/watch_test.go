//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/tasks/notify"
	"farmwall/tasks/watch"
)

// teller writes a program that keeps what it is told, one message a line.
func writeTeller(t *testing.T) (address, heard string) {
	t.Helper()
	dir := t.TempDir()
	heard = filepath.Join(dir, "heard")
	program := filepath.Join(dir, "tell")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ncat >> "+heard+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return "exec:" + program, heard
}

// conditionsIn are what a receiver was told, as "farm:condition".
func conditionsIn(t *testing.T, heard string) string {
	t.Helper()
	text, err := os.ReadFile(heard)
	if err != nil {
		return ""
	}
	var all []string
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var m notify.Message
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, m.Farm+":"+string(m.Condition))
	}
	return strings.Join(all, " ")
}

func TestWatchDetectsMendsTellsAndStops(t *testing.T) {
	s := newStory(t, 2, handWritten)
	s.run(0, "apply", "-y")
	applied := s.ruleset()
	address, heard := writeTeller(t)
	dir := t.TempDir()
	spoil := func() {
		for _, h := range s.farm.Hosts() {
			if res, err := h.Exec(context.Background(), []string{"nft", "delete", "table", "inet", "farmwall"}, nil); err != nil || res.Code != 0 {
				t.Fatalf("%v %s", err, res.Stderr)
			}
		}
	}
	spoil()
	now := time.Now().UTC()
	closed := now.Add(2*time.Hour).Format("15:04") + "-" + now.Add(3*time.Hour).Format("15:04") + " UTC"
	open := now.Add(-time.Hour).Format("15:04") + "-" + now.Add(2*time.Hour).Format("15:04") + " UTC"

	// Outside of the window it only looks. It lives, says so, and ends when told to.
	log := filepath.Join(dir, "log")
	out := s.sh(`fw watch --every 15m --fix --window '` + closed + `' --listen 127.0.0.1:9187 --notify ` + address + ` >` + log + ` 2>&1 & i=0
until grep -q '^[^ ]* cycle 1' ` + log + ` || [ $i = 300 ]; do sleep 0.1; i=$((i+1)); done
busybox wget -q -O ` + dir + `/metrics http://127.0.0.1:9187/metrics; busybox wget -q -O ` + dir + `/healthz http://127.0.0.1:9187/healthz
kill -TERM $!; wait $!; echo "exit $?"; cat ` + log)
	s.says(out, "exit 0", "differs=2", "next at", "outside of the window")
	if strings.Count(out, " cycle 1: ") != 1 || strings.Contains(out, "halb000") {
		t.Errorf("a cycle has one line:\n%s", out)
	}
	metrics, _ := os.ReadFile(filepath.Join(dir, "metrics"))
	s.says(string(metrics), `farmwall_hosts{farm="farm",status="differs"} 2`, "farmwall_window_open 0", `farmwall_farm_condition{farm="farm",farmwall_farm_condition="drifted"} 1`, "# EOF")
	health, _ := os.ReadFile(filepath.Join(dir, "healthz"))
	s.says(string(health), `"status":"ok"`, `"next":`)
	if got := conditionsIn(t, heard); got != "farm:drifted" {
		t.Errorf("told %q", got)
	}
	s.run(2, "drift")

	// Somebody else is in a cycle: it is left out. A broken inventory ends nothing.
	s.says(s.sh(`flock `+s.state+`/cycle.lock sleep 1 & sleep 0.3; (fw watch --every 15m --cycles 1); wait`), "skipped")
	broken := filepath.Join(dir, "broken.ini")
	os.WriteFile(broken, []byte("[halb\n"), 0o600)
	if out, code := farmwall(t, "watch", "--cycles", "1", "-i", broken, "--state", s.state, "--notify", address); code != 1 || !strings.Contains(out, "could not run") || !strings.Contains(out, "broken.ini:1") {
		t.Errorf("exit %d: %s", code, out)
	}

	// Within the window it puts right what differs; a stop in the middle leaves each
	// host in its old state or its new one.
	out = s.sh(`fw watch --every 15m --fix --serial 1 --window '` + open + `' --output json --notify ` + address + ` >` + log + ` 2>&1 & sleep 1; kill -TERM $!; wait $!; echo "exit $?"; cat ` + log)
	if !strings.Contains(out, "exit 130") && !strings.Contains(out, `"changed":2`) {
		t.Errorf("a stop in the middle: %s", out)
	}
	s.run(0, "recover")
	if out, code := inFarm(t, s.farm, "drift", "-i", s.inv, "--state", s.state); code != 0 && code != 2 {
		t.Errorf("exit %d: %s", code, out)
	}
	out = s.run(0, "watch", "--every", "15m", "--cycles", "1", "--fix", "--window", open, "--output", "json", "--notify", address)
	var line struct {
		Event string
		Exit  int
		Hosts map[string]int
		Fix   bool
	}
	for _, l := range strings.Split(out, "\n") {
		if strings.Contains(l, `"event":"cycle"`) {
			if err := json.Unmarshal([]byte(l), &line); err != nil {
				t.Fatalf("%s: %v", l, err)
			}
		}
	}
	if line.Event != "cycle" || !line.Fix || line.Hosts["changed"]+line.Hosts["ok"] != 2 {
		t.Errorf("%+v in %s", line, out)
	}
	s.run(0, "plan", "--detailed-exitcode")
	if s.ruleset() != applied {
		t.Error("the host is not as it was applied")
	}
	told := conditionsIn(t, heard)
	if !strings.HasPrefix(told, "farm:drifted *:broken") || !strings.Contains(told, "*:ok") {
		t.Errorf("told %q", told)
	}
	// From a timer it is drift that tells.
	spoil()
	s.run(2, "drift", "--notify", address)
	if now := conditionsIn(t, heard); now != told+" farm:drifted" {
		t.Errorf("told %q, before %q", now, told)
	}
	s.says(mustFarmwall(t, 0, "history", "verify", "--state", s.state), "none changed")
}

// Secrets of receivers stand in no log, no error, no state; and on no command line.
func TestReceiversKeepTheirSecrets(t *testing.T) {
	const secret = "Hook-s3cret-0f-nobody"
	dir := t.TempDir()
	state, file, password := filepath.Join(dir, "state"), filepath.Join(dir, "receivers"), filepath.Join(dir, "password")
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, secret, http.StatusForbidden) }))
	defer refuses.Close()
	busy := newBusyPost(t)
	os.WriteFile(file, []byte("# who is told\n"+refuses.URL+"/"+secret+"?sig="+secret+"#hmac="+secret+"\nsmtp://u:"+secret+"@"+busy+"?from=a@example.com&to=b@example.com#tls=none\n"), 0o600)
	os.WriteFile(password, []byte("vault password\n"), 0o600)
	mustFarmwall(t, 0, "secrets", "encrypt", file, "--vault-password-file", password)
	if text, _ := os.ReadFile(file); strings.Contains(string(text), secret) {
		t.Fatal("the file is not encrypted")
	}
	inv := filepath.Join(dir, "hosts.ini")
	os.WriteFile(inv, []byte("[halb]\nh1 ansible_host=127.0.0.1 ansible_port=1 ansible_user=x\n"), 0o600)
	var said strings.Builder
	say := func(code int, args ...string) {
		t.Helper()
		out, got := farmwall(t, append(args, "-i", inv, "--state", state)...)
		if got != code {
			t.Errorf("farmwall %v: exit %d\n%s", args, got, out)
		}
		said.WriteString(out)
	}
	base := []string{"--notify-file", file, "--vault-password-file", password, "--known-hosts", "/dev/null"}
	say(4, append([]string{"drift"}, base...)...)
	say(4, append([]string{"watch", "--cycles", "1"}, base...)...)
	say(0, append([]string{"schedule", "install", "--print", "--format", "systemd", "--every", "1h"}, base...)...)
	if !strings.Contains(said.String(), "receiver "+refuses.URL+"/... was not told of farm farm: it answered 403") || !strings.Contains(said.String(), "LoadCredential=secret-") {
		t.Errorf("%s", said.String())
	}
	for _, args := range [][]string{{"drift"}, {"watch"}, {"schedule", "install", "--format", "cron"}} {
		for _, u := range []string{"https://u:" + secret + "@example.com/", "slack://hook:" + secret + "@webhook", "https://example.com/?sig=" + secret} {
			say(1, append(args, "--notify", u)...)
		}
		say(1, append(args, "--notify", "https://"+secret+"%zz@x/")...)
	}
	say(1, "schedule", "install", "--format", "cron", "-e", "ansible_password="+secret)
	if strings.Contains(said.String(), secret) {
		t.Errorf("a secret is shown:\n%s", said.String())
	}
	text, err := os.ReadFile(filepath.Join(state, "notify.json"))
	if err != nil || strings.Contains(string(text), secret) {
		t.Errorf("%v: %s", err, text)
	}
}

// newBusyPost is a mail server that wants no mail today.
func newBusyPost(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "554 not today\r\n")
			c.Close()
		}
	}()
	return l.Addr().String()
}

func TestWatchRefusesWhatItCannotDo(t *testing.T) {
	inv := filepath.Join(t.TempDir(), "hosts.ini")
	os.WriteFile(inv, []byte("[halb]\nh1 ansible_host=127.0.0.1\n"), 0o600)
	for _, c := range []struct {
		args []string
		part string
	}{
		{[]string{"--every", "10s"}, "whole minutes"}, {[]string{"--window", "Sat 02:00-04:00"}, "no --fix"}, {[]string{"--fix", "--window", "Sat 2-4"}, "no time of day"},
		{[]string{"--fix", "--window", "Sat 02:00-04:00 Mars/Olympus"}, "there is no time zone \"Mars/Olympus\""}, {[]string{"--listen", "0.0.0.0:9187"}, "--listen-public"},
		{[]string{"--keep", "1h"}, "1d or more"}, {[]string{"-k"}, "asks a person"}, {[]string{"--fix", "--confirm", "manual"}, "waits for a person"}, {[]string{"--notify", "ftp://x/"}, "no kind"}, {[]string{"x"}, "no argument"}, {[]string{"--listen", "127.0.0.1:99999"}, "--listen"},
	} {
		out, code := farmwall(t, append([]string{"watch", "--cycles", "1", "-i", inv, "--state", filepath.Join(t.TempDir(), "s")}, c.args...)...)
		if code != 1 || !strings.Contains(out, c.part) || strings.Contains(out, "cycle 1") {
			t.Errorf("%v: exit %d: %s", c.args, code, out)
		}
	}
}

// One process runs many cycles against a host, from the inventory to the journal, and
// needs no more memory after the last than after the first few.
func TestWatchNeedsNoMoreMemoryWithTime(t *testing.T) {
	cycles := 100
	if os.Getenv("FARMWALL_SOAK") == "1" {
		cycles = 1000
	}
	if argv := os.Getenv("FARMWALL_TEST_WATCH"); argv != "" {
		watchFast(t, strings.Split(argv, "\n"), cycles)
		return
	}
	f := winFarmOf(t, 1, winOptions{})
	f.must(exitOK, []string{"apply", "-y"})
	c := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), "FARMWALL_TEST_WATCH="+strings.Join(append([]string{"farmwall", "watch", "--fix"}, f.flags()...), "\n"))
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var heap, goroutines []int
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		if words := strings.Fields(lines.Text()); len(words) == 5 && words[0] == "measured" {
			h, _ := strconv.Atoi(words[2])
			g, _ := strconv.Atoi(words[4])
			heap, goroutines = append(heap, h), append(goroutines, g)
		}
	}
	if len(heap) != 4 {
		t.Fatalf("%s", out)
	}
	t.Logf("%d cycles: heap %v bytes, goroutines %v", cycles, heap, goroutines)
	if last := heap[3]; last > heap[0]+heap[0]/5+1<<20 {
		t.Errorf("the heap grows: %v", heap)
	}
	if goroutines[3] > goroutines[0]+5 {
		t.Errorf("goroutines pile up: %v", goroutines)
	}
}

// watchFast runs the verb with hardly any time between its cycles.
func watchFast(t *testing.T, argv []string, cycles int) {
	p := &program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: os.Stderr}
	app := p.app()
	named(app.Commands, "watch").Action = func(c *cli.Context) error {
		w, err := p.watching(c)
		if err != nil {
			return err
		}
		w.Every, w.Jitter, w.Limit = time.Millisecond, 0, cycles
		w.Sleep = func(context.Context, time.Duration) error { return nil }
		bad := 0
		w.Done = func(c watch.Cycle) {
			if c.Exit != exitOK {
				bad++
			}
			if c.Number%(cycles/5) == 0 && c.Number > cycles/5 {
				runtime.GC()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				fmt.Println("measured heap", m.HeapAlloc, "goroutines", runtime.NumGoroutine())
			}
		}
		w.Run(c.Context)
		if bad > 0 {
			return fmt.Errorf("%d cycles did not end well", bad)
		}
		return nil
	}
	args, err := arrange(app.Commands, argv)
	if err != nil {
		t.Fatal(err)
	}
	if err := app.RunContext(t.Context(), args); err != nil {
		t.Fatal(err)
	}
}
