// Package transport opens a line to a host and runs scripts over it. It carries
// and never decides: rules makes scripts and reads answers, tasks decides.
package transport

import (
	"context"
	"errors"
	"fmt"

	"farmwall/inventory"
	"farmwall/rules"
)

// Conn is one line to a host.
type Conn interface {
	// Run has the host execute the script and returns what the script printed,
	// as rules.Script describes. An *ExitError means that it ran and failed;
	// any other error means that the line broke and that nobody knows how far the
	// script came.
	Run(ctx context.Context, s rules.Script) ([]byte, error)
	// Close hangs up. It can be called twice.
	Close() error
}

// Dialer opens lines.
type Dialer interface {
	Dial(ctx context.Context, h *inventory.Host) (Conn, error)
}

// ExitError says that a script ran to its end and failed.
type ExitError struct {
	Script string
	Code   int
	Stderr []byte // what the host said, at most 64 KiB
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s: exit status %d: %s", e.Script, e.Code, Printable(e.Stderr))
}

// Why a host could not be reached or used; told apart by errors.Is.
var (
	ErrRefused      = errors.New("connection refused")
	ErrTimeout      = errors.New("timed out")
	ErrUnreachable  = errors.New("unreachable")
	ErrUnknownKey   = errors.New("unknown host key")
	ErrChangedKey   = errors.New("host key has changed")
	ErrRejected     = errors.New("authentication rejected")
	ErrNotTried     = errors.New("credential not tried")
	ErrSudoPassword = errors.New("sudo needs a password")
	ErrSudoDenied   = errors.New("sudo not allowed")
	ErrNoPrivilege  = errors.New("no privilege")
	ErrToolMissing  = errors.New("tool missing")
	ErrLineBroke    = errors.New("line broke")

	// Windows hosts.
	ErrNotWinRM      = errors.New("not WinRM")
	ErrCertificate   = errors.New("certificate not trusted")
	ErrScheme        = errors.New("authentication scheme not offered")
	ErrTicket        = errors.New("Kerberos ticket")
	ErrClockSkew     = errors.New("clocks differ too much")
	ErrQuota         = errors.New("quota exceeded")
	ErrBusy          = errors.New("host is busy")
	ErrOldPowerShell = errors.New("PowerShell is too old")
	ErrConstrained   = errors.New("constrained language mode")
	ErrCommandLine   = errors.New("command line is too long")
)

// Error is a failure of a line, with what to do about it.
type Error struct {
	Host string
	Op   string // "dial", "log in", "run observe"
	Err  error  // wraps one of the errors above
	Hint string // what to do next; may be empty
	// NotRun says that the script surely never began, so nothing has changed.
	NotRun bool
}

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }
