//go:build !windows

package ssh

import (
	"errors"
	"syscall"
)

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
func isTimeout(err error) bool { return errors.Is(err, syscall.ETIMEDOUT) }
