package lab

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRunInTheControllersPlace(t *testing.T) {
	f := up(t, numbered(1)...)
	dir := t.TempDir()
	var out, errs bytes.Buffer
	code, err := f.Run(testContext(t), Command{
		Argv: []string{"sh", "-c", `cat; pwd; echo "$MINE $FARMWALL_LAB" >&2; ip -br -4 addr show br0 | awk '{print $3}'; exit 9`},
		Env:  []string{"MINE=x y"}, Dir: dir, Stdin: strings.NewReader("given\n"), Stdout: &out, Stderr: &errs,
	})
	if err != nil || code != 9 {
		t.Errorf("code %d, %v", code, err)
	}
	if want := "given\n" + dir + "\n10.77.0.254/24\n"; out.String() != want {
		t.Errorf("stdout %q, want %q", out.String(), want)
	}
	if want := "x y " + f.Dir() + "\n"; errs.String() != want {
		t.Errorf("stderr %q, want %q", errs.String(), want)
	}
	for _, e := range f.Env() {
		name, path, _ := strings.Cut(e, "=")
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBothOutputsIntoOneWriter(t *testing.T) {
	f := up(t, numbered(1)...)
	var out bytes.Buffer
	code, err := mustHost(t, f, "h1").Run(testContext(t), Command{
		Argv: []string{"sh", "-c", "for i in 1 2 3; do echo out $i; echo err $i >&2; done"}, Stdout: &out, Stderr: &out,
	})
	if want := "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n"; err != nil || code != 0 || out.String() != want {
		t.Errorf("%d %v %q", code, err, out.String())
	}
}

func TestLargeOutputIsWhole(t *testing.T) {
	f := up(t, numbered(1)...)
	r, err := mustHost(t, f, "h1").Exec(testContext(t), []string{"head", "-c", "5000000", "/dev/zero"}, nil)
	if err != nil || len(r.Stdout) != 5000000 {
		t.Errorf("%d bytes, %v", len(r.Stdout), err)
	}
}

func TestExecTellsHowItEnded(t *testing.T) {
	f := up(t, numbered(1)...)
	h := mustHost(t, f, "h1")
	for script, want := range map[string]int{"exit 3": 3, "kill -9 $$": 137, "true": 0} {
		if r, err := h.Exec(testContext(t), []string{"sh", "-c", script}, nil); err != nil || r.Code != want {
			t.Errorf("%s: code %d, want %d (%v)", script, r.Code, want, err)
		}
	}
	if _, err := h.Exec(testContext(t), []string{"no-such-program"}, nil); err == nil {
		t.Error("a program that is not there ran")
	}
	if _, err := f.Host("nobody"); err == nil {
		t.Error("a host that is not there was found")
	}
	begin := time.Now()
	r, err := h.Exec(testContext(t), []string{"sh", "-c", "echo early; setsid sleep 30 &"}, nil)
	if err != nil || string(r.Stdout) != "early\n" || time.Since(begin) > 10*time.Second {
		t.Errorf("a child that goes on holds up the end: %q %v after %v", r.Stdout, err, time.Since(begin))
	}
}

func TestCancelKillsTheCommand(t *testing.T) {
	f := up(t, numbered(1)...)
	h := mustHost(t, f, "h1")
	ctx, cancel := context.WithCancel(testContext(t))
	ready, writer := io.Pipe()
	go func() {
		ready.Read(make([]byte, 1))
		cancel()
		io.Copy(io.Discard, ready)
	}()
	if _, err := h.Run(ctx, Command{Argv: []string{"sh", "-c", "echo; sleep 1000; true"}, Stdout: writer}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	gone := false
	for end := time.Now().Add(5 * time.Second); !gone && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		gone = sh(t, h, "ps -e -o args= | grep -c '[s]leep 1000' || :") == "0\n"
	}
	if !gone {
		t.Error("the command goes on")
	}
}

func TestSignalsAreForwarded(t *testing.T) {
	f := up(t, numbered(1)...)
	signals := make(chan os.Signal, 1)
	ready, writer := io.Pipe()
	go func() {
		ready.Read(make([]byte, 1))
		signals <- syscall.SIGINT
		io.Copy(io.Discard, ready)
	}()
	code, err := f.Run(testContext(t), Command{
		Argv: []string{"sh", "-c", "trap 'exit 42' INT; echo; while :; do sleep 0.05; done"}, Stdout: writer, Signals: signals,
	})
	if err != nil || code != 42 {
		t.Errorf("code %d, %v", code, err)
	}
}

func TestShellHasATerminal(t *testing.T) {
	f := up(t, numbered(1)...)
	var shown bytes.Buffer
	code, err := mustHost(t, f, "h1").Shell(testContext(t), Command{
		Argv: []string{"sh", "-c", "tty; read word; echo got $word; test -t 2 && exec 3</dev/tty && exit 5"}, Stdin: strings.NewReader("typed\n"), Stdout: &shown,
	})
	if err != nil || code != 5 || !strings.Contains(shown.String(), "got typed") || strings.Contains(shown.String(), "not a tty") {
		t.Errorf("code %d, %v: %q", code, err, shown.String())
	}
}

func TestJoin(t *testing.T) {
	f := up(t, numbered(2)...)
	joined, err := Join(testContext(t), f.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(sh(t, mustHost(t, joined, "h2"), "hostname")); got != "h2" {
		t.Errorf("hostname %q", got)
	}
	if err := joined.Close(); err != nil {
		t.Fatal(err)
	}
	sh(t, mustHost(t, f, "h1"), "true") // closing what was only joined ends nothing
	if err := joined.Down(testContext(t)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-f.Ended():
	case <-time.After(10 * time.Second):
		t.Error("the lab goes on after Down")
	}
	if _, err := Join(testContext(t), f.Dir()); !errors.Is(err, ErrNoLab) {
		t.Errorf("join after Down: %v", err)
	}
}
