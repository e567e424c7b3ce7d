//go:build unix

package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// listen calls serve with every connection to a port of its own.
func listen(t testing.TB, serve func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { nc.Close() })
			go serve(nc)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestDialErrors(t *testing.T) {
	silent := listen(t, func(net.Conn) {})
	half := listen(t, func(nc net.Conn) { nc.Write([]byte("SSH-2.0-half\r\n")) })
	web := listen(t, func(nc net.Conn) { fmt.Fprint(nc, "HTTP/1.1 400 Bad Request\r\n\r\n"); nc.Close() })
	for name, c := range map[string]struct {
		access inventory.Access
		want   error
		words  string
	}{
		"refused":         {inventory.Access{Address: "127.0.0.1", Port: freePort(t)}, transport.ErrRefused, "refused"},
		"name":            {inventory.Access{Address: "no-such-host.invalid"}, transport.ErrUnreachable, "no-such-host.invalid does not resolve"},
		"no route":        {inventory.Access{Address: "255.255.255.255"}, transport.ErrUnreachable, "unreachable"},
		"silent server":   {inventory.Access{Address: "127.0.0.1", Port: silent}, transport.ErrTimeout, "timed out"},
		"half a server":   {inventory.Access{Address: "127.0.0.1", Port: half}, transport.ErrTimeout, "timed out"},
		"no SSH server":   {inventory.Access{Address: "127.0.0.1", Port: web}, transport.ErrLineBroke, "hung up"},
		"no address":      {inventory.Access{}, nil, "no address"},
		"sudo on Windows": {inventory.Access{Address: "127.0.0.1", Shell: "powershell", Become: true}, transport.ErrNoPrivilege, "Windows has no sudo"},
		"refused account": {inventory.Access{Address: "127.0.0.1", Port: silent, Problems: inventory.Problems{{Text: "bad"}}}, nil, "bad"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dialer(t, Config{Home: t.TempDir(), Timeout: 300 * time.Millisecond})
			start := time.Now()
			_, err := d.Dial(context.Background(), &inventory.Host{Name: "h1", Access: c.access})
			var e *transport.Error
			if !errors.As(err, &e) || e.Host != "h1" || e.Op == "" || e.Hint == "" || !e.NotRun {
				t.Fatalf("got %#v", err)
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 7*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestDialCancel(t *testing.T) {
	silent := listen(t, func(net.Conn) {})
	d := dialer(t, Config{Home: t.TempDir(), Timeout: time.Minute})
	h := &inventory.Host{Name: "h1", Access: inventory.Access{Address: "127.0.0.1", Port: silent}}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	if _, err := d.Dial(ctx, h); !errors.Is(err, context.Canceled) || time.Since(start) > time.Second {
		t.Errorf("got %v after %s", err, time.Since(start))
	}
	if _, err := d.Dial(ctx, h); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	late, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := d.Dial(late, h); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, transport.ErrTimeout) {
		t.Errorf("got %v", err)
	}
}

// A server that is busy resets handshakes at random; that is tried again.
func TestResetIsTriedAgain(t *testing.T) {
	s := startServer(t, func(s *server) { s.accept = func(n int) bool { return n > 3 } })
	works(t, dial(t, dialer(t, Config{Home: s.home}), s.host()))
	if s.count() != 4 {
		t.Errorf("%d connections", s.count())
	}
	never := startServer(t, func(s *server) { s.accept = func(int) bool { return false } })
	_, err := dialer(t, Config{Home: never.home}).Dial(context.Background(), never.host())
	if !errors.Is(err, transport.ErrLineBroke) || never.count() != resets || !strings.Contains(err.Error(), "hung up") {
		t.Errorf("got %v after %d connections", err, never.count())
	}
}

// A host that goes silent in the middle is noticed.
func TestKeepalive(t *testing.T) {
	var freeze atomic.Bool
	s := startServer(t, nil)
	// Between the two stands a wire that can be frozen.
	port := listen(t, func(nc net.Conn) {
		up, err := net.Dial("tcp", s.addr.String())
		if err != nil {
			return
		}
		pass := func(to, from net.Conn) {
			buf := make([]byte, 32<<10)
			for {
				n, err := from.Read(buf)
				if err != nil {
					to.Close()
					return
				}
				if !freeze.Load() {
					to.Write(buf[:n])
				}
			}
		}
		go pass(up, nc)
		pass(nc, up)
	})
	write(t, filepath.Join(s.home, ".ssh", "known_hosts"), knownName("127.0.0.1", port)+" "+line1(s.hostKey.PublicKey()))
	d := dialer(t, Config{Home: s.home, Keepalive: 200 * time.Millisecond})
	h := s.host()
	h.Access.Port = port
	c := dial(t, d, h)
	works(t, c)
	time.Sleep(500 * time.Millisecond) // answered signs of life do no harm
	works(t, c)
	time.AfterFunc(100*time.Millisecond, func() { freeze.Store(true) })
	start := time.Now()
	_, err := c.Run(context.Background(), rules.Script{Name: "idle", Body: "sleep 20"})
	if !errors.Is(err, transport.ErrLineBroke) || !errors.Is(err, transport.ErrTimeout) || time.Since(start) > 3*time.Second {
		t.Errorf("got %v after %s", err, time.Since(start))
	}
}

func TestExecRefused(t *testing.T) {
	s := startServer(t, func(s *server) { s.mute = true })
	_, err := dial(t, dialer(t, Config{Home: s.home}), s.host()).Run(context.Background(), rules.Script{Name: "test", Body: "cat"})
	var e *transport.Error
	if !errors.As(err, &e) || !e.NotRun || len(err.Error()) > 200 {
		t.Errorf("got %v", err)
	}
	ps := startServer(t, nil)
	_, err = dial(t, dialer(t, Config{Home: ps.home}), ps.host()).Run(context.Background(), rules.Script{Name: "test", Shell: rules.PowerShell})
	if !errors.As(err, &e) || !e.NotRun || !strings.Contains(err.Error(), "PowerShell script and this host runs sh") {
		t.Errorf("got %v", err)
	}
	h := ps.host()
	h.Access.Shell = "powershell"
	_, err = dial(t, dialer(t, Config{Home: ps.home}), h).Run(context.Background(), rules.Script{Name: "test", Shell: rules.Sh})
	if !errors.As(err, &e) || !e.NotRun || !strings.Contains(err.Error(), "script for sh and this host runs PowerShell") {
		t.Errorf("got %v", err)
	}
}

// An exit without a status is no success, whatever was printed before.
func TestSessionThatDies(t *testing.T) {
	s := startServer(t, func(s *server) { s.exec = func(c gossh.Channel) { fmt.Fprint(c, "farmwall-ready\n") } })
	_, err := dial(t, dialer(t, Config{Home: s.home}), s.host()).Run(context.Background(), rules.Script{Name: "test", Body: "cat"})
	var e *transport.Error
	if !errors.Is(err, transport.ErrLineBroke) || !errors.As(err, &e) || e.NotRun {
		t.Errorf("got %v", err)
	}
}

// A thousand lines leave nothing behind.
func TestNoLeaks(t *testing.T) {
	s := startServer(t, func(s *server) {
		s.exec = func(c gossh.Channel) { fmt.Fprint(c, "nothing\n") }
	})
	agent := serveAgent(t, rawKey(t, filepath.Join(s.home, ".ssh", "id_ed25519")))
	d := dialer(t, Config{Home: s.home, Agent: agent, Keepalive: time.Minute})
	once := func(i int) {
		c, err := d.Dial(context.Background(), s.host())
		if err != nil {
			t.Error(err)
			return
		}
		switch i % 3 {
		case 0: // closed without a word
		case 1:
			c.Run(context.Background(), rules.Script{Name: "test", Body: "cat", Input: make([]byte, 100_000)})
		case 2:
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Millisecond, cancel)
			c.Run(ctx, rules.Script{Name: "test", Body: "cat"})
		}
		c.Close()
	}
	many := func(n int) {
		var wg sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range n {
			slots <- struct{}{}
			wg.Go(func() { once(i); <-slots })
		}
		wg.Wait()
	}
	many(32)
	goroutines, files := settled(t)
	total := 1000
	if testing.Short() {
		total = 100
	}
	many(total)
	for range 50 {
		g, f := settled(t)
		if g <= goroutines+5 && f <= files+5 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	g, f := settled(t)
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines and %d files before, %d and %d after %d lines\n%s", goroutines, files, g, f, total, buf[:runtime.Stack(buf, true)])
}

// settled counts goroutines and open files once the last lines have ended.
func settled(t *testing.T) (goroutines, files int) {
	t.Helper()
	for last := -1; ; {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("open files can only be counted on Linux")
		}
		goroutines, files = runtime.NumGoroutine(), len(list)
		if goroutines == last {
			return goroutines, files
		}
		last = goroutines
		time.Sleep(50 * time.Millisecond)
	}
}
