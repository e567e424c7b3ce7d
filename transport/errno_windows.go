package transport

import (
	"errors"

	"golang.org/x/sys/windows"
)

func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// IsReset says whether the other side broke the connection.
func IsReset(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAECONNABORTED)
}
func isTimeout(err error) bool { return errors.Is(err, windows.WSAETIMEDOUT) }
