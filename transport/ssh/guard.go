package ssh

import (
	"context"
	"net"
	"sync"
	"time"

	"farmwall/transport"
)

// tap remembers that the connection broke: the library takes that for a refusal
// of the credential that was shown last.
type tap struct {
	net.Conn
	mu  sync.Mutex
	err error
}

// Read reads on.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if err != nil {
		t.mu.Lock()
		t.err = err
		t.mu.Unlock()
	}
	return n, err
}

func (t *tap) broken() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// guard closes a connection when its time is over or its context ends: that is
// the one way to stop a handshake, and works over a jump host too, where
// deadlines do not.
type guard struct {
	nc    net.Conn
	limit time.Duration
	timer *time.Timer
	off   func() bool
	mu    sync.Mutex
	why   error
}

func watch(ctx context.Context, nc net.Conn, limit time.Duration) *guard {
	g := &guard{nc: nc, limit: limit}
	g.timer = time.AfterFunc(limit, func() { g.close(transport.ErrTimeout) })
	g.off = context.AfterFunc(ctx, func() { g.close(context.Cause(ctx)) })
	return g
}

func (g *guard) close(why error) {
	g.mu.Lock()
	if g.why == nil {
		g.why = why
	}
	g.mu.Unlock()
	g.nc.Close()
}

// pause stops the clock while a person or another host is waited for; what it
// returns starts it anew.
func (g *guard) pause() (resume func()) {
	g.timer.Stop()
	return func() { g.timer.Reset(g.limit) }
}

// end stops watching and says why the connection was closed, if it was.
func (g *guard) end() error {
	g.timer.Stop()
	g.off()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.why
}
