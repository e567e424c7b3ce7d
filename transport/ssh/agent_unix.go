//go:build !windows

package ssh

import (
	"context"
	"net"
	"os"
)

// defaultAgent is where the user's agent listens, empty for none.
func defaultAgent() string { return os.Getenv("SSH_AUTH_SOCK") }

func dialAgent(ctx context.Context, at string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", at)
}
