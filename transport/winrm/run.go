package winrm

import (
	"context"
	"errors"
	"fmt"

	"farmwall/rules"
	"farmwall/transport"
)

// Run runs a script of PowerShell in the line's shell. Runs of one line wait for
// each other.
func (l *line) Run(ctx context.Context, s rules.Script) ([]byte, error) {
	op := "run " + s.Name
	notRun := func(err error) error {
		return &transport.Error{Host: l.target.host, Op: op, NotRun: true, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, notRun(context.Cause(ctx))
	}
	call, err := transport.PowerShell(s, "")
	if err != nil {
		return nil, notRun(err)
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return nil, notRun(context.Cause(ctx))
	case <-l.life.Done():
		return nil, notRun(fmt.Errorf("%w: %w", transport.ErrLineBroke, errClosed))
	}
	defer func() { l.turn <- struct{}{} }()
	if l.life.Err() != nil {
		return nil, notRun(fmt.Errorf("%w: %w", transport.ErrLineBroke, errClosed))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, l.dialer.cfg.Longest, errLongest)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(l.life, func() { stop(errClosed) })()

	r := run{line: l, call: call}
	exit, err := r.do(ctx)
	if err == nil {
		l.release(r.command, true)
		out, err := r.call.Result(exit)
		var e *transport.Error
		if errors.As(err, &e) {
			e.Host = l.target.host
		}
		return out, err
	}
	l.release(r.command, false)
	return nil, r.failed(ctx, op, err)
}

var errLongest = fmt.Errorf("%w: the script does not end", transport.ErrTimeout)

// run is one script on its way.
type run struct {
	line    *line
	call    *transport.PowerShellCall
	command string // id; empty: none was started
	// handed: the end of the input may have reached the host. Before, PowerShell has
	// done nothing but wait for it.
	handed bool
}

// do runs the script until its answer is whole or its command has ended.
func (r *run) do(ctx context.Context) (exit int64, err error) {
	l := r.line
	if r.command, err = l.command(ctx, r.call.Command); err != nil {
		return 0, err
	}
	// Only now is it sure which connection carries it.
	r.call.Over(l.connection())
	for rest := r.call.Input; len(rest) > 0; {
		n := min(len(rest), piece)
		last := n == len(rest)
		r.handed = last
		err := l.send(ctx, r.command, rest[:n], last)
		if f := asFault(err); f != nil || harmless(err) {
			r.handed = false
		}
		if asFault(err) != nil {
			return r.why(ctx, err)
		}
		if err != nil {
			return 0, err
		}
		rest = rest[n:]
	}
	_, exit, err = l.receive(ctx, r.command, r.call)
	return exit, err
}

// why asks what became of a command that takes no input: it may have ended, with
// a word about it.
func (r *run) why(ctx context.Context, sent error) (exit int64, err error) {
	if f := asFault(sent); f.gone() && f.code() != faultNoShell {
		return 0, sent
	}
	done, exit, err := r.line.receive(ctx, r.command, r.call)
	if err != nil || !done {
		return 0, sent
	}
	return exit, nil
}

// failed says how far the script may have come.
func (r *run) failed(ctx context.Context, op string, err error) error {
	e := &transport.Error{Host: r.line.target.host, Op: op, NotRun: !r.handed}
	e.Err, e.Hint = explain(err)
	if cause := context.Cause(ctx); cause != nil {
		e.Err, e.Hint = cause, ""
		if errors.Is(cause, context.DeadlineExceeded) {
			e.Err = fmt.Errorf("%w: %w", transport.ErrTimeout, cause)
		}
	}
	if !r.handed {
		var known *transport.Error
		if errors.As(err, &known) && known.Op != "" {
			e.Op = known.Op
		}
		return e
	}
	if !errors.Is(e.Err, transport.ErrLineBroke) {
		e.Err = fmt.Errorf("%w: %w", transport.ErrLineBroke, e.Err)
	}
	return e
}
