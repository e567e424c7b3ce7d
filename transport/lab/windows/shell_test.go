package windows_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

func TestCmd(t *testing.T) {
	h, err := windows.New(windows.Options{Name: "gw1", System: windows.Server2016})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, c := range []struct {
		line, in, out, errs string
		exit                int64
	}{
		{line: "echo hello", out: "hello\r\n"},
		{line: `echo %COMPUTERNAME% %computername% %none% 100%`, out: "GW1 GW1 %none% 100%\r\n"},
		{line: "echo %EXTRA%", out: "more\r\n"},
		{line: "echo one& echo two", out: "one\r\ntwo\r\n"},
		{line: "exit /b 3 && echo no", exit: 3},
		{line: "nonsense || echo yes", out: "yes\r\n", errs: "'nonsense' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"},
		{line: "nonsense", exit: 9009, errs: "'nonsense' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"},
		{line: "nonsense 2>nul & echo on", out: "on\r\n"},
		{line: "echo lost>nul", out: ""},
		{line: "echo bad 1>&2", errs: "bad\r\n"},
		{line: "nonsense >nul 2>&1", exit: 9009},
		{line: `echo "a & b" ^& c`, out: "\"a & b\" & c\r\n"},
		{line: "exit -1", exit: 0xFFFFFFFF},
		{line: "exit 7 & echo no", exit: 7},
		{line: `cmd.exe /c "echo inner& exit /b 4"`, out: "inner\r\n", exit: 4},
		{line: `C:\Windows\System32\cmd.exe /d /c echo x`, out: "x\r\n"},
		{line: "whoami", out: "lab\\adm\r\n"},
		{line: "hostname", out: "gw1\r\n"},
		{line: "ver", out: "\r\nMicrosoft Windows [Version 10.0.14393.5717]\r\n"},
		{line: "more", in: "a\r\nb\n", out: "a\r\nb\r\n"},
		{line: `findstr b`, in: "abc\nxyz\n", out: "abc\r\n"},
		{line: `findstr /n q`, in: "abc\n", exit: 1},
		{line: "type con", in: "x\n", out: "x\r\n"},
		{line: `type C:\secret.txt`, errs: "The system cannot find the file specified.\r\n", exit: 1},
		{line: "set A=1& set A", out: "A=1\r\n"},
		{line: "set NOPE_", errs: "Environment variable NOPE_ not defined\r\n", exit: 1},
		{line: "chcp 65001>nul & chcp", out: "Active code page: 437\r\n"},
		{line: "echo a | more", errs: "the lab's cmd.exe has no '|'; it knows &, &&, ||, >nul, 2>nul and 2>&1\r\n", exit: 1},
		{line: strings.Repeat("a", 8192), errs: "The command line is too long.\r\n", exit: 1},
		{line: "powershell -Command 1", errs: "the lab's engine model runs only farmwall's own scripts; use the engine powershell for others\r\n", exit: 1},
		{line: "powershell -EncodedCommand MQA=", in: "foreign\n", errs: "", out: "foreign refused input 1\r\n", exit: 3},
	} {
		var out, errs bytes.Buffer
		exit, err := h.Run(t.Context(), windows.Command{Line: c.line, User: "adm", Admin: true, Env: map[string]string{"extra": "more"}, Stdin: strings.NewReader(c.in), Stdout: &out, Stderr: &errs})
		if err != nil || exit != c.exit || out.String() != c.out || errs.String() != c.errs {
			t.Errorf("%.80s: exit %d, %v, out %q, errs %q; want %d, %q, %q", c.line, exit, err, out.String(), errs.String(), c.exit, c.out, c.errs)
		}
	}
}

// A command that waits for input or time ends with its context, and with the power.
func TestACommandEndsWithItsContext(t *testing.T) {
	h, err := windows.New(windows.Options{Name: "W1"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, line := range []string{"more", "ping -n 3600 127.0.0.1"} {
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := h.Run(ctx, windows.Command{Line: line, Stdin: blocked{}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s ended with %v", line, err)
		}
		stop()
		time.AfterFunc(30*time.Millisecond, h.Off)
		if _, err := h.Run(t.Context(), windows.Command{Line: line, Stdin: blocked{}}); !errors.Is(err, windows.ErrOff) {
			t.Errorf("%s ended with %v", line, err)
		}
		if _, err := h.Run(t.Context(), windows.Command{Line: line}); !errors.Is(err, windows.ErrOff) {
			t.Errorf("%s on a host that is off: %v", line, err)
		}
		h.On()
	}
	if h.Boots() != 3 {
		t.Errorf("%d boots", h.Boots())
	}
}

// blocked is a standard input that never says anything.
type blocked struct{}

func (blocked) Read([]byte) (int, error) { select {} }

func TestAPausedHostWaits(t *testing.T) {
	h, err := windows.New(windows.Options{Name: "W1"})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	h.Pause()
	if h.Power() != "paused" {
		t.Fatal(h.Power())
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer stop()
	if _, err := h.Run(ctx, windows.Command{Line: "ver"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a paused host answered: %v", err)
	}
	time.AfterFunc(30*time.Millisecond, h.Resume)
	if _, err := h.Run(t.Context(), windows.Command{Line: "ver"}); err != nil {
		t.Fatal(err)
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for _, o := range []windows.Options{{}, {Name: "W", System: "95"}, {Name: "W", Engine: "bash"}, {Name: "W", Active: 8}, {Name: "W", Engine: windows.PowerShell}, {Name: "W", Engine: windows.PowerShell, Program: "x"}} {
		if h, err := windows.New(o); err == nil {
			h.Close()
			t.Errorf("%+v was taken", o)
		}
	}
}
