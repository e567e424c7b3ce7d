package winrm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"farmwall/transport"
)

// handshake begins TLS. look, where it is given, sees the certificate and what
// we make of it, and has the last word.
func (t *target) handshake(ctx context.Context, nc net.Conn, look func(tls.ConnectionState, error) error) (*tls.Conn, error) {
	e := &transport.Error{Host: t.host, Op: "TLS with " + t.address, NotRun: true}
	cfg, err := t.tlsConfig()
	if err != nil {
		e.Err, e.Hint = err, "correct the inventory"
		return nil, e
	}
	if look != nil {
		verify := cfg.VerifyConnection
		cfg.VerifyConnection = func(s tls.ConnectionState) error { return look(s, verify(s)) }
	}
	secured := tls.Client(nc, cfg)
	if err = secured.HandshakeContext(ctx); err == nil {
		return secured, nil
	}
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.Is(err, transport.ErrChangedKey):
		e.Err, e.Hint = err, "if the host has a new certificate, take the old one out of farmwall_tls_pins and run farmwall ping --learn"
	case errors.Is(err, transport.ErrCertificate):
		e.Err, e.Hint = err, hintLearn
	case ctx.Err() != nil:
		if e.Err = context.Cause(ctx); errors.Is(e.Err, transport.ErrTimeout) {
			e.Hint = "the port answers but does not speak TLS; " + hintWinRM
		}
	case errors.As(err, &record):
		e.Err, e.Hint = fmt.Errorf("%w: no TLS on that port", transport.ErrNotWinRM), hintWinRM
	case errors.As(err, &alert):
		e.Err = fmt.Errorf("%w: the host refuses: %s", transport.ErrCertificate, transport.LastWords(err))
		e.Hint = "TLS 1.2 is needed; with a client certificate, does the host trust its CA?"
	default:
		e.Err, e.Hint = fmt.Errorf("%w: %s", transport.ErrLineBroke, transport.LastWords(err)), hintWinRM
	}
	return nil, e
}
