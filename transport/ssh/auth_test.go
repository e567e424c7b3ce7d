//go:build unix

package ssh

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// works checks that the line runs scripts.
func works(t testing.TB, c transport.Conn) {
	t.Helper()
	out, err := c.Run(context.Background(), rules.Script{Name: "test", Body: "cat", Input: []byte("hello")})
	if err != nil || string(out) != "hello" {
		t.Errorf("got %q, %v", out, err)
	}
}

// passwords makes the server take passwords only, and count them.
func passwords(right string, tried *atomic.Int32) func(*server) {
	return func(s *server) {
		s.PublicKeyCallback = nil
		s.PasswordCallback = func(_ gossh.ConnMetadata, p []byte) (*gossh.Permissions, error) {
			tried.Add(1)
			if string(p) == right {
				return nil, nil
			}
			return nil, errors.New("wrong")
		}
	}
}

func TestPassword(t *testing.T) {
	var tried atomic.Int32
	s := startServer(t, passwords("right", &tried))
	d := dialer(t, Config{Home: s.home})
	h := s.host()
	h.Access.Password = inventory.NewSecret("right")
	works(t, dial(t, d, h))

	h.Access.Password = inventory.NewSecret("wrong")
	_, err := d.Dial(context.Background(), h)
	var e *transport.Error
	if !errors.Is(err, transport.ErrRejected) || !errors.As(err, &e) || e.Host != "h1" || e.Hint == "" || !e.NotRun {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "password") || strings.Contains(err.Error(), "wrong") {
		t.Errorf("the error does not say what was tried, or too much: %v", err)
	}
	h2 := s.host()
	h2.Name, h2.Access.Password = "h2", h.Access.Password
	if _, err = d.Dial(context.Background(), h2); !errors.Is(err, transport.ErrNotTried) || !strings.Contains(err.Error(), "rejected at h1") {
		t.Errorf("got %v", err)
	}
	if n := tried.Load(); n != 2 {
		t.Errorf("the host saw %d passwords, want the right one and one wrong one", n)
	}
}

