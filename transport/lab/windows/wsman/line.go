package wsman

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
)

// line is one connection of a client: authentication belongs to it. Requests on it
// follow one another, so it needs no lock.
type line struct {
	conn net.Conn
	// base ends with the service: what outlives a request is run under it.
	base context.Context
	// who logged on, nil: nobody.
	who *identity
	// under is a handshake under way, context the one that stands and can unseal.
	under, context acceptor
	// scheme is the one of the handshake; kerberos: the context is one of tickets.
	scheme   string
	kerberos bool
	// basic is the account of the last Basic log-on here.
	basic string
	// age is Service.forgotten at the log-on.
	age int
}

// identity is who sent a request.
type identity struct {
	user  string // DOMAIN\name
	admin bool
	// shell: may have a shell.
	shell bool
}

type lineKey struct{}

func (s *Service) newLine(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, lineKey{}, &line{conn: c, base: ctx})
}

func lineOf(r *http.Request) *line { return r.Context().Value(lineKey{}).(*line) }

// ends are the two ends of the connection.
func (l *line) ends() (client, local netip.AddrPort) {
	return endOf(l.conn.RemoteAddr()), endOf(l.conn.LocalAddr())
}

func endOf(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}

// reset cuts the connection so that the client reads ECONNRESET.
func (l *line) reset() {
	c := l.conn
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}
