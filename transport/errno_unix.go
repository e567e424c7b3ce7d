//go:build !windows

package transport

import (
	"errors"
	"syscall"
)

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// IsReset says whether the other side broke the connection.
func IsReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
func isTimeout(err error) bool { return errors.Is(err, syscall.ETIMEDOUT) }
