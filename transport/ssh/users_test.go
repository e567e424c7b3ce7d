//go:build unix

package ssh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// password of the test's accounts, with what quoting gets wrong.
const password = `a 'b" $c\ d!#`

// newUser makes an account of this machine for the time of the test.
func newUser(t testing.TB, shell string) string {
	t.Helper()
	if os.Getuid() != 0 {
		skip(t, "only root can make accounts")
	}
	name := fmt.Sprintf("fwtest%d", rand.N(1_000_000_000))
	home := filepath.Join(t.TempDir(), name)
	for dir := filepath.Dir(home); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		os.Chmod(dir, 0o755)
	}
	must := func(input string, args ...string) {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	must("", "useradd", "--create-home", "--home-dir", home, "--shell", shell, name)
	t.Cleanup(func() { exec.Command("userdel", "--force", name).Run() })
	must(name+":"+password, "chpasswd")
	for file, text := range map[string]string{
		".bashrc": "printf 'NOISE without end'; echo more noise >&2\n", ".cshrc": "echo NOISE\n", ".config/fish/config.fish": "echo NOISE\n",
	} {
		write(t, filepath.Join(home, file), text)
	}
	must("", "chown", "-R", name+":", home)
	return name
}

// sudoers adds rules of sudo for the time of the test.
func sudoers(t testing.TB, rules string) {
	t.Helper()
	if _, err := exec.LookPath("sudo"); err != nil {
		skip(t, "sudo is not installed")
	}
	path := fmt.Sprintf("/etc/sudoers.d/fwtest%d", rand.N(1_000_000_000))
	if err := os.WriteFile(path, []byte(rules+"\n"), 0o440); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	if out, err := exec.Command("visudo", "-cf", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestLoginShellsOverSSHD(t *testing.T) {
	s := startSSHD(t)
	d := s.dialer(t)
	busybox := filepath.Join(t.TempDir(), "ash")
	if path, err := exec.LookPath("busybox"); err == nil {
		if err := os.Symlink(path, busybox); err != nil {
			t.Fatal(err)
		}
		for dir := filepath.Dir(busybox); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			os.Chmod(dir, 0o755)
		}
	}
	for _, name := range []string{"bash", "dash", "tcsh", "fish", busybox} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			shell, err := exec.LookPath(name)
			if err != nil {
				skip(t, filepath.Base(name)+" is not installed")
			}
			user := newUser(t, shell)
			sudoers(t, user+" ALL=(root) NOPASSWD: /bin/sh")
			data := "echo INJECTED\n$(exit 9)\x00\xff"
			long := strings.Repeat("# 0123456789 abcdefghijklmnopqrstuvwxyz\n", 80_000/40)
			for _, become := range []bool{false, true} {
				h := s.host(user)
				h.Access.Become = become
				c := dial(t, d, h)
				out, err := c.Run(context.Background(), rules.Script{Name: "test", Body: long + `id -un; echo "$1"; cat`, Input: []byte(data)})
				who := user
				if become {
					who = "root"
				}
				local, remote := c.(*line).nc.LocalAddr().String(), c.(*line).nc.RemoteAddr().String()
				want := fmt.Sprintf("%s\n%s %s\n%s", who, strings.Replace(local, ":", " ", 1), strings.Replace(remote, ":", " ", 1), data)
				if err != nil || string(out) != want {
					t.Errorf("become %v: got %q, %v; want %q", become, out, err, want)
				}
				_, err = c.Run(context.Background(), rules.Script{Name: "test", Body: "echo oh no >&2; exit 42"})
				var exit *transport.ExitError
				if !errors.As(err, &exit) || exit.Code != 42 || !strings.Contains(string(exit.Stderr), "oh no") {
					t.Errorf("become %v: got %v", become, err)
				}
			}
		})
	}
}

