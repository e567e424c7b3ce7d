package farm

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// glance is how often a connection that nothing comes through looks again.
	glance = 20 * time.Millisecond
	// judged is how long the firewall's word about a connection holds.
	judged = 200 * time.Millisecond
	// patience is how long a connection that never came through is kept: a client that
	// waits for longer has given up.
	patience = 2 * time.Minute
)

// gate is a host's listener as the network has it: nothing comes or goes while the
// cable is pulled, the power is off or the firewall says no, and a connection does
// not outlive a boot.
type gate struct {
	*net.TCPListener
	ctx     context.Context
	host    *Host
	program string
	ready   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newGate(ctx context.Context, h *Host, l *net.TCPListener, program string) *gate {
	g := &gate{TCPListener: l, ctx: ctx, host: h, program: program, ready: make(chan net.Conn), closed: make(chan struct{})}
	context.AfterFunc(ctx, func() { g.Close() })
	go g.accept()
	return g
}

// accept takes connections from the kernel, which shakes hands with everybody, and
// hands those on that come through.
func (g *gate) accept() {
	for {
		c, err := g.TCPListener.AcceptTCP()
		if err != nil {
			g.Close()
			return
		}
		go func() {
			p := &passage{Conn: c, tcp: c, gate: g, boots: g.host.Boots(), deadline: time.Now().Add(patience)}
			p.client, p.local = endsOf(c)
			if p.wait() != nil {
				p.reset()
				return
			}
			p.deadline = time.Time{}
			select {
			case g.ready <- p:
			case <-g.closed:
				c.Close()
			}
		}()
	}
}

func (g *gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.ready:
		return c, nil
	case <-g.closed:
		return nil, net.ErrClosed
	}
}

func (g *gate) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.TCPListener.Close()
}

// Whom a host on a loopback address takes its clients for (addresses for examples,
// RFC 5737 and RFC 3849). By their own they would be the host itself, whom Windows
// does not filter.
const (
	stranger4 = "198.51.100.1"
	stranger6 = "2001:db8::1"
)

func endsOf(c net.Conn) (client, local netip.AddrPort) {
	client, local = c.RemoteAddr().(*net.TCPAddr).AddrPort(), c.LocalAddr().(*net.TCPAddr).AddrPort()
	from := client.Addr().Unmap()
	switch {
	case !from.IsLoopback():
	case from.Is4():
		from = netip.MustParseAddr(stranger4)
	default:
		from = netip.MustParseAddr(stranger6)
	}
	return netip.AddrPortFrom(from, client.Port()), netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
}

// passage is one connection through a gate.
type passage struct {
	net.Conn      // not *net.TCPConn, whose ReadFrom would go past Write
	tcp           *net.TCPConn
	gate          *gate
	boots         int
	client, local netip.AddrPort
	deadline      time.Time // until when it must have come through; zero: it has

	mu    sync.Mutex
	asked time.Time // when the firewall was asked
	free  bool      // what it said
}

// wait returns when packets come through, or with an error when the connection is
// over.
func (p *passage) wait() error {
	for {
		h := p.gate.host
		came := p.deadline.IsZero()
		boots, on := h.Boots(), h.Power() == "on"
		switch {
		case p.gate.ctx.Err() != nil, !came && time.Now().After(p.deadline):
			return net.ErrClosed
		case !on || h.IsCut():
		case came && boots != p.boots:
			return net.ErrClosed // the host knows nothing of it
		case p.admitted():
			if !came { // only the one goroutine that waits for it to come through
				p.boots = boots
			}
			return nil
		}
		select {
		case <-time.After(glance):
		case <-p.gate.ctx.Done():
		case <-p.gate.closed:
			return net.ErrClosed
		}
	}
}

func (p *passage) admitted() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.asked) > judged {
		p.asked, p.free = now, p.gate.host.Admits(p.client, p.local, p.gate.program)
	}
	return p.free
}

// RemoteAddr is the client as the host sees it.
func (p *passage) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(p.client) }

// reset ends the connection so that the other side is told.
func (p *passage) reset() {
	p.tcp.SetLinger(0)
	p.tcp.Close()
}

func (p *passage) Read(b []byte) (int, error) {
	n, err := p.tcp.Read(b)
	if waited := p.wait(); waited != nil {
		p.reset()
		return 0, waited
	}
	return n, err
}

func (p *passage) Write(b []byte) (int, error) {
	if err := p.wait(); err != nil {
		p.reset()
		return 0, err
	}
	return p.tcp.Write(b)
}
