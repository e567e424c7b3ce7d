package sshd

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"farmwall/transport/lab/windows"
)

// upper answers with its line, its connection and its input in capitals, or waits for
// the end of its context.
type upper struct{ ended chan struct{} }

func (u upper) Run(ctx context.Context, c windows.Command) (int64, error) {
	if c.Line == "wait" {
		<-ctx.Done()
		close(u.ended)
		return 0, context.Cause(ctx)
	}
	in, err := io.ReadAll(c.Stdin)
	if err != nil {
		return 0, err
	}
	io.WriteString(c.Stdout, c.User+" "+c.Line+" "+strings.ToUpper(string(in)))
	io.WriteString(c.Stderr, c.Env["SSH_CONNECTION"])
	return 7, nil
}

func newKey(t *testing.T) ([]byte, ssh.Signer) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), signer
}

func serveOne(t *testing.T, m Machine, o Options) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, m, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func dial(at, user string, how ssh.AuthMethod, key ssh.PublicKey) (*ssh.Client, error) {
	return ssh.Dial("tcp", at, &ssh.ClientConfig{User: user, Auth: []ssh.AuthMethod{how}, HostKeyCallback: ssh.FixedHostKey(key), Timeout: 10 * time.Second})
}

func TestCommands(t *testing.T) {
	hostKey, host := newKey(t)
	_, own := newKey(t)
	m := upper{make(chan struct{})}
	at := serveOne(t, m, Options{HostKey: hostKey, Accounts: []Account{{Name: `LAB\adm`, Password: "secret", Key: string(ssh.MarshalAuthorizedKey(own.PublicKey()))}}})
	for name, try := range map[string]struct {
		user string
		how  ssh.AuthMethod
		want bool
	}{
		"password":         {`lab\ADM`, ssh.Password("secret"), true},
		"without a domain": {"adm", ssh.Password("secret"), true},
		"key":              {"adm", ssh.PublicKeys(own), true},
		"wrong password":   {"adm", ssh.Password("Secret"), false},
		"wrong key":        {"adm", ssh.PublicKeys(host), false},
		"somebody else":    {"eve", ssh.Password("secret"), false},
	} {
		c, err := dial(at, try.user, try.how, host.PublicKey())
		if (err == nil) != try.want {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		s.Stdin, s.Stdout, s.Stderr = strings.NewReader("in"), &out, &errs
		var exit *ssh.ExitError
		if err := s.Run("go"); err == nil {
			t.Error("no exit code")
		} else if e, ok := err.(*ssh.ExitError); !ok || e.ExitStatus() != 7 {
			t.Errorf("%v %v", err, exit)
		}
		if out.String() != try.user+" go IN" || !strings.HasPrefix(errs.String(), "127.0.0.1 ") || len(strings.Fields(errs.String())) != 4 {
			t.Errorf("%s: %q %q", name, out.String(), errs.String())
		}
		c.Close()
	}
	c, err := dial(at, "adm", ssh.Password("secret"), host.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("wait"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	select {
	case <-m.ended:
	case <-time.After(30 * time.Second):
		t.Error("a command outlives its connection")
	}
}
