package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/rules"
	"farmwall/transport"
)

// line is one connection to one host. Each Run is a session of its own on it.
type line struct {
	target  *target
	nc      net.Conn
	client  *gossh.Client
	sudo    transport.Sudo
	release func() // of the jump host
	windows bool   // it runs PowerShell

	once sync.Once
	gone chan struct{} // closed by shut
	mu   sync.Mutex
	why  error // why the line was closed
}

func newLine(t *target, nc net.Conn, client *gossh.Client, release func()) *line {
	l := &line{target: t, nc: nc, client: client, release: release, gone: make(chan struct{})}
	go func() {
		err := client.Wait()
		if err == nil {
			err = io.EOF
		}
		l.shut(err)
	}()
	if t.keepalive > 0 {
		go l.watch(t.keepalive)
	}
	return l
}

// watch asks the host for a sign of life and hangs up when none comes: a host
// cut off by a firewall looks like one that only thinks for long.
func (l *line) watch(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.gone:
			return
		case <-tick.C:
		}
		late := time.AfterFunc(every, func() { l.shut(fmt.Errorf("%w: no sign of life for %s", transport.ErrTimeout, every)) })
		_, _, err := l.client.SendRequest("keepalive@openssh.com", true, nil)
		late.Stop()
		if err != nil {
			l.shut(err)
			return
		}
	}
}

// shut closes the connection, which ends everything that waits on it.
func (l *line) shut(why error) {
	l.once.Do(func() {
		l.mu.Lock()
		l.why = why
		l.mu.Unlock()
		close(l.gone)
		l.nc.Close()
		l.release()
	})
}

// Close hangs up.
func (l *line) Close() error {
	l.shut(errClosed)
	return nil
}

var errClosed = errors.New("closed")

// Run runs a script in a session of its own.
func (l *line) Run(ctx context.Context, s rules.Script) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, &transport.Error{Host: l.target.host, Op: "run " + s.Name, NotRun: true, Err: err}
	}
	call, command, err := l.call(s)
	if err != nil {
		return nil, &transport.Error{Host: l.target.host, Op: "run " + s.Name, NotRun: true, Err: err}
	}
	// Closing the connection is the one way to stop what runs on it that always works.
	off := context.AfterFunc(ctx, func() { l.shut(context.Cause(ctx)) })
	defer off()
	out, err := l.session(ctx, call, command)
	return out, l.explain(s, err)
}

// talker is a script on its way, for either system.
type talker interface {
	Talk(ctx context.Context, p transport.Process) ([]byte, error)
}

// call prepares a script in the host's language.
func (l *line) call(s rules.Script) (talker, string, error) {
	if l.windows {
		c, err := transport.PowerShell(s, transport.SSHConnection)
		if err != nil {
			return nil, "", err
		}
		return c, c.Command, nil
	}
	c, err := transport.Sh(s, l.sudo)
	if err != nil {
		return nil, "", err
	}
	return c, c.Command, nil
}

func (l *line) session(ctx context.Context, call talker, command string) ([]byte, error) {
	session, err := l.client.NewSession()
	if err != nil {
		return nil, notRun(err)
	}
	defer session.Close()
	// A pipe fails only where the session already has one.
	in, err1 := session.StdinPipe()
	out, err2 := session.StdoutPipe()
	stderr, err3 := session.StderrPipe()
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, notRun(err)
	}
	if err := session.Start(command); err != nil {
		// A host that says no has run nothing; one that says nothing may have.
		// The library puts the whole command into its error.
		if strings.HasSuffix(err.Error(), " failed") {
			return nil, notRun(errors.New("the host does not run commands for this account"))
		}
		return nil, err
	}
	return call.Talk(ctx, transport.Process{Stdin: in, Stdout: out, Stderr: stderr, Wait: func() (int, error) {
		var exit *gossh.ExitError
		err := session.Wait()
		if errors.As(err, &exit) && exit.Signal() == "" {
			return exit.ExitStatus(), nil
		}
		return 0, err
	}})
}

func notRun(err error) error {
	return &transport.Error{Err: fmt.Errorf("%w: %w", transport.ErrLineBroke, err), NotRun: true}
}

// explain names the host, and the reason where we hung up ourselves.
func (l *line) explain(s rules.Script, err error) error {
	var exit *transport.ExitError
	if err == nil || errors.As(err, &exit) {
		return err
	}
	var e *transport.Error
	if !errors.As(err, &e) {
		e = &transport.Error{Err: fmt.Errorf("%w: %w", transport.ErrLineBroke, err)}
	}
	e.Host = l.target.host
	if e.Op == "" {
		e.Op = "run " + s.Name
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil && errors.Is(e.Err, transport.ErrLineBroke) {
		e.Err = fmt.Errorf("%w: %w", transport.ErrLineBroke, l.why)
		if errors.Is(l.why, context.DeadlineExceeded) {
			e.Err = fmt.Errorf("%w: %w: %w", transport.ErrLineBroke, transport.ErrTimeout, l.why)
		}
	}
	return e
}
