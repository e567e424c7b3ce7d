package winrm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"farmwall/inventory"
	"farmwall/transport"
)

// line is a signed-on session with one host. Its shell serves one push: a Run
// after the other, and Close takes it off the host.
type line struct {
	dialer   *Dialer
	target   *target
	requests requests

	turn chan struct{} // holds a token while no Run uses the line
	life context.Context
	end  context.CancelCauseFunc
	once sync.Once

	// For the one who has the turn.
	link     *link  // nil: none
	shell    string // id; empty: none
	clientIP string // this machine as the host sees it, from the shell

	mu  sync.Mutex // for conn, which tests cut
	raw net.Conn
}

var errClosed = errors.New("closed")

func (d *Dialer) line(h *inventory.Host) (*line, error) {
	t, err := d.target(h)
	if err != nil {
		return nil, err
	}
	l := &line{dialer: d, target: t, requests: newRequests(t.url, t.hold), turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	l.life, l.end = context.WithCancelCause(context.Background())
	return l, nil
}

// open signs on and opens the shell.
func (l *line) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, l.dialer.cfg.Longest, transport.ErrTimeout)
	defer cancel()
	if err := l.create(ctx); err != nil {
		return l.failed("open a shell", true, err)
	}
	return nil
}

// connected returns the link, a new one where there is none.
func (l *line) connected(ctx context.Context) (*link, error) {
	if l.link != nil {
		return l.link, nil
	}
	k, err := l.target.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.dialer.signOn(ctx, k); err != nil {
		k.close()
		return nil, err
	}
	l.mu.Lock()
	l.link, l.raw = k, k.nc
	l.mu.Unlock()
	return k, nil
}

// drop hangs up, not for good.
func (l *line) drop() {
	if l.link != nil {
		l.link.close()
		l.link = nil
	}
}

// exchange sends one message and reads its answer. Only what a host has surely
// done nothing with is sent again, once, over a new connection: an idle
// connection was closed, or its security context forgotten.
func (l *line) exchange(ctx context.Context, m message) (*envelope, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.target.hold+l.dialer.cfg.Margin, errSilent)
	defer cancel()
	for again := false; ; again = true {
		k, err := l.connected(ctx)
		if err != nil {
			return nil, &unsent{err}
		}
		// A context that was just made, and by a host that took the credential, may be
		// forgotten as well, as behind a load balancer.
		old := k.used || k.mech != nil
		e, err := k.post(ctx, m)
		if err == nil || asFault(err) != nil {
			return e, err
		}
		l.drop()
		if again || !old || !forgotten(err) {
			return nil, err
		}
	}
}

// errSilent is the cause of an exchange's end.
var errSilent = fmt.Errorf("%w: the host does not answer", transport.ErrTimeout)

// forgotten says whether the message came to nothing because the connection or
// its context was gone.
func forgotten(err error) bool {
	var u *unsent
	var r *refusal
	return errors.As(err, &u) && errors.Is(err, errHungUp) || errors.As(err, &r) && (r.status == 400 || r.status == 401)
}

// harmless says that the host surely did nothing with the message.
func harmless(err error) bool {
	var u *unsent
	var r *refusal
	return errors.As(err, &u) || errors.As(err, &r) && r.harmless()
}

// connection is what the script learns of its own line.
func (l *line) connection() string {
	if l.link == nil {
		return ""
	}
	here, err1 := netip.ParseAddrPort(l.link.nc.LocalAddr().String())
	there, err2 := netip.ParseAddrPort(l.link.nc.RemoteAddr().String())
	if err1 != nil || err2 != nil {
		return ""
	}
	client := here.Addr()
	if seen, err := netip.ParseAddr(l.clientIP); err == nil {
		client = seen
	}
	return fmt.Sprintf("%s %d %s %d", client.Unmap(), here.Port(), there.Addr().Unmap(), there.Port())
}

// Close takes the shell off the host and hangs up. A Run that is under way ends.
func (l *line) Close() error {
	l.once.Do(func() {
		l.end(errClosed)
		<-l.turn // its Run has ended; nobody gets the turn again
		l.leave()
	})
	return nil
}

// leave removes the shell, if that can be done soon, and hangs up.
func (l *line) leave() {
	if l.shell != "" {
		limit := cleanUp
		if l.link == nil {
			limit = cleanUpAfter
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		l.exchange(ctx, l.requests.remove(l.shell)) // the host removes an idle one by itself
		l.shell = ""
	}
	l.drop()
}

// failed names the host and the reason.
func (l *line) failed(op string, notRun bool, err error) error {
	e := &transport.Error{Host: l.target.host, Op: op, NotRun: notRun}
	var known *transport.Error
	if errors.As(err, &known) && known.Op != "" {
		e.Op = known.Op
	}
	e.Err, e.Hint = explain(err)
	return e
}
