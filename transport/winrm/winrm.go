// Package winrm is the line to Windows hosts that run WinRM: a WS-Management
// session of our own over message builders and parsers of masterzen/winrm, with
// one connection, one security context and one request in flight per host.
package winrm

import (
	"context"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

// Config is what the command line decides for all hosts. The zero value is what
// an ordinary user wants.
type Config struct {
	// Gate is shared by all transports of a run; default: one of its own.
	Gate *transport.Gate
	// Timeout of dialling and, again, of the TLS handshake, where the inventory does not
	// say; default 10 s.
	Timeout time.Duration
	// OperationTimeout is how long a host may hold one request, where the inventory does
	// not say; default 20 s. It answers within that time even where there is nothing to
	// say, and one that does not has gone.
	OperationTimeout time.Duration
	// Margin is how much longer than that an answer may take; default 10 s.
	Margin time.Duration
	// Longest is the most that one script may take; default 15 min.
	Longest time.Duration
	// SkipVerify allows inventory.WinRM.SkipVerify to be obeyed.
	SkipVerify bool
}

const (
	// cleanUp is how long a command and its shell may take to be taken off a host that
	// answers; a slow one must not keep them.
	cleanUp = 20 * time.Second
	// cleanUpAfter is the same after a failure, when it may not answer at all.
	cleanUpAfter = 3 * time.Second
)

// Dialer opens WinRM lines. It is safe for many goroutines.
type Dialer struct {
	cfg      Config
	kerberos *kerberos
}

var _ transport.Dialer = (*Dialer)(nil)

// New makes a dialer; it reads no files.
func New(cfg Config) *Dialer {
	if cfg.Gate == nil {
		cfg.Gate = transport.NewGate()
	}
	for at, usual := range map[*time.Duration]time.Duration{
		&cfg.Timeout: 10 * time.Second, &cfg.OperationTimeout: 20 * time.Second, &cfg.Margin: 10 * time.Second, &cfg.Longest: 15 * time.Minute,
	} {
		if *at == 0 {
			*at = usual
		}
	}
	return &Dialer{cfg: cfg, kerberos: newKerberos(cfg.Gate)}
}

// Close forgets tickets and keys. Lines that are open stay usable until they
// must sign on again.
func (d *Dialer) Close() error {
	d.kerberos.Close()
	return nil
}

// Dial signs on to the host and opens a shell there, which every Run of the line
// uses.
func (d *Dialer) Dial(ctx context.Context, h *inventory.Host) (transport.Conn, error) {
	l, err := d.line(h)
	if err != nil {
		return nil, err
	}
	if err := l.open(ctx); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}