// Many hosts at a time, one wrong password: the host sees it once.
func TestWrongPasswordOnce(t *testing.T) {
	var tried atomic.Int32
	s := startServer(t, passwords("right", &tried))
	d := dialer(t, Config{Home: s.home})
	var wg sync.WaitGroup
	var notTried atomic.Int32
	for i := range 20 {
		h := s.host()
		h.Name, h.Access.Password = fmt.Sprint("h", i), inventory.NewSecret("wrong")
		wg.Go(func() {
			_, err := d.Dial(context.Background(), h)
			if errors.Is(err, transport.ErrNotTried) {
				notTried.Add(1)
			} else if !errors.Is(err, transport.ErrRejected) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if tried.Load() != 1 || notTried.Load() != 19 {
		t.Errorf("%d tried, %d not tried", tried.Load(), notTried.Load())
	}
}

func TestKeyboardInteractive(t *testing.T) {
	var asked, answered atomic.Int32
	ask := func(questions ...string) *server {
		asked.Store(0)
		return startServer(t, func(s *server) {
			s.PublicKeyCallback = nil
			s.KeyboardInteractiveCallback = func(_ gossh.ConnMetadata, c gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
				for range 2 { // as PAM asks again
					asked.Add(1)
					answers, err := c("", "", questions, make([]bool, len(questions)))
					if err != nil {
						return nil, err
					}
					answered.Add(1)
					if answers[0] == "right" {
						_, err := c("", "welcome", nil, nil)
						return nil, err
					}
				}
				return nil, errors.New("wrong")
			}
		})
	}
	login := func(s *server, password string) (transport.Conn, error) {
		h := s.host()
		h.Access.Password = inventory.NewSecret(password)
		return dialer(t, Config{Home: s.home}).Dial(context.Background(), h)
	}
	c, err := login(ask("Password: "), "right")
	if err != nil {
		t.Fatal(err)
	}
	works(t, c)
	c.Close()
	if _, err = login(ask("Password: "), "wrong"); !errors.Is(err, transport.ErrRejected) {
		t.Errorf("got %v", err)
	}
	if answered.Load() != 2 {
		t.Errorf("two log-ins gave %d answers", answered.Load())
	}
	if _, err = login(ask("Password: ", "Verification code: "), "right"); !errors.Is(err, transport.ErrRejected) || !strings.Contains(err.Error(), "Verification code") {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// A host that hangs up on a password has not rejected it, but two of them are
// enough.
func TestHangUpDuringLogin(t *testing.T) {
	var tried atomic.Int32
	s := startServer(t, func(s *server) {
		s.PublicKeyCallback = nil
		s.PasswordCallback = func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) {
			tried.Add(1)
			s.mu.Lock()
			defer s.mu.Unlock()
			for nc := range s.conns {
				nc.Close()
			}
			return nil, errors.New("gone")
		}
	})
	d := dialer(t, Config{Home: s.home})
	for i, want := range []error{transport.ErrLineBroke, transport.ErrLineBroke, transport.ErrNotTried, transport.ErrNotTried} {
		h := s.host()
		h.Name, h.Access.Password = fmt.Sprint("h", i), inventory.NewSecret("x")
		if _, err := d.Dial(context.Background(), h); !errors.Is(err, want) {
			t.Errorf("%d: got %v, want %v", i, err, want)
		}
	}
	if tried.Load() != 2 {
		t.Errorf("tried %d times", tried.Load())
	}
}

func TestEncryptedKey(t *testing.T) {
	s := startServer(t, nil)
	newHome := func() (string, gossh.Signer) {
		home := t.TempDir()
		known, _ := os.ReadFile(filepath.Join(s.home, ".ssh", "known_hosts"))
		write(t, filepath.Join(home, ".ssh", "known_hosts"), string(known))
		return home, newKey(t, filepath.Join(home, ".ssh", "id_ed25519"), "open sesame")
	}
	home, key := newHome()
	s.let(only(key.PublicKey()))
	h := s.host()
	if _, err := dialer(t, Config{Home: home}).Dial(context.Background(), h); !errors.Is(err, transport.ErrRejected) || !strings.Contains(err.Error(), "encrypted") {
		t.Errorf("nobody to ask: %v", err)
	}
	h.Access.KeyPassphrase = inventory.NewSecret("open sesame")
	works(t, dial(t, dialer(t, Config{Home: home}), h))
	h.Access.KeyPassphrase = inventory.NewSecret("wrong")
	if _, err := dialer(t, Config{Home: home}).Dial(context.Background(), h); !errors.Is(err, transport.ErrRejected) || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("wrong passphrase: %v", err)
	}
	// Many hosts, one question; and the handshake's clock stands still meanwhile.
	var asked atomic.Int32
	d := dialer(t, Config{Home: home, Timeout: 500 * time.Millisecond, Prompt: func(_ context.Context, q string) (inventory.Secret, error) {
		if asked.Add(1) == 1 {
			time.Sleep(time.Second)
		}
		if !strings.Contains(q, "id_ed25519") {
			t.Errorf("asked %q", q)
		}
		return inventory.NewSecret("open sesame"), nil
	}})
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			c, err := d.Dial(context.Background(), s.host())
			if err != nil {
				t.Error(err)
				return
			}
			works(t, c)
			c.Close()
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestCertificate(t *testing.T) {
	s := startServer(t, nil)
	authority := newKey(t, filepath.Join(t.TempDir(), "ca"), "")
	checker := &gossh.CertChecker{IsUserAuthority: func(k gossh.PublicKey) bool {
		return string(k.Marshal()) == string(authority.PublicKey().Marshal())
	}}
	s.let(checker.Authenticate)
	if _, err := dialer(t, Config{Home: s.home}).Dial(context.Background(), s.host()); !errors.Is(err, transport.ErrRejected) {
		t.Fatalf("without a certificate: %v", err)
	}
	path := filepath.Join(s.home, ".ssh", "id_ed25519")
	public, err := readPublic(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	cert := &gossh.Certificate{Key: public, CertType: gossh.UserCert, ValidPrincipals: []string{"farm"}, ValidBefore: gossh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, authority); err != nil {
		t.Fatal(err)
	}
	write(t, path+"-cert.pub", string(gossh.MarshalAuthorizedKey(cert)))
	works(t, dial(t, dialer(t, Config{Home: s.home}), s.host()))
}

// serveAgent serves keys on a socket.
func serveAgent(t testing.TB, keys ...any) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "agent")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { agent.ServeAgent(ring, nc); nc.Close() })
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return path
}

// rawKey reads a private key as an agent wants it.
func rawKey(t testing.TB, path string) any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	key, err := gossh.ParseRawPrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestAgent(t *testing.T) {
	s := startServer(t, nil)
	path := filepath.Join(s.home, ".ssh", "id_ed25519")
	right := rawKey(t, path)
	var others []any
	for i := range 10 {
		other := filepath.Join(t.TempDir(), fmt.Sprint(i))
		newKey(t, other, "")
		others = append(others, rawKey(t, other))
	}
	away := filepath.Join(t.TempDir(), "elsewhere")
	move := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("full agent, right file", func(t *testing.T) {
		h := s.host()
		h.Access.KeyFile = path
		works(t, dial(t, dialer(t, Config{Home: s.home, Agent: serveAgent(t, others...)}), h))
	})
	t.Run("dead agent, right file", func(t *testing.T) {
		works(t, dial(t, dialer(t, Config{Home: s.home, Agent: filepath.Join(s.home, "nothing")}), s.host()))
	})
	move(path, away)
	t.Run("right agent, public file", func(t *testing.T) {
		h := s.host()
		h.Access.KeyFile = path
		works(t, dial(t, dialer(t, Config{Home: s.home, Agent: serveAgent(t, append(others, right)...)}), h))
		if _, err := dialer(t, Config{Home: s.home}).Dial(context.Background(), h); !errors.Is(err, transport.ErrRejected) || !strings.Contains(err.Error(), "only the public key") {
			t.Errorf("got %v", err)
		}
	})
	move(path+".pub", away+".pub")
	t.Run("right agent", func(t *testing.T) {
		works(t, dial(t, dialer(t, Config{Home: s.home, Agent: serveAgent(t, right)}), s.host()))
	})
	t.Run("too many", func(t *testing.T) {
		var shown atomic.Int32
		s.let(func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) {
			shown.Add(1)
			return nil, errors.New("unknown")
		})
		_, err := dialer(t, Config{Home: s.home, Agent: serveAgent(t, append(others, right)...)}).Dial(context.Background(), s.host())
		if !errors.Is(err, transport.ErrRejected) || !strings.Contains(err.Error(), "5 more keys of the agent were not tried") {
			t.Errorf("got %v", err)
		}
		if shown.Load() != attempts {
			t.Errorf("%d keys were shown", shown.Load())
		}
	})
}
