//go:build unix

package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// behind is a server that is reached over a jump host, with one home for both.
func behind(t *testing.T) (jump, inner *server, d *Dialer) {
	t.Helper()
	jump = startServer(t, nil)
	inner = startServer(t, nil)
	text := ""
	for _, s := range []*server{jump, inner} {
		text += knownName("127.0.0.1", s.addr.Port) + " " + line1(s.hostKey.PublicKey())
	}
	write(t, filepath.Join(jump.home, ".ssh", "known_hosts"), text)
	mine, err := readPublic(filepath.Join(jump.home, ".ssh", "id_ed25519.pub"))
	if err != nil {
		t.Fatal(err)
	}
	inner.let(only(mine))
	write(t, filepath.Join(jump.home, ".ssh", "config"), fmt.Sprintf("Host bastion\n HostName 127.0.0.1\n User jumper\n Port %d\n", jump.addr.Port))
	return jump, inner, dialer(t, Config{Home: jump.home})
}

func (s *server) over(jump string) *inventory.Host {
	h := s.host()
	h.Access.ProxyJump = jump
	return h
}

func TestJump(t *testing.T) {
	jump, inner, d := behind(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			c, err := d.Dial(context.Background(), inner.over("bastion"))
			if err != nil {
				t.Error(err)
				return
			}
			works(t, c)
			c.Close()
		})
	}
	wg.Wait()
	if jump.count() != 1 || inner.count() != 20 {
		t.Errorf("%d connections to the jump host and %d to the host", jump.count(), inner.count())
	}
	// What runs over a jump host can be cancelled, and the others go on.
	other := dial(t, d, inner.over("bastion"))
	c := dial(t, d, inner.over("bastion"))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.Run(ctx, rules.Script{Name: "idle", Body: "sleep 20"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Second {
		t.Errorf("got %v after %s", err, time.Since(start))
	}
	works(t, other)
	// A jump host's connection that broke is made anew.
	jump.mu.Lock()
	for nc := range jump.conns {
		nc.Close()
	}
	jump.mu.Unlock()
	works(t, dial(t, d, inner.over("bastion")))
	if _, err := other.Run(context.Background(), rules.Script{Name: "test", Body: "cat"}); !errors.Is(err, transport.ErrLineBroke) {
		t.Errorf("got %v", err)
	}
	works(t, dial(t, d, inner.over("bastion")))
	if jump.count() != 2 {
		t.Errorf("%d connections to the jump host", jump.count())
	}
}

func TestTwoJumps(t *testing.T) {
	_, inner, d := behind(t)
	text, _ := os.ReadFile(filepath.Join(d.cfg.Home, ".ssh", "config"))
	write(t, filepath.Join(d.cfg.Home, ".ssh", "config"), string(text)+fmt.Sprintf("Host second\n HostName 127.0.0.1\n Port %d\n", inner.addr.Port))
	d = dialer(t, Config{Home: d.cfg.Home})
	works(t, dial(t, d, inner.over("bastion,me@second")))
	if inner.count() != 2 {
		t.Errorf("%d connections", inner.count())
	}
}

func TestJumpErrors(t *testing.T) {
	jump, inner, d := behind(t)
	closed := inner.over("bastion")
	closed.Access.Port = freePort(t)
	if _, err := d.Dial(context.Background(), closed); !errors.Is(err, transport.ErrRefused) || !strings.Contains(err.Error(), "over jump host bastion") {
		t.Errorf("closed port: %v", err)
	}
	slow := inner.over("bastion")
	slow.Access.Port, slow.Access.Timeout = listen(t, func(net.Conn) {}), 300*time.Millisecond
	if _, err := d.Dial(context.Background(), slow); !errors.Is(err, transport.ErrTimeout) {
		t.Errorf("silent host: %v", err)
	}
	var e *transport.Error
	if _, err := d.Dial(context.Background(), inner.over("127.0.0.1:1")); !errors.Is(err, transport.ErrRefused) || !errors.As(err, &e) || e.Host != "h1" || !strings.Contains(err.Error(), "jump host 127.0.0.1") {
		t.Errorf("no jump host: %v", err)
	}
	write(t, filepath.Join(d.cfg.Home, ".ssh", "known_hosts"), knownName("127.0.0.1", inner.addr.Port)+" "+line1(inner.hostKey.PublicKey()))
	fresh := dialer(t, Config{Home: d.cfg.Home})
	if _, err := fresh.Dial(context.Background(), inner.over("bastion")); !errors.Is(err, transport.ErrUnknownKey) || !strings.Contains(err.Error(), "jump host bastion") {
		t.Errorf("unknown jump host: %v", err)
	}
	// Its key comes first, then the host's own.
	k, err := fresh.Learn(context.Background(), inner.over("bastion"))
	if err != nil || k.Host != "jump host bastion" || k.Name != knownName("127.0.0.1", jump.addr.Port) || k.Known {
		t.Fatalf("learned %+v, %v", k, err)
	}
	if err := Append(k.File, []Key{k}); err != nil {
		t.Fatal(err)
	}
	if k, err = fresh.Learn(context.Background(), inner.over("bastion")); err != nil || k.Host != "h1" || !k.Known {
		t.Fatalf("learned %+v, %v", k, err)
	}
	works(t, dial(t, fresh, inner.over("bastion")))
}

func TestDialerClose(t *testing.T) {
	_, inner, d := behind(t)
	c := dial(t, d, inner.over("bastion"))
	works(t, c)
	d.Close()
	if _, err := c.Run(context.Background(), rules.Script{Name: "test", Body: "cat"}); !errors.Is(err, transport.ErrLineBroke) {
		t.Errorf("got %v", err)
	}
	d.Close()
}
