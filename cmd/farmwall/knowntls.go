package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

// knownTLS is certificates that a person accepted: for each address, in host:port,
// the SHA-256 of what it may show. Its file is to TLS what known_hosts is to SSH:
//
//	gw1.example.com:5986 sha256 0123...ef
type knownTLS map[string][]string

// knownTLSFile is --known-tls, else known_tls beside the user's known_hosts.
func knownTLSFile(c *cli.Context) (string, error) {
	if file := c.String("known-tls"); file != "" {
		return file, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for known_tls: %w; name one with --known-tls FILE", err)
	}
	return filepath.Join(home, ".ssh", "known_tls"), nil
}

// readKnownTLS reads a file; one that is missing knows nobody.
func readKnownTLS(file string) (knownTLS, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseKnownTLS(text, file)
}

func parseKnownTLS(text []byte, file string) (knownTLS, error) {
	known := knownTLS{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 3 || words[1] != "sha256" || !isFingerprint(words[2]) {
			return nil, fmt.Errorf("%s:%d: it must be HOST:PORT sha256 and 64 digits in hex", file, n)
		}
		at := strings.ToLower(words[0])
		known[at] = append(known[at], strings.ToLower(words[2]))
	}
	return known, lines.Err()
}

func isFingerprint(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32
}

func (k knownTLS) pins(at string) []string { return k[strings.ToLower(at)] }

// tlsAddress is where a host shows its certificate, as known_tls names it.
func tlsAddress(h *inventory.Host) string {
	port := h.Access.Port
	if port == 0 {
		port = 5986
	}
	return net.JoinHostPort(strings.Trim(h.Access.Address, "[]"), strconv.Itoa(port))
}

// appendKnownTLS adds a certificate to each address that has none; whoever has
// another one is left alone. The file is made where it is missing.
func appendKnownTLS(file string, accepted [][2]string) error {
	known, err := readKnownTLS(file)
	if err != nil {
		return err
	}
	var add strings.Builder
	var wrong []error
	seen := map[[2]string]bool{}
	for _, a := range accepted {
		if pins := known.pins(a[0]); len(pins) > 0 {
			wrong = append(wrong, fmt.Errorf("%s: another certificate is in %s already", a[0], file))
		} else if !seen[a] {
			seen[a] = true
			fmt.Fprintf(&add, "%s sha256 %s\n", strings.ToLower(a[0]), a[1])
		}
	}
	if add.Len() > 0 {
		wrong = append(wrong, appendPrivately(file, add.String()))
	}
	return errors.Join(wrong...)
}

// appendPrivately writes in one call, so that two farmwalls do not mix their lines.
func appendPrivately(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			text = "\n" + text
		}
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