func TestSudoOverSSHD(t *testing.T) {
	s := startSSHD(t)
	user, other := newUser(t, "/bin/bash"), newUser(t, "/bin/sh")
	for name, c := range map[string]struct {
		sudoers, become, password string
		want                      error
		who                       string
	}{
		"no password needed":          {"%s ALL=(root) NOPASSWD: /bin/sh", "", "", nil, "root"},
		"not needed, given":           {"%s ALL=(root) NOPASSWD: /bin/sh", "", password, nil, "root"},
		"not needed, wrong one given": {"%s ALL=(root) NOPASSWD: /bin/sh", "", "wrong", nil, "root"},
		"needed and given":            {"%s ALL=(root) /bin/sh", "", password, nil, "root"},
		"needed, not given":           {"%s ALL=(root) /bin/sh", "", "", transport.ErrSudoPassword, ""},
		"wrong":                       {"%s ALL=(root) /bin/sh", "", "wrong", transport.ErrSudoPassword, ""},
		"another user":                {"%s ALL=(ALL) NOPASSWD: ALL", other, "", nil, other},
		"not in sudoers":              {"", "", password, transport.ErrSudoDenied, ""},
		"not in sudoers, no password": {"", "", "", transport.ErrSudoPassword, ""},
		"another command only":        {"%s ALL=(root) NOPASSWD: /bin/true", "", password, transport.ErrSudoDenied, ""},
		"requiretty":                  {"Defaults:%[1]s requiretty\n%[1]s ALL=(root) NOPASSWD: ALL", "", "", transport.ErrSudoDenied, ""},
		"no such user":                {"%s ALL=(ALL) NOPASSWD: ALL", "nosuchuser", "", transport.ErrSudoDenied, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if c.sudoers != "" {
				sudoers(t, fmt.Sprintf(c.sudoers, user))
			}
			exec.Command("rm", "-rf", "/run/sudo/ts/"+user).Run() // no ticket of an earlier case
			h := s.host(user)
			h.Access.Become, h.Access.BecomeUser, h.Access.BecomePassword = true, c.become, inventory.NewSecret(c.password)
			conn := dial(t, s.dialer(t), h)
			data := strings.Repeat("echo INJECTED\n", 10_000)
			for range 2 { // the second time there may be a ticket
				out, err := conn.Run(context.Background(), rules.Script{Name: "test", Body: "id -un; cat", Input: []byte(data)})
				if c.want == nil && (err != nil || string(out) != c.who+"\n"+data) {
					t.Fatalf("got %.100q, %v", out, err)
				}
				if c.want == nil {
					continue
				}
				if errors.Is(err, transport.ErrNotTried) && c.password != "" {
					continue // the second time with a wrong one
				}
				var e *transport.Error
				if !errors.Is(err, c.want) || !errors.As(err, &e) || !e.NotRun || e.Host != "h1" || e.Hint == "" && name != "no such user" {
					t.Fatalf("got %v, want %v", err, c.want)
				}
				if len(err.Error()) > 400 || strings.Contains(err.Error(), password) {
					t.Errorf("says too much: %s", err)
				}
			}
		})
	}
}

func TestPasswordOverSSHD(t *testing.T) {
	s := startSSHD(t, "PasswordAuthentication yes", "PubkeyAuthentication no")
	user := newUser(t, "/bin/bash")
	h := s.host(user)
	h.Access.Password = inventory.NewSecret(password)
	c := dial(t, s.dialer(t), h)
	if out, err := c.Run(context.Background(), rules.Script{Name: "test", Body: "id -un"}); err != nil || string(out) != user+"\n" {
		t.Errorf("got %q, %v", out, err)
	}
	h.Access.Password = inventory.NewSecret("wrong")
	if _, err := s.dialer(t).Dial(context.Background(), h); !errors.Is(err, transport.ErrRejected) {
		t.Errorf("got %v", err)
	}
	h.Access.Password = inventory.NewSecret("")
	if _, err := s.dialer(t).Dial(context.Background(), h); !errors.Is(err, transport.ErrRejected) || !strings.Contains(err.Error(), "the host accepts password") {
		t.Errorf("got %v", err)
	}
}

// More hosts at a time than sshd lets log in: the resets are tried again.
func TestMaxStartups(t *testing.T) {
	s := startSSHD(t, "MaxStartups 3:30:6")
	d := s.dialer(t)
	failed := make(chan error, 30)
	for range cap(failed) {
		go func() {
			c, err := d.Dial(context.Background(), s.host(me(t)))
			if err == nil {
				c.Close()
			}
			failed <- err
		}()
	}
	bad := 0
	for range cap(failed) {
		if err := <-failed; err != nil {
			bad++
			t.Log(err)
		}
	}
	if bad > 3 {
		t.Errorf("%d of %d lines did not come about", bad, cap(failed))
	}
}
