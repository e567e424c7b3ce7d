package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rush has many hosts use a credential at once and returns how many were let
// through, and how many at a time before the first answer.
func rush(t *testing.T, g *Gate, c Credential, answer func(host string, p *Pass)) (used, notTried int) {
	t.Helper()
	var wg sync.WaitGroup
	var in, out, now, most atomic.Int32
	var answered atomic.Bool
	for i := range 50 {
		host := fmt.Sprint("h", i)
		wg.Go(func() {
			p, err := g.Enter(context.Background(), c, host)
			if errors.Is(err, ErrNotTried) {
				out.Add(1)
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			in.Add(1)
			if n := now.Add(1); !answered.Load() && n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Millisecond)
			now.Add(-1)
			answered.Store(true)
			answer(host, p)
		})
	}
	wg.Wait()
	if most.Load() > 1 {
		t.Errorf("%d hosts used it before the first answer", most.Load())
	}
	return int(in.Load()), int(out.Load())
}

func TestGate(t *testing.T) {
	for name, c := range map[string]struct {
		keys           bool
		answer         func(string, *Pass)
		used, notTried int
	}{
		"good password":     {false, func(_ string, p *Pass) { p.Accepted() }, 50, 0},
		"wrong password":    {false, func(_ string, p *Pass) { p.Rejected() }, 1, 49},
		"silent hosts":      {false, func(_ string, p *Pass) { p.NoAnswer() }, 2, 48},
		"password not used": {false, func(_ string, p *Pass) { p.Unused() }, 50, 0},
		"good key":          {true, func(_ string, p *Pass) { p.Accepted() }, 50, 0},
		"unknown key":       {true, func(_ string, p *Pass) { p.Rejected() }, 50, 0},
		"silent for keys":   {true, func(_ string, p *Pass) { p.NoAnswer() }, 50, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewGate()
			id := g.Password("admin", "secret")
			if c.keys {
				id = g.Keys("admin", "SHA256:x")
			}
			used, notTried := rush(t, g, id, c.answer)
			if used != c.used || notTried != c.notTried {
				t.Errorf("used %d, not tried %d; want %d, %d", used, notTried, c.used, c.notTried)
			}
		})
	}
}

func TestGateAfterAcceptance(t *testing.T) {
	g := NewGate()
	ctx := context.Background()
	id := g.Password("admin", "secret")
	enter := func(host string) error {
		p, err := g.Enter(ctx, id, host)
		if err == nil {
			p.Accepted()
		}
		return err
	}
	if err := enter("a"); err != nil {
		t.Fatal(err)
	}
	p, err := g.Enter(ctx, id, "b")
	if err != nil {
		t.Fatal(err)
	}
	p.Rejected()
	p.Accepted() // a second word does not count
	if err := enter("a"); err != nil {
		t.Errorf("the host that accepted it must be reachable again: %v", err)
	}
	for _, host := range []string{"b", "c"} {
		if err := enter(host); !errors.Is(err, ErrNotTried) || !strings.Contains(err.Error(), "rejected at b") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if other := g.Password("admin", "other"); other == id {
		t.Error("two passwords are one")
	} else if p, err := g.Enter(ctx, other, "c"); err != nil {
		t.Error(err)
	} else {
		p.Unused()
	}
	if g.Password("admin", "secret") != id || g.Password("adm", "insecret") == id || NewGate().Password("admin", "secret") == id {
		t.Error("ids are not what they should be")
	}
}

func TestGateCancel(t *testing.T) {
	g := NewGate()
	id := g.Password("a", "b")
	p, err := g.Enter(context.Background(), id, "first")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := g.Enter(ctx, id, "second"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	p.Accepted()
	if p, err = g.Enter(context.Background(), id, "third"); err != nil {
		t.Error(err)
	}
	p.Accepted()
}
