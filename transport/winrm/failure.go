package winrm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"farmwall/transport"
)

// explain turns what came of a request into a known error with a hint.
func explain(err error) (error, string) {
	var r *refusal
	var known *transport.Error
	switch f := asFault(err); {
	case errors.As(err, &known):
		return known.Err, known.Hint
	case f != nil:
		sentinel, hint := f.explain()
		return fmt.Errorf("%w: %w", sentinel, err), hint
	case errors.As(err, &r):
		return err, r.hint
	case errors.Is(err, transport.ErrNotTried):
		return err, "a wrong password must not lock an account: correct it and start again"
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", transport.ErrTimeout, err), ""
	case errors.Is(err, context.Canceled):
		return err, ""
	case errors.Is(err, transport.ErrTimeout):
		return err, "the port answers but WinRM does not: is the host overloaded, or is something else on that port?"
	case errors.Is(err, transport.ErrScheme):
		return err, "update the host; farmwall speaks no weaker NTLM"
	case errors.Is(err, errForm), errors.Is(err, errChallenge):
		return fmt.Errorf("%w: %w", transport.ErrNotWinRM, err), hintWinRM
	case notHTTP(err):
		return fmt.Errorf("%w: what answers there is no web service", transport.ErrNotWinRM), hintWinRM
	case hungUp(err):
		return fmt.Errorf("%w: %w", transport.ErrLineBroke, errHungUp), ""
	}
	for _, sentinel := range []error{transport.ErrRejected, transport.ErrTicket, transport.ErrClockSkew} {
		if errors.Is(err, sentinel) {
			return err, ""
		}
	}
	if errors.Is(err, transport.ErrLineBroke) {
		return err, ""
	}
	return fmt.Errorf("%w: %w", transport.ErrLineBroke, err), ""
}

// notHTTP knows the library's words for an answer that is none.
func notHTTP(err error) bool {
	var protocol *http.ProtocolError
	return errors.As(err, &protocol) || strings.Contains(err.Error(), "malformed HTTP") || strings.Contains(err.Error(), "malformed MIME header")
}

// hungUp says whether the other side, or we, closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, errHungUp) ||
		transport.IsReset(err) || strings.Contains(err.Error(), "server closed idle connection")
}
