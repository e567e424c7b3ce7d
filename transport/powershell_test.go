package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// engine is the PowerShell engine; only where none exists may a test skip.
func engine(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("FARMWALL_PWSH"); path != "" {
		return path
	}
	for _, name := range []string{"powershell", "pwsh"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no PowerShell engine: set FARMWALL_PWSH")
	return ""
}

const scriptHead = "# farmwall test 1\nparam([byte[]]$Data, [string]$Connection, $Answer)\n"

func powershell(t testing.TB, body, data, connection string) *PowerShellCall {
	t.Helper()
	c, err := PowerShell(rules.Script{Name: "test", Shell: rules.PowerShell, Body: scriptHead + body, Input: []byte(data)}, connection)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inEngine runs a call as sshd would.
func inEngine(t testing.TB, c *PowerShellCall, env ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(engine(t), strings.Fields(c.Command)[1:]...)
	cmd.Env = append(os.Environ(), env...)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	stderr, err3 := cmd.StderrPipe()
	if err := errors.Join(err1, err2, err3, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { cmd.Process.Kill() })()
	b, err := c.Talk(ctx, Process{Stdin: in, Stdout: out, Stderr: stderr, Wait: func() (int, error) {
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) && exit.Exited() {
			return exit.ExitCode(), nil
		} else if err != nil {
			return 0, err
		}
		return 0, nil
	}})
	io.Copy(io.Discard, out)
	cmd.Wait()
	return b, err
}

const reply = "$t = [Text.Encoding]::UTF8.GetBytes(%s)\n$Answer.Out.Write($t, 0, $t.Length)\n"

func answers(expression string) string { return strings.Replace(reply, "%s", expression, 1) }

func TestPowerShellInTheEngine(t *testing.T) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, c := range map[string]struct {
		body, data, connection, want string
	}{
		"echo":       {"$Answer.Out.Write($Data, 0, $Data.Length)", string(every) + "Z\u00fcrich \u65e5\u672c\r\n", "", string(every) + "Z\u00fcrich \u65e5\u672c\r\n"},
		"empty":      {"if ($Data -isnot [byte[]] -or $Data.Length -ne 0) { throw 'x' }", "", "", ""},
		"connection": {answers("$Connection"), "", connection, connection},
		"unknown":    {answers(`"<$Connection>"`), "", "", "<>"},
		"ssh":        {answers("$Connection"), "", SSHConnection, "192.0.2.1 1 192.0.2.2 22"},
		"stray":      {"'stray'; Write-Host -NoNewline noise; Write-Warning w; Write-Host farmwall-frame-0 end 0; [Console]::Out.Write('x')\n" + answers("'out'"), "", "", "out"},
		"unicode":    {answers("[string][char]0x65e5 + [Text.Encoding]::UTF8.GetString($Data)"), "\u00fc", "", "\u65e5\u00fc"},
		"error kept": {"try { Get-Item /no/such/thing } catch { " + answers("'caught'") + "}", "", "", "caught"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inEngine(t, powershell(t, c.body, c.data, c.connection), "SSH_CONNECTION=192.0.2.1 1 192.0.2.2 22")
			if err != nil || string(got) != c.want {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestPowerShellFailures(t *testing.T) {
	for name, c := range map[string]struct {
		body, env, want string
		is              error
		exit            int
		notRun          bool
	}{
		"throw":       {"throw 'it broke'", "", "it broke", nil, 1, false},
		"status":      {"$Answer.Status = 7; throw 'it broke'", "", "it broke", nil, 7, false},
		"only status": {"$Answer.Status = 255", "", "", nil, 255, false},
		"syntax":      {"if (", "", "", ErrLineBroke, 0, true},
		"exit":        {"exit 3", "", "ended without an answer, exit code 3", ErrLineBroke, 0, false},
		"old":         {"", "PSENGINE_PSVERSION=2.0", "PowerShell 2.0", ErrOldPowerShell, 0, true},
		"constrained": {"", "PSENGINE_LANGUAGE_MODE=ConstrainedLanguage", "ConstrainedLanguage", ErrConstrained, 0, true},
		"bad status":  {"$Answer.Status = 'x'", "", "", ErrLineBroke, 0, false},
		"killed":      {"[Diagnostics.Process]::GetCurrentProcess().Kill()", "", "", ErrLineBroke, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inEngine(t, powershell(t, c.body, "", ""), c.env)
			var exit *ExitError
			var e *Error
			switch {
			case err == nil || !strings.Contains(err.Error(), c.want):
				t.Errorf("got %v", err)
			case c.exit != 0 && (!errors.As(err, &exit) || exit.Code != c.exit):
				t.Errorf("got %v", err)
			case c.is != nil && (!errors.Is(err, c.is) || !errors.As(err, &e) || e.NotRun != c.notRun):
				t.Errorf("got %#v: %v", e, err)
			}
		})
	}
}

func TestPowerShellRunsNothingOfCutInput(t *testing.T) {
	whole := powershell(t, "[IO.File]::WriteAllText($env:FARMWALL_TEST_FILE, 'ran')", "data", "").Input
	file := t.TempDir() + "/ran"
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for _, n := range []int{len(lines[0]), len(whole) - len(lines[4]), len(whole) - 9} {
		c := powershell(t, "", "", "")
		c.Input = whole[:n]
		c.answer.mark = append(bytes.TrimSpace(bytes.Clone(lines[0])), ' ')
		_, err := inEngine(t, c, "FARMWALL_TEST_FILE="+file)
		var e *Error
		if !errors.As(err, &e) || !e.NotRun || !strings.Contains(err.Error(), "lines of input") {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("ran with %d bytes of input", n)
		}
	}
}

func TestPowerShellCommandIsFixedAndShort(t *testing.T) {
	a, b := powershell(t, "SECRET", "SECRET", "SECRET"), powershell(t, "", "", "")
	if a.Command != b.Command || len(a.Command) > maxWindowsCommand || strings.ContainsAny(a.Command, "%\"'$&|<>^!`") {
		t.Errorf("%d characters: %s", len(a.Command), a.Command)
	}
	for _, c := range a.Input {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("%q in the input", c)
		}
	}
	if n := bytes.Count(a.Input, []byte("\n")); n != 5 {
		t.Errorf("%d lines", n)
	}
	t.Logf("%d characters", len(a.Command))
}

func TestBootstrapIsClean(t *testing.T) {
	out, err := exec.Command(engine(t), "--lint", "powershell.ps1").CombinedOutput()
	if err != nil && !strings.HasSuffix(os.Getenv("FARMWALL_PWSH"), "powershell") {
		t.Skip("this engine has no --lint")
	}
	if err != nil || !bytes.Contains(out, []byte("0 problems")) {
		t.Errorf("%v %s", err, out)
	}
}
