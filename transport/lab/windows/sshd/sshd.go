// Package sshd is the other line to the lab's Windows hosts: an SSH server as
// OpenSSH for Windows is one, whose commands go to the host's cmd.exe.
package sshd

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"golang.org/x/crypto/ssh"

	"farmwall/transport/lab/windows"
)

// Machine runs what a session is given: what cmd.exe /C would do.
type Machine interface {
	Run(ctx context.Context, c windows.Command) (exit int64, err error)
}

// Options are a server's settings.
type Options struct {
	// HostKey is the host's private key in OpenSSH's PEM.
	HostKey []byte
	// Accounts are who may log on. All of them are administrators.
	Accounts []Account
}

// Account is somebody who can log on, with a password, with a key or with either.
type Account struct {
	Name, Password string
	Key            string // as a line of authorized_keys
}

// Serve answers on a listener until the context ends, which ends all commands too.
func Serve(ctx context.Context, l net.Listener, m Machine, o Options) error {
	defer l.Close()
	key, err := ssh.ParsePrivateKey(o.HostKey)
	if err != nil {
		return fmt.Errorf("host key: %w", err)
	}
	keys := map[*Account][]byte{}
	for i := range o.Accounts {
		a := &o.Accounts[i]
		if a.Key == "" {
			continue
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey([]byte(a.Key))
		if err != nil {
			return fmt.Errorf("key of %s: %w", a.Name, err)
		}
		keys[a] = public.Marshal()
	}
	config := &ssh.ServerConfig{ServerVersion: "SSH-2.0-OpenSSH_for_Windows_8.1"}
	config.PasswordCallback = func(c ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
		if a := o.account(c.User()); a != nil && a.Password != "" && subtle.ConstantTimeCompare([]byte(a.Password), given) == 1 {
			return nil, nil
		}
		return nil, errors.New("permission denied")
	}
	config.PublicKeyCallback = func(c ssh.ConnMetadata, given ssh.PublicKey) (*ssh.Permissions, error) {
		if a := o.account(c.User()); a != nil && keys[a] != nil && bytes.Equal(keys[a], given.Marshal()) {
			return nil, nil
		}
		return nil, errors.New("permission denied")
	}
	config.AddHostKey(key)
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go serve(ctx, c, config, m)
	}
}

// account finds an account as Windows does: in any case, with or without its domain.
func (o *Options) account(name string) *Account {
	for i := range o.Accounts {
		a := &o.Accounts[i]
		_, short, found := strings.Cut(a.Name, `\`)
		if strings.EqualFold(a.Name, name) || found && strings.EqualFold(short, name) {
			return a
		}
	}
	return nil
}

func serve(ctx context.Context, c net.Conn, config *ssh.ServerConfig, m Machine) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	conn, channels, requests, err := ssh.NewServerConn(c, config)
	if err != nil {
		c.Close()
		return
	}
	defer conn.Close()
	go ssh.DiscardRequests(requests)
	for n := range channels {
		if n.ChannelType() != "session" {
			n.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		ch, reqs, err := n.Accept()
		if err != nil {
			return
		}
		go session(ctx, ch, reqs, conn, m)
	}
}

// session runs one command. When the connection goes the command's tree ends, as
// OpenSSH for Windows ends it with its job object.
func session(ctx context.Context, ch ssh.Channel, requests <-chan *ssh.Request, conn *ssh.ServerConn, m Machine) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := false
	for r := range requests {
		if r.Type != "exec" || begun {
			r.Reply(r.Type == "env", nil)
			continue
		}
		var line struct{ Text string }
		if ssh.Unmarshal(r.Payload, &line) != nil {
			r.Reply(false, nil)
			continue
		}
		begun = true
		r.Reply(true, nil)
		go func() {
			defer ch.Close()
			code := command(ctx, ch, conn, m, line.Text)
			ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
		}()
	}
}

func command(ctx context.Context, ch ssh.Channel, conn *ssh.ServerConn, m Machine, line string) int64 {
	client, local := end(conn.RemoteAddr()), end(conn.LocalAddr())
	c := windows.Command{
		Line: line, User: conn.User(), Admin: true, Client: client, Local: local,
		Env:   map[string]string{"SSH_CONNECTION": fmt.Sprintf("%s %d %s %d", client.Addr(), client.Port(), local.Addr(), local.Port())},
		Stdin: ch, Stdout: ch, Stderr: ch.Stderr(),
	}
	code, err := m.Run(ctx, c)
	if err != nil {
		io.WriteString(ch.Stderr(), err.Error()+"\r\n")
		return 1
	}
	return code
}

func end(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		p := t.AddrPort()
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
	}
	return netip.AddrPort{}
}
