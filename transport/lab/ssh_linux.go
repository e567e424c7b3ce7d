package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/crypto/ssh"
)

// startSSH listens for SSH and serves it as OpenSSH's sshd would: public key
// only, commands through /bin/sh, no terminal, and a command outlives its
// connection. Unlike there, every user is root under another name, because a lab
// that nobody's root made has one user; fakeSudo serves those who ask for more.
func (h *hostProcess) startSSH() error {
	key, err := ssh.ParsePrivateKey([]byte(h.Key.Private))
	if err != nil {
		return fmt.Errorf("host key: %w", err)
	}
	config := &ssh.ServerConfig{
		ServerVersion: "SSH-2.0-farmwall-lab",
		PublicKeyCallback: func(_ ssh.ConnMetadata, offered ssh.PublicKey) (*ssh.Permissions, error) {
			return nil, authorized(offered)
		},
	}
	config.AddHostKey(key)
	if err := installSudo(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("", strconv.Itoa(h.Port)))
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				fmt.Fprintln(os.Stderr, h.Name+": ssh:", err)
				return
			}
			go h.serveSSH(c, config)
		}
	}()
	return nil
}

// authorized reads the file at every log-in, so that a test can change it.
func authorized(offered ssh.PublicKey) error {
	text, err := os.ReadFile("/etc/ssh/authorized")
	if err != nil {
		return err
	}
	for len(text) > 0 {
		var key ssh.PublicKey
		if key, _, _, text, err = ssh.ParseAuthorizedKey(text); err != nil {
			break
		}
		if bytes.Equal(key.Marshal(), offered.Marshal()) {
			return nil
		}
	}
	return errors.New("key not authorized")
}

func (h *hostProcess) serveSSH(c net.Conn, config *ssh.ServerConfig) {
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		c.Close()
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		switch offered.ChannelType() {
		case "session":
			ch, requests, err := offered.Accept()
			if err == nil {
				go h.serveSession(conn, ch, requests)
			}
		case "direct-tcpip":
			go forwardTCP(offered)
		default:
			offered.Reject(ssh.UnknownChannelType, "unknown channel type")
		}
	}
}

// connectionVariables is what sshd tells a command about its connection.
func connectionVariables(c ssh.ConnMetadata) []string {
	from, fromPort, _ := net.SplitHostPort(c.RemoteAddr().String())
	to, toPort, _ := net.SplitHostPort(c.LocalAddr().String())
	return []string{
		"SSH_CLIENT=" + from + " " + fromPort + " " + toPort,
		"SSH_CONNECTION=" + from + " " + fromPort + " " + to + " " + toPort,
	}
}

// fakeSudo stands first on the path of a session. The machine's own sudo, where
// there is one, does not run where its owner is not the namespace's root.
const fakeSudo = `#!/bin/sh
# The lab's sudo: everybody is root here, so it asks for nothing.
while [ $# -gt 0 ]; do
	case $1 in
	--) shift; break ;;
	-[ugphCDRT] | --user | --group | --prompt) shift 2 ;;
	-*) shift ;;
	*) break ;;
	esac
done
exec env -i PATH="${PATH#` + sudoDir + `:}" HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG="$LANG" SUDO_USER="$USER" "$@"
`

// sudoDir holds nothing but fakeSudo.
const sudoDir = "/run/lab"

func installSudo() error {
	if err := os.Mkdir(sudoDir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(sudoDir+"/sudo", []byte(fakeSudo), 0o755)
}
