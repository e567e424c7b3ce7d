package ssh

import (
	"context"
	"net"
	"os"
	"strings"

	"github.com/Microsoft/go-winio"
)

// defaultAgent is where the user's agent listens: the OpenSSH agent's pipe,
// unless the user names another one.
func defaultAgent() string {
	if at := os.Getenv("SSH_AUTH_SOCK"); at != "" {
		return at
	}
	const pipe = `\\.\pipe\openssh-ssh-agent`
	if _, err := os.Stat(pipe); err != nil {
		return ""
	}
	return pipe
}

func dialAgent(ctx context.Context, at string) (net.Conn, error) {
	at = strings.ReplaceAll(at, "/", `\`)
	if strings.HasPrefix(at, `\\`) {
		return winio.DialPipeContext(ctx, at)
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", at)
}
