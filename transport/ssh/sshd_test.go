//go:build unix

package ssh

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/inventory"
	"farmwall/transport"
)

// skip leaves a test out, except where that is forbidden.
func skip(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// newKey makes a key and writes it to a file, encrypted where there is a
// passphrase.
func newKey(t testing.TB, path, passphrase string) gossh.Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = gossh.MarshalPrivateKey(private, "test")
	} else {
		block, err = gossh.MarshalPrivateKeyWithPassphrase(private, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(pem.EncodeToMemory(block)))
	signer, err := gossh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path+".pub", string(gossh.MarshalAuthorizedKey(signer.PublicKey())))
	return signer
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sshd is OpenSSH's server on a port of the loopback interface.
type sshd struct {
	port    int
	hostKey gossh.Signer
	home    string // of the dialer: .ssh/known_hosts and .ssh/id_ed25519 fit
	keys    string // authorized_keys
}

// startSSHD starts a server that lets the home's key in as the user; more are
// lines of its configuration.
func startSSHD(t testing.TB, more ...string) *sshd {
	t.Helper()
	program := "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		skip(t, "OpenSSH's server is not installed")
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "farmwall-sshd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o755)
	s := &sshd{home: filepath.Join(dir, "home"), keys: filepath.Join(dir, "keys")}
	s.hostKey = newKey(t, filepath.Join(dir, "host"), "")
	client := newKey(t, filepath.Join(s.home, ".ssh", "id_ed25519"), "")
	write(t, s.keys, string(gossh.MarshalAuthorizedKey(client.PublicKey())))
	os.Chmod(s.keys, 0o644)
	s.port = freePort(t)
	write(t, filepath.Join(s.home, ".ssh", "known_hosts"), fmt.Sprintf("[127.0.0.1]:%d %s", s.port, gossh.MarshalAuthorizedKey(s.hostKey.PublicKey())))
	// The first value counts in sshd_config too.
	lines := append(append([]string(nil), more...),
		"ListenAddress 127.0.0.1:"+strconv.Itoa(s.port), "HostKey "+filepath.Join(dir, "host"), "AuthorizedKeysFile "+s.keys,
		"StrictModes no", "UsePAM no", "PidFile none", "PermitRootLogin yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE", "MaxStartups 200")
	write(t, filepath.Join(dir, "config"), strings.Join(lines, "\n")+"\n")
	cmd := exec.Command(program, "-D", "-e", "-f", filepath.Join(dir, "config"))
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	up, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for lines := bufio.NewScanner(log); lines.Scan(); {
			said.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "Server listening") {
				close(up)
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		<-over
		if t.Failed() {
			t.Logf("sshd said:\n%s", said.String())
		}
	})
	select {
	case <-up:
	case <-over:
		t.Fatalf("sshd did not start: %s", said.String())
	case <-time.After(10 * time.Second):
		t.Fatal("sshd did not start within 10 s")
	}
	return s
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// host is an inventory host at the server.
func (s *sshd) host(user string) *inventory.Host {
	return &inventory.Host{Name: "h1", Access: inventory.Access{Connection: "ssh", Address: "127.0.0.1", Port: s.port, User: user}}
}

// dialer is a dialer that knows the server and nothing of this machine.
func (s *sshd) dialer(t testing.TB) *Dialer { return dialer(t, Config{Home: s.home}) }

func dialer(t testing.TB, cfg Config) *Dialer {
	t.Helper()
	if cfg.System == "" {
		cfg.System = filepath.Join(cfg.Home, "system")
	}
	if cfg.Agent == "" {
		cfg.Agent = "none"
	}
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func dial(t testing.TB, d *Dialer, h *inventory.Host) transport.Conn {
	t.Helper()
	c, err := d.Dial(context.Background(), h)
	if err != nil {
		t.Fatalf("%v (%T)", err, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// me is the name of the user who runs the tests.
func me(t testing.TB) string {
	t.Helper()
	name := localUser()
	if name == "" {
		t.Fatal("who am I?")
	}
	return name
}
