package tasks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// readLimit bounds one reading of a host, dialling included: a host that has not
// answered by then is treated as one whose line broke.
const readLimit = 90 * time.Second

// observe dials the host and reads it. A reading whose line broke is done once
// more over a new line. The caller hangs up.
func (r *Runner) observe(ctx context.Context, h *inventory.Host, d rules.Dialect, step func(string)) (transport.Conn, *rules.State, error) {
	conn, state, err := r.observeOnce(ctx, h, d, step)
	if err != nil && ctx.Err() == nil && lineBroke(err) {
		conn, state, err = r.observeOnce(ctx, h, d, step)
	}
	return conn, state, err
}

func (r *Runner) observeOnce(ctx context.Context, h *inventory.Host, d rules.Dialect, step func(string)) (transport.Conn, *rules.State, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	step("dial")
	conn, err := r.Dialer.Dial(ctx, h)
	if err != nil {
		return nil, nil, &stepError{"dial", err}
	}
	step("observe")
	state, err := look(ctx, conn, d)
	if err != nil {
		conn.Close()
		return nil, nil, &stepError{"observe", err}
	}
	return conn, state, nil
}

// look reads a host over a line that is open, up to three times where its ruleset
// changes meanwhile.
func look(ctx context.Context, conn transport.Conn, d rules.Dialect) (*rules.State, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	for reading := 1; ; reading++ {
		out, err := conn.Run(ctx, d.Observe())
		if err != nil {
			return nil, err
		}
		state, err := d.Decode(out)
		if err == nil {
			return state, nil
		}
		if reading == 3 || !errors.Is(err, rules.ErrMoving) {
			return nil, &unreadable{err}
		}
	}
}

// unreadable is an answer of a host that is not what its script prints.
type unreadable struct{ err error }

func (e *unreadable) Error() string { return "the host's answer cannot be read: " + e.err.Error() }

func (e *unreadable) Unwrap() error { return e.err }

// stepError says at which step a host's part ended.
type stepError struct {
	step string
	err  error
}

func (e *stepError) Error() string { return e.step + ": " + e.err.Error() }

func (e *stepError) Unwrap() error { return e.err }

// lineBroke says whether nobody knows how far a script came. A host that could
// not be reached, or that answered, is no broken line.
func lineBroke(err error) bool {
	var exit *transport.ExitError
	var bad *unreadable
	if errors.As(err, &exit) || errors.As(err, &bad) {
		return false
	}
	for _, known := range append(unreachable(), unfit()...) {
		if errors.Is(err, known) && known != transport.ErrLineBroke {
			return false
		}
	}
	return true
}

// unreachable are the errors of a host that was not reached or did not let us in.
func unreachable() []error {
	return []error{transport.ErrRefused, transport.ErrTimeout, transport.ErrUnreachable, transport.ErrUnknownKey,
		transport.ErrChangedKey, transport.ErrRejected, transport.ErrNotTried, transport.ErrLineBroke,
		transport.ErrNotWinRM, transport.ErrCertificate, transport.ErrScheme, transport.ErrTicket, transport.ErrClockSkew, transport.ErrQuota, transport.ErrBusy}
}

// unfit are the errors of a host that let us in and cannot do what is asked.
func unfit() []error {
	return []error{transport.ErrSudoPassword, transport.ErrSudoDenied, transport.ErrNoPrivilege, transport.ErrToolMissing,
		transport.ErrOldPowerShell, transport.ErrConstrained, transport.ErrCommandLine}
}

// problem says what an error means for a host on which nothing has changed.
func problem(err error) *Problem {
	p := &Problem{Status: Failed, Text: transport.Printable([]byte(err.Error()))}
	var at *stepError
	if errors.As(err, &at) {
		p.Step, p.Text = at.step, transport.Printable([]byte(at.err.Error()))
	}
	var line *transport.Error
	if errors.As(err, &line) {
		p.Hint = line.Hint
	}
	var exit *transport.ExitError
	var bad *unreadable
	var refusals rules.Refusals
	switch {
	case errors.As(err, &refusals), isOneOf(err, unfit()):
		p.Status = Refused
	case errors.Is(err, context.Canceled):
		p.Status, p.Text, p.Hint = Skipped, "interrupted; nothing changed", ""
	case errors.As(err, &exit), errors.As(err, &bad):
		p.Status = Failed
	case isOneOf(err, unreachable()), errors.Is(err, context.DeadlineExceeded), p.Step == "dial", p.Step == "observe":
		p.Status = Unreachable
	}
	return p
}

func isOneOf(err error, known []error) bool {
	for _, k := range known {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// outcome is the problem as what became of the host.
func (p *Problem) outcome(host, farm string) Outcome {
	return Outcome{Host: host, Farm: farm, Status: p.Status, Step: p.Step, Error: p.Text, Hint: p.Hint,
		Err: fmt.Errorf("%s: %s", host, p.Text)}
}
