package lab

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// openSSH runs OpenSSH's client in the controller's place.
func openSSH(t *testing.T, f *Farm, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		skip(t, "no ssh client")
	}
	var out, errs bytes.Buffer
	code, err := f.Run(testContext(t), Command{Argv: sshArgs(f, args...), Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), code
}

func sshArgs(f *Farm, args ...string) []string {
	return append([]string{"ssh", "-F", "none", "-o", "BatchMode=yes", "-i", f.KeyFile(), "-o", "UserKnownHostsFile=" + f.KnownHosts(), "-o", "StrictHostKeyChecking=yes"}, args...)
}

func TestOpenSSHClient(t *testing.T) {
	specs := numbered(3)
	specs[2].Port, specs[2].Names = 2222, []string{"h3.example.com"}
	f := up(t, specs...)
	for _, to := range [][]string{{"root@10.77.0.12"}, {"root@fd77::1002"}, {"root@h2"}, {"someone@h2"}, {"-p", "2222", "root@h3.example.com"}} {
		out, errs, code := openSSH(t, f, "given\n", append(to, `cat; echo "$USER $HOME"; echo oops >&2; exit 3`)...)
		if user, _, _ := strings.Cut(to[len(to)-1], "@"); out != "given\n"+user+" /root\n" || !strings.Contains(errs, "oops\n") || code != 3 {
			t.Errorf("%v: %d %q %q", to, code, out, errs)
		}
	}
	if out, _, _ := openSSH(t, f, "", "root@10.77.0.11", "echo $SSH_CONNECTION; tty"); !strings.HasPrefix(out, "10.77.0.254 ") || !strings.HasSuffix(out, " 10.77.0.11 22\nnot a tty\n") {
		t.Errorf("connection: %q", out)
	}
	if out, _, code := openSSH(t, f, "hostname\nexit 4\n", "-T", "root@h1"); out != "h1\n" || code != 4 {
		t.Errorf("shell: %q %d", out, code)
	}
	if out, errs, code := openSSH(t, f, "", "-o", "ProxyCommand="+strings.Join(sshArgs(f, "-W", "%h:%p", "root@h1"), " "), "root@10.77.0.12", "hostname; echo $SSH_CONNECTION"); code != 0 || !strings.HasPrefix(out, "h2\n10.77.0.11 ") {
		t.Errorf("over a jump host: %d %q %q", code, out, errs)
	}
	if _, errs, code := openSSH(t, f, "", "root@h1", "kill -9 $$"); code != 255 {
		t.Errorf("killed: %d %q", code, errs)
	}
}

func TestOnlyTheLabsKeyLogsIn(t *testing.T) {
	f := up(t, numbered(1)...)
	other, err := newKeyPair("other")
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/key"
	if err := os.WriteFile(file, []byte(other.Private), 0o600); err != nil {
		t.Fatal(err)
	}
	args := sshArgs(f, "root@h1", "true")
	args[slices.Index(args, f.KeyFile())] = file
	var said bytes.Buffer
	if code, err := f.Run(testContext(t), Command{Argv: args, Stderr: &said}); err != nil || code != 255 || !strings.Contains(said.String(), "Permission denied (publickey)") {
		t.Errorf("%d %v %s", code, err, said.String())
	}
}

// Commands live on when their connection dies, and so do their children: a
// dead-man's switch depends on that.
func TestCommandsOutliveTheConnection(t *testing.T) {
	for _, real := range []bool{false, true} {
		specs := numbered(1)
		specs[0].RealSSHD = real
		if real && os.Geteuid() != 0 {
			t.Log("OpenSSH's sshd needs root")
			continue
		}
		f := up(t, specs...)
		h := mustHost(t, f, "h1")
		ctx, cancel := context.WithCancel(testContext(t))
		go f.Run(ctx, Command{Argv: sshArgs(f, "root@h1", "trap '' HUP PIPE; sleep 0.5; echo late; echo $? >/run/wrote; touch /run/came; sleep 1000")})
		until(t, "the command runs", func() bool { return running(t, h, "[s]leep") })
		cancel() // kills the client
		until(t, "the command goes on", func() bool {
			r, err := h.Exec(testContext(t), []string{"test", "-e", "/run/came"}, nil)
			return err == nil && r.Code == 0
		})
		if !running(t, h, "[s]leep 1000") {
			t.Errorf("real=%v: the command was killed with its connection", real)
		}
		if got := sh(t, h, "cat /run/wrote"); got != "1\n" {
			t.Errorf("real=%v: writing to the dead connection ended with %q", real, got)
		}
	}
}

func running(t *testing.T, h *Host, pattern string) bool {
	return strings.TrimSpace(sh(t, h, "ps -e -o args= | grep -c '"+pattern+"' || :")) != "0"
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 10 s: ", what)
		}
	}
}

// A client waits for whatever holds the output, as with OpenSSH.
func TestOpenOutputHoldsTheSession(t *testing.T) {
	f := up(t, numbered(1)...)
	begin := time.Now()
	out, _, code := openSSH(t, f, "", "root@h1", "(sleep 1; echo last) & exit 6")
	if out != "last\n" || code != 6 || time.Since(begin) < time.Second {
		t.Errorf("%q %d after %v", out, code, time.Since(begin))
	}
	begin = time.Now()
	if _, _, code := openSSH(t, f, "", "root@h1", "setsid sleep 20 </dev/null >/dev/null 2>&1 & exit 6"); code != 6 || time.Since(begin) > 10*time.Second {
		t.Errorf("%d after %v", code, time.Since(begin))
	}
}

func TestSudoOfTheLab(t *testing.T) {
	f := up(t, numbered(1)...)
	out, errs, code := openSSH(t, f, "data\n", "admin@h1", "env LC_ALL=C sudo -H -n -u root -- /bin/sh -c 'cat; id -u; echo $USER $SUDO_USER \"[$SSH_CONNECTION]\" \"$0\"' 'a b'")
	if want := "data\n0\nroot admin [] a b\n"; out != want || code != 0 {
		t.Errorf("%d %q %q, want %q", code, out, errs, want)
	}
}

func TestRealSSHD(t *testing.T) {
	if os.Geteuid() != 0 {
		skip(t, "OpenSSH's sshd needs root")
	}
	specs := numbered(2)
	specs[0].RealSSHD, specs[0].Port = true, 2022
	f := up(t, specs...)
	h := mustHost(t, f, "h1")
	for range 2 {
		out, errs, code := openSSH(t, f, "in\n", "-p", "2022", "root@10.77.0.11", "cat; ps -o comm= -p $PPID; echo $SSH_CONNECTION")
		if !strings.HasPrefix(out, "in\nsshd") || !strings.HasSuffix(out, " 10.77.0.11 2022\n") || code != 0 {
			t.Errorf("%d %q %q", code, out, errs)
		}
		if err := h.Reboot(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
}
