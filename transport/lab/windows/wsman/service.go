package wsman

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Service is one host's WinRM service.
type Service struct {
	machine Machine
	o       Options
	quotas  Quotas
	binding []byte // of the certificate, see binding.sum

	mu     sync.Mutex
	faults Faults
	counts Counts
	shells map[string]*shell // by id; nil until there is one
	busy   int               // requests under way
	// forgotten is what a connection's authentication must be newer than.
	forgotten int
}

// New makes a service, which does nothing until it serves.
func New(m Machine, o Options) (*Service, error) {
	s := &Service{machine: m, o: o, quotas: o.Release.Quotas(), faults: o.Faults}
	if o.Quotas != nil {
		s.quotas = *o.Quotas
	}
	if o.TLS != nil {
		if len(o.TLS.Certificates) == 0 {
			return nil, errors.New("wsman: TLS needs a certificate")
		}
		var err error
		if s.binding, err = endPointBinding(o.TLS.Certificates[0].Certificate[0]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Serve serves a host on a listener until the context ends, which ends all shells
// too. The listener is closed.
func Serve(ctx context.Context, l net.Listener, m Machine, o Options) error {
	s, err := New(m, o)
	if err != nil {
		l.Close()
		return err
	}
	return s.Serve(ctx, l)
}

// Serve answers on a listener until the context ends; then all connections and
// shells end and the error is nil. A service may serve several listeners.
func (s *Service) Serve(ctx context.Context, l net.Listener) error {
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := s.o.ConnectionIdle
	if idle == 0 {
		idle = 2 * time.Minute
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(s.answer),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       s.newLine,
		ConnState:         s.connState,
		IdleTimeout:       idle,
		ReadHeaderTimeout: time.Minute,
		MaxHeaderBytes:    64 << 10, // a ticket with a large PAC
		ErrorLog:          log.New(io.Discard, "", 0),
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // WinRM speaks HTTP/1.1 only
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if s.o.TLS != nil {
		l = tls.NewListener(l, s.tlsConfig())
	}
	err := server.Serve(l)
	if ctx.Err() != nil {
		err = nil
	}
	cancel()
	server.Close()
	s.endShells()
	return err
}

func (s *Service) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.count(func(c *Counts) { c.Connections++; c.Open++ })
	case http.StateClosed, http.StateHijacked:
		s.count(func(c *Counts) { c.Open-- })
	}
}

// now is the host's clock.
func (s *Service) now() time.Time { return time.Now().Add(s.Faults().ClockSkew) }
