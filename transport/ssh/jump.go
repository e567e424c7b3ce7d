package ssh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/transport"
)

// jumpIdle is how long a jump host's connection is kept without users: the
// second connection of a change comes right after the first.
const jumpIdle = 20 * time.Second

// pool holds one connection for each jump host, however many targets lie
// behind it: sshd limits connections that are logging in, not channels.
type pool struct {
	mu    sync.Mutex
	jumps map[string]*jump
}

type jump struct {
	pool  *pool
	id    string
	ready chan struct{}
	line  *line // nil where err is set
	err   error
	users int
	idle  *time.Timer
}

// jump returns the connection to a jump host, opening it where there is none.
// The opening belongs to no single caller: one who gives up does not end it.
func (d *Dialer) jump(ctx context.Context, t *target) (*jump, error) {
	p := &d.pool
	p.mu.Lock()
	j := p.jumps[t.id()]
	if j != nil && j.line != nil {
		select {
		case <-j.line.gone:
			p.drop(j)
			j = nil
		default:
		}
	}
	if j == nil {
		j = &jump{pool: p, id: t.id(), ready: make(chan struct{})}
		p.jumps[j.id] = j
		go func() {
			line, err := d.open(d.life, t)
			p.mu.Lock()
			j.line, j.err = line, err
			if err != nil || d.life.Err() != nil {
				p.drop(j)
			}
			p.mu.Unlock()
			close(j.ready)
			if err == nil && d.life.Err() != nil {
				line.Close()
			}
		}()
	}
	j.users++
	if j.idle != nil {
		j.idle.Stop()
	}
	p.mu.Unlock()
	select {
	case <-j.ready:
		if j.err != nil {
			return nil, j.err
		}
		return j, nil
	case <-ctx.Done():
		j.leave()
		return nil, context.Cause(ctx)
	}
}

// drop forgets a connection; the pool is locked.
func (p *pool) drop(j *jump) {
	if p.jumps[j.id] == j {
		delete(p.jumps, j.id)
	}
}

// leave ends one use.
func (j *jump) leave() {
	j.pool.mu.Lock()
	defer j.pool.mu.Unlock()
	if j.users--; j.users > 0 {
		return
	}
	j.idle = time.AfterFunc(jumpIdle, func() {
		j.pool.mu.Lock()
		unused := j.users == 0 && j.line != nil
		if unused {
			j.pool.drop(j)
		} else if j.users == 0 && j.err == nil {
			j.idle.Reset(jumpIdle) // nobody waited for the end of its log-in
		}
		j.pool.mu.Unlock()
		if unused {
			j.line.Close()
		}
	})
}

func (p *pool) closeAll() {
	p.mu.Lock()
	var lines []*line
	for _, j := range p.jumps {
		if j.idle != nil {
			j.idle.Stop()
		}
		if j.line != nil {
			lines = append(lines, j.line)
		}
	}
	clear(p.jumps)
	p.mu.Unlock()
	for _, l := range lines {
		l.Close()
	}
}

// overJump opens a channel to the target on its jump host's connection.
func (d *Dialer) overJump(ctx context.Context, t, via *target) (net.Conn, func(), error) {
	nc, release, err := d.channel(ctx, t, via)
	if errors.Is(err, errJumpBroke) {
		nc, release, err = d.channel(ctx, t, via) // the connection was an old one
	}
	return nc, release, err
}

var errJumpBroke = errors.New("the connection to the jump host broke")

func (d *Dialer) channel(ctx context.Context, t, via *target) (net.Conn, func(), error) {
	j, err := d.jump(ctx, via)
	if err != nil {
		var e *transport.Error
		if errors.As(err, &e) {
			return nil, nil, &transport.Error{Host: t.host, Op: e.Op, Err: fmt.Errorf("%s: %w", via.host, e.Err), Hint: e.Hint, NotRun: true}
		}
		return nil, nil, dialError(ctx, t, err)
	}
	type result struct {
		nc  net.Conn
		err error
	}
	got := make(chan result, 1)
	go func() {
		nc, err := j.line.client.Dial("tcp", hostPort(t))
		got <- result{nc, err}
	}()
	var once sync.Once
	release := func() { once.Do(j.leave) }
	select {
	case r := <-got:
		if r.err != nil {
			release()
			return nil, nil, channelError(j.line, t, via, r.err)
		}
		return r.nc, release, nil
	case <-ctx.Done():
		go func() { // the channel may still come
			if r := <-got; r.nc != nil {
				r.nc.Close()
			}
			release()
		}()
		return nil, nil, dialError(ctx, t, context.Cause(ctx))
	}
}

// channelError says why a jump host did not reach the target. What it says is
// OpenSSH's: the kind of failure and the system's words.
func channelError(l *line, t, via *target, err error) error {
	e := &transport.Error{Host: t.host, Op: "dial " + hostPort(t) + " over " + via.host, NotRun: true}
	var open *gossh.OpenChannelError
	if !errors.As(err, &open) {
		l.shut(err)
		e.Err = fmt.Errorf("%w: %w", transport.ErrUnreachable, errJumpBroke)
		return e
	}
	text := strings.ToLower(open.Message)
	said := transport.Printable([]byte(open.Message))
	switch {
	case open.Reason == gossh.Prohibited:
		e.Err = fmt.Errorf("%w: the jump host does not forward: %s", transport.ErrUnreachable, said)
		e.Hint = "allow it there (AllowTcpForwarding, PermitOpen)"
	case strings.Contains(text, "refused"):
		e.Err = transport.ErrRefused
		e.Hint = "nothing listens on that port: is sshd running, and is ansible_port right?"
	case strings.Contains(text, "timed out"):
		e.Err = transport.ErrTimeout
		e.Hint = "is the host up, and does a firewall let the jump host in?"
	default:
		e.Err = fmt.Errorf("%w: %s", transport.ErrUnreachable, said)
	}
	return e
}
