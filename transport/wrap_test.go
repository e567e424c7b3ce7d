package transport

import (
	"context"
	"errors"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// skip leaves a test out, except where that is forbidden.
func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

const connection = "192.0.2.7 4711 192.0.2.8 22"

// local runs a call on this machine through a login shell, as sshd does.
func local(t testing.TB, call *Call, login []string, env ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(login[0], append(login[1:], call.Command)...)
	cmd.Env = append(append(os.Environ(), "SSH_CONNECTION="+connection), env...)
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	stderr, err3 := cmd.StderrPipe()
	if err := errors.Join(err1, err2, err3, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	defer context.AfterFunc(ctx, func() { cmd.Process.Kill() })()
	return call.Talk(ctx, Process{Stdin: in, Stdout: out, Stderr: stderr, Wait: func() (int, error) {
		var exit *exec.ExitError
		if err := cmd.Wait(); errors.As(err, &exit) && exit.Exited() {
			return exit.ExitCode(), nil
		} else if err != nil {
			return 0, err
		}
		return 0, nil
	}})
}

// shells are those that hosts have, as sh and as login shells.
func shells(t testing.TB, names ...string) map[string][]string {
	t.Helper()
	have := make(map[string][]string)
	for _, name := range names {
		words := strings.Fields(name)
		path, err := exec.LookPath(words[0])
		if err != nil {
			if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
				t.Errorf("%s is not installed", words[0])
			}
			t.Logf("left out: %s is not installed", words[0])
			continue
		}
		have[name] = append(append([]string{path}, words[1:]...), "-c")
	}
	return have
}

// as makes another program than /bin/sh run the script.
func as(call *Call, sh string) *Call {
	if sh == "busybox sh" {
		sh = "busybox ash"
	}
	call.Command = strings.Replace(call.Command, "/bin/sh -c", sh+" -c", 1)
	return call
}

// hostile is data that does harm where a shell reads it.
const hostile = "echo INJECTED\nexit 3\n$(echo INJECTED)\n`echo INJECTED`\n'; echo INJECTED; '\n\"; echo INJECTED; \"\n)\necho INJECTED >&2\ntouch INJECTED\n"

func TestDataIsNeverCode(t *testing.T) {
	t.Chdir(t.TempDir())
	bodies := map[string]string{
		"cat":       "cat",
		"read":      "while IFS= read -r l; do printf '%s\\n' \"$l\"; done",
		"one line":  "IFS= read -r l; printf '%s\\n' \"$l\"; cat",
		"no reader": "echo nothing",
	}
	for sh := range shells(t, "dash", "bash", "busybox sh") {
		for name, body := range bodies {
			for _, data := range []string{hostile, strings.Repeat(hostile, 500)} {
				call, err := Sh(rules.Script{Name: "test", Body: body, Input: []byte(data)}, Sudo{})
				if err != nil {
					t.Fatal(err)
				}
				out, err := local(t, as(call, sh), []string{"/bin/sh", "-c"})
				want := data
				if name == "no reader" {
					want = "nothing\n"
				}
				if err != nil || string(out) != want {
					t.Errorf("%s, %s: %v, %d bytes instead of %d: %.80q", sh, name, err, len(out), len(want), out)
				}
			}
		}
	}
	if _, err := os.Stat("INJECTED"); err == nil {
		t.Error("the data has run")
	}
}

func TestLoginShells(t *testing.T) {
	long := func(size int) string {
		return strings.Repeat("# 0123456789 abcdefghijklmnopqrstuvwxyz\n", size/40) + `echo "$#:$1"; cat`
	}
	for name, login := range shells(t, "bash", "dash", "tcsh", "fish", "busybox ash") {
		t.Run(name, func(t *testing.T) {
			for _, body := range []string{long(0), long(packAbove - 1000), long(120_000)} {
				call, err := Sh(rules.Script{Name: "test", Body: body, Input: []byte("in\x00put")}, Sudo{})
				if err != nil {
					t.Fatal(err)
				}
				out, err := local(t, call, login)
				if want := "1:" + connection + "\nin\x00put"; err != nil || string(out) != want {
					t.Errorf("%d bytes of command: got %q, %v; want %q", len(call.Command), out, err, want)
				}
			}
		})
	}
}

func TestScriptSurroundings(t *testing.T) {
	for sh := range shells(t, "dash", "bash", "busybox sh") {
		for body, want := range map[string]string{
			`echo "$LC_ALL"`:                 "C\n",
			`set -e; false; echo not here`:   "exit status 1",
			`exit 9`:                         "exit status 9",
			`kill -9 $$`:                     "line broke",
			`echo a; exec echo b`:            "a\nb\n",
			"cat <<E\n$1\nE":                 connection + "\n",
			`trap 'echo bye' EXIT; echo hi`:  "hi\nbye\n",
			`( exit 4 )`:                     "exit status 4",
			"echo x # no newline at the end": "x\n",
			"f() { return 3; }; f":           "exit status 3",
			"echo out; if":                   "ended in the middle",
		} {
			call, err := Sh(rules.Script{Name: "test", Body: body}, Sudo{})
			if err != nil {
				t.Fatal(err)
			}
			out, err := local(t, as(call, sh), []string{"/bin/sh", "-c"}, "LC_ALL=C.UTF-8")
			if err == nil && string(out) != want || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: got %q, %v; want %q", sh, body, out, err, want)
			}
		}
	}
}

