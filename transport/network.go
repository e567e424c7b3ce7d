package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
)

// DialError says why no connection came about to the address (host:port). Its
// cause is ErrRefused, ErrTimeout, ErrUnreachable, ErrLineBroke or the
// context's; hint says what to do where nothing listens there.
func DialError(ctx context.Context, host, address, hint string, err error) *Error {
	e := &Error{Host: host, Op: "dial " + address, NotRun: true}
	var dns *net.DNSError
	cause := context.Cause(ctx)
	switch {
	case ctx.Err() == context.Canceled:
		e.Err = cause
		if !errors.Is(cause, context.Canceled) {
			e.Err = fmt.Errorf("%w: %w", context.Canceled, cause)
		}
	case errors.As(err, &dns):
		e.Err = fmt.Errorf("%w: the name %s does not resolve: %s", ErrUnreachable, dns.Name, dns.Err)
		e.Hint = "correct ansible_host, or the name service of this machine"
	case IsReset(err):
		e.Err = fmt.Errorf("%w: the host hung up", ErrLineBroke)
	case isRefused(err):
		e.Err = ErrRefused
		e.Hint = hint
	case cause != nil || isTimeout(err) || errors.Is(err, os.ErrDeadlineExceeded):
		e.Err = ErrTimeout
		e.Hint = "is the host up, and does a firewall on the way let this machine in?"
	default:
		e.Err = fmt.Errorf("%w: %s", ErrUnreachable, LastWords(err))
		e.Hint = "is there a route from this machine to the host?"
	}
	return e
}

// LastWords is the innermost reason of a network error: what stands around it
// repeats the address.
func LastWords(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
