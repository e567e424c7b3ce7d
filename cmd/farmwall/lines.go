package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/ssh"
	"farmwall/transport/winrm"
)

// lines opens the line that a host's access asks for. One gate watches over the
// credentials of all of them.
type lines struct {
	ssh   *ssh.Dialer
	winrm *winrm.Dialer
}

var _ transport.Dialer = (*lines)(nil)

// lines makes the dialers, and gives the hosts of an inventory the certificates
// that were accepted before.
func (p *program) lines(c *cli.Context, inv *inventory.Inventory) (*lines, error) {
	if err := p.trust(c, inv); err != nil {
		return nil, err
	}
	gate := transport.NewGate()
	cfg := ssh.Config{Gate: gate, Warn: func(text string) { p.say("warning", text) }}
	if file := c.String("known-hosts"); file != "" {
		cfg.KnownHosts = []string{file}
	}
	if isTerminal(p.stdin) {
		cfg.Prompt = func(_ context.Context, question string) (inventory.Secret, error) {
			answer, err := p.askSecret("the key file", plain(question)+" ")
			return inventory.NewSecret(answer), err
		}
	}
	l := &lines{winrm: winrm.New(winrm.Config{Gate: gate, SkipVerify: c.Bool("insecure-winrm")})}
	var err error
	if l.ssh, err = ssh.New(cfg); err != nil {
		return nil, err
	}
	return l, nil
}

// trust pins the certificates of known_tls, and says whose are not looked at. The
// inventory's word alone is not enough for that.
func (p *program) trust(c *cli.Context, inv *inventory.Inventory) error {
	file, err := knownTLSFile(c)
	if err != nil {
		return err
	}
	known, err := readKnownTLS(file)
	if err != nil {
		return err
	}
	var blind []string
	for _, h := range inv.Hosts {
		if h.Access.Connection != "winrm" {
			continue
		}
		w := &h.Access.WinRM
		for _, path := range []*string{&w.CAFile, &w.CertFile, &w.KeyFile, &w.Keytab, &w.CCache, &w.KrbConf} {
			*path = atHome(*path)
		}
		w.Pins = append(w.Pins[:len(w.Pins):len(w.Pins)], known.pins(tlsAddress(h))...)
		if w.SkipVerify && w.TLS && h.Contacted() {
			blind = append(blind, h.Name)
		}
		w.SkipVerify = w.SkipVerify && c.Bool("insecure-winrm")
	}
	switch {
	case len(blind) == 0:
	case c.Bool("insecure-winrm"):
		p.say("warning", fmt.Sprintf("nobody checks who answers for %s (--insecure-winrm)", someNames(blind)))
	default:
		p.say("warning", fmt.Sprintf("ansible_winrm_server_cert_validation=ignore is not obeyed for %s without --insecure-winrm; accept their certificates with \"farmwall ping --learn\"", someNames(blind)))
	}
	return nil
}

// atHome resolves a "~" at the beginning of a path.
func atHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~")
	if !ok || rest != "" && rest[0] != '/' && rest[0] != filepath.Separator {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}

// Dial opens the line that the host's access asks for.
func (l *lines) Dial(ctx context.Context, h *inventory.Host) (transport.Conn, error) {
	if h.Access.Connection != "winrm" {
		return l.ssh.Dial(ctx, h)
	}
	conn, err := l.winrm.Dial(ctx, h)
	if err != nil {
		return nil, err
	}
	return winrmConn{conn, h.Access.WinRM.TLS}, nil
}

// Close forgets credentials and ends what the dialers share.
func (l *lines) Close() error { return errors.Join(l.ssh.Close(), l.winrm.Close()) }

// winrmConn says what ping shows of a WinRM line.
type winrmConn struct {
	transport.Conn
	tls bool
}

func (c winrmConn) Identify(ctx context.Context) (transport.Identity, error) {
	id, err := winrm.Identify(ctx, c.Conn)
	if err != nil {
		return transport.Identity{}, err
	}
	out := transport.Identity{Scheme: "http", Auth: id.Auth, Service: "WinRM"}
	if c.tls {
		out.Scheme = "https"
	}
	if id.Stack != "" {
		out.Service += " " + id.Stack
	}
	if id.OS != "" {
		out.Service += " on Windows " + id.OS
	}
	switch {
	case id.Sealed:
		out.Auth += ", sealed"
	case id.TLS != "":
		out.Auth += ", " + id.TLS
	}
	return out, nil
}