func TestNoise(t *testing.T) {
	dir := t.TempDir()
	rc := filepath.Join(dir, "rc")
	if err := os.WriteFile(rc, []byte("printf 'NOISE without end'; echo more >&2; trap 'echo NOISE after' EXIT\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	call, err := Sh(rules.Script{Name: "test", Body: "cat; echo words >&2; exit 3", Input: []byte("data")}, Sudo{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = local(t, call, []string{"bash", "-c"}, "BASH_ENV="+rc)
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || !strings.Contains(string(exit.Stderr), "words") {
		t.Errorf("got %v", err)
	}
	call, _ = Sh(rules.Script{Name: "test", Body: "cat", Input: []byte("data")}, Sudo{})
	out, err := local(t, call, []string{"bash", "-c"}, "BASH_ENV="+rc)
	if err != nil || string(out) != "data" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestStderrIsLimited(t *testing.T) {
	call, err := Sh(rules.Script{Name: "test", Body: "head -c 3000000 /dev/zero >&2; echo out; exit 1"}, Sudo{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = local(t, call, []string{"/bin/sh", "-c"})
	var exit *ExitError
	if !errors.As(err, &exit) || len(exit.Stderr) != maxStderr {
		t.Errorf("got %d bytes, %T", len(exit.Stderr), err)
	}
}

func TestOutputIsLimited(t *testing.T) {
	f := newFrame("m")
	f.feed([]byte("m begin\n"))
	chunk := make([]byte, 1<<20)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		err = f.feed(chunk)
	}
	if err == nil || n != maxOutput>>20+1 {
		t.Errorf("%v after %d MiB", err, n)
	}
}

// noise is text that does not become much smaller when it is packed.
func noise(size int) string {
	b := make([]byte, size)
	rnd := rand.New(rand.NewSource(1))
	for i := range b {
		b[i] = byte(' ' + 1 + rnd.Intn(94))
	}
	return string(b)
}

func TestShRefuses(t *testing.T) {
	secret := func(s string) Sudo { return Sudo{Use: true, Password: inventory.NewSecret(s)} }
	for name, c := range map[string]struct {
		script rules.Script
		sudo   Sudo
		want   string
	}{
		"too long":      {rules.Script{Name: "long", Body: noise(200_000)}, Sudo{}, "at most 120000"},
		"PowerShell":    {rules.Script{Name: "ps", Shell: rules.PowerShell}, Sudo{}, "PowerShell"},
		"user":          {rules.Script{}, Sudo{Use: true, User: "root; reboot"}, "no account name"},
		"user option":   {rules.Script{}, Sudo{Use: true, User: "-s"}, "no account name"},
		"line break":    {rules.Script{}, secret("pass\nword"), "line break"},
		"like a marker": {rules.Script{}, secret(framePrefix + "x"), "begins with"},
	} {
		_, err := Sh(c.script, c.sudo)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "word") && strings.Contains(err.Error(), "pass\n") {
			t.Errorf("%s tells the password", name)
		}
	}
}

func TestCommandHoldsNoData(t *testing.T) {
	call, err := Sh(rules.Script{Name: "x", Body: "cat", Input: []byte("SECRETDATA")}, Sudo{Use: true, Password: inventory.NewSecret("SECRETWORD")})
	if err != nil {
		t.Fatal(err)
	}
	again, _ := Sh(rules.Script{Name: "x", Body: "cat", Input: []byte("other")}, Sudo{Use: true, Password: inventory.NewSecret("other")})
	if call.Command != again.Command || strings.Contains(call.Command, "SECRET") || strings.Contains(call.Command, call.frame) {
		t.Error("the command depends on what must travel on standard input")
	}
}

// broken is a host that hangs up after so many bytes.
func TestCutAnywhere(t *testing.T) {
	call, err := Sh(rules.Script{Name: "x", Body: "cat"}, Sudo{})
	if err != nil {
		t.Fatal(err)
	}
	whole := "noise" + readyLine + call.frame + " begin\noutput" + call.frame + " end 0\n"
	for n := range len(whole) {
		_, err := call.Talk(context.Background(), Process{
			Stdin: nopCloser{io.Discard}, Stdout: io.MultiReader(strings.NewReader(whole[:n]), failing{}), Stderr: strings.NewReader(""),
			Wait: func() (int, error) { return 0, io.ErrUnexpectedEOF },
		})
		var e *Error
		if !errors.Is(err, ErrLineBroke) || !errors.As(err, &e) || e.NotRun {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
