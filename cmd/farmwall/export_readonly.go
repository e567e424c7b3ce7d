package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/transport/ssh"
)

// formatReadOnly is the format of export that is about a key and not about rules.
const formatReadOnly = "ssh-readonly"

// exportReadOnly prints the program that keeps an SSH key to reading a Linux host; with
// --out it also writes the line for authorized_keys. It needs no inventory: what reads
// a Linux host is the same for all.
func (p *program) exportReadOnly(c *cli.Context) (int, error) {
	path := c.String("key")
	if path == "" {
		return exitOK, usagef("export --format %s: which public key? give its file with --key", formatReadOnly)
	}
	key, comment, err := ssh.ReadPublicKey(path)
	if err != nil {
		return exitOK, fmt.Errorf("--key: %w", err)
	}
	d, err := dialect(&inventory.Host{})
	if err != nil {
		return exitOK, err
	}
	text, line, err := ssh.ReadOnly(d.Observe(), version(), key, comment)
	if err != nil {
		return exitOK, err
	}
	dir := c.String("out")
	if dir == "" {
		_, err = fmt.Fprint(p.stdout, text)
		return exitOK, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return exitOK, err
	}
	program, keys := filepath.Join(dir, "farmwall-readonly"), filepath.Join(dir, "authorized_keys")
	if err := errors.Join(os.WriteFile(program, []byte(text), 0o755), os.WriteFile(keys, []byte(line+"\n"), 0o600)); err != nil {
		return exitOK, err
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n%s\n", program, keys)
	return exitOK, err
}
