package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/transport"
)

// resets is how often a handshake is tried again that the host reset before any
// login: sshd's MaxStartups drops connections at random when many come at once.
const resets = 5

// open reaches the target and logs in.
func (d *Dialer) open(ctx context.Context, t *target) (*line, error) {
	for try := 0; ; try++ {
		l, err := d.once(ctx, t)
		if err == nil || !errors.Is(err, errReset) || try+1 >= resets {
			return l, err
		}
		base := 100 * time.Millisecond << try
		pause := time.NewTimer(base + rand.N(2*base))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, err
		}
	}
}

func (d *Dialer) once(ctx context.Context, t *target) (*line, error) {
	nc, release, err := d.reach(ctx, t)
	if err != nil {
		return nil, err
	}
	l, err := d.logIn(ctx, nc, t, release)
	if err != nil {
		nc.Close()
		release()
	}
	return l, err
}

// errReset says that the host hung up before it had seen any credential.
var errReset = errors.New("the host hung up before the log-in")

// reach connects to the target, over its jump hosts where it has some. release
// must be called when the connection is no longer used.
func (d *Dialer) reach(ctx context.Context, t *target) (nc net.Conn, release func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, transport.ErrTimeout)
	defer cancel()
	if n := len(t.jumps); n > 0 {
		return d.overJump(ctx, t, t.jumps[n-1])
	}
	dialer := net.Dialer{KeepAlive: 15 * time.Second}
	if t.bind != "" {
		ip := net.ParseIP(t.bind)
		if ip == nil {
			return nil, nil, &transport.Error{Host: t.host, Op: "dial", NotRun: true, Err: fmt.Errorf("BindAddress %q is no address", t.bind)}
		}
		dialer.LocalAddr = &net.TCPAddr{IP: ip}
	}
	nc, err = dialer.DialContext(ctx, t.network, hostPort(t))
	if err != nil {
		return nil, nil, dialError(ctx, t, err)
	}
	return quicken(nc), func() {}, nil
}

// dialError says why no connection came about.
func dialError(ctx context.Context, t *target, err error) error {
	e := transport.DialError(ctx, t.host, hostPort(t), "nothing listens on that port: is sshd running, and is ansible_port right?", err)
	if errors.Is(e.Err, transport.ErrLineBroke) {
		e.Err = fmt.Errorf("%w: %w", transport.ErrLineBroke, errReset)
		e.Hint = hintReset
	}
	return e
}

// logIn does the handshake and logs in.
func (d *Dialer) logIn(ctx context.Context, nc net.Conn, t *target, release func()) (*line, error) {
	trust, err := d.trust(t)
	if err != nil {
		return nil, &transport.Error{Host: t.host, Op: "read known_hosts", Err: err, NotRun: true}
	}
	// What is slow (files, agent) comes before the handshake's clock.
	auth, err := d.credentials(ctx, t)
	if err != nil {
		return nil, err
	}
	defer auth.end()
	g := watch(ctx, nc, t.timeout)
	auth.guard, auth.tap = g, &tap{Conn: nc}
	cfg := clientConfig(t.user, trust)
	cfg.AuthCallback = auth.next
	conn, chans, reqs, err := gossh.NewClientConn(auth.tap, hostPort(t), cfg)
	stopped := g.end()
	if err == nil && stopped == nil {
		auth.settle(accepted)
		return newLine(t, nc, gossh.NewClient(conn, chans, reqs), release), nil
	}
	if err == nil {
		conn.Close()
		err = stopped
	}
	return nil, d.loginError(t, trust, auth, stopped, err)
}

// clientConfig has the cheap key exchanges first: with many hosts at a time
// they are most of the work on both sides.
func clientConfig(user string, r *trust) *gossh.ClientConfig {
	return &gossh.ClientConfig{
		Config: gossh.Config{KeyExchanges: []string{
			gossh.KeyExchangeCurve25519, gossh.KeyExchangeECDHP256, gossh.KeyExchangeECDHP384, gossh.KeyExchangeECDHP521,
			gossh.KeyExchangeMLKEM768X25519, gossh.KeyExchangeDH16SHA512, gossh.KeyExchangeDH14SHA256,
		}},
		User:              user,
		ClientVersion:     "SSH-2.0-farmwall",
		HostKeyAlgorithms: r.algorithms(),
		HostKeyCallback:   r.check,
	}
}

// loginError says why a handshake or log-in failed.
func (d *Dialer) loginError(t *target, r *trust, a *auth, stopped, err error) error {
	e := &transport.Error{Host: t.host, Op: "log in to " + hostPort(t), NotRun: true}
	var none *gossh.AlgorithmNegotiationError
	switch {
	case r.failed != nil:
		return r.failed
	case errors.Is(stopped, transport.ErrTimeout):
		a.settle(silent)
		e.Err = transport.ErrTimeout
		e.Hint = "the port answers but the SSH server does not come to an end; raise ansible_timeout if it is only slow"
	case stopped != nil:
		a.settle(silent)
		e.Err = stopped
	case errors.As(err, &none):
		if changed := r.noneInCommon(none.RequestedAlgorithms); changed != nil && none.What == "host key" {
			return changed
		}
		e.Err = fmt.Errorf("no %s in common: the host offers %s", none.What, strings.Join(none.RequestedAlgorithms, ", "))
		e.Hint = "the host's SSH server is too old for what is safe today"
	case a.begun:
		return a.failure(e, err)
	case hungUp(err):
		e.Err = fmt.Errorf("%w: %w", transport.ErrLineBroke, errReset)
		e.Hint = hintReset
	default:
		e.Err = fmt.Errorf("%w: %w", transport.ErrLineBroke, err)
	}
	return e
}

const hintReset = "is it an SSH server? it may also limit connections (MaxStartups, PerSourcePenalties) or refuse this address; try fewer --forks"

// hungUp says whether the other side closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || transport.IsReset(err)
}
