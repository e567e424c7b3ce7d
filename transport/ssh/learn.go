package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/inventory"
	"farmwall/transport"
)

// Key is a host key as a host showed it, to be accepted by a person.
type Key struct {
	Host        string // the inventory's name, or "jump host NAME"
	Name        string // in known_hosts
	Type        string // "ssh-ed25519" ...
	Fingerprint string // "SHA256:..."
	File        string // where Append should write it
	Known       bool   // it was accepted before, so there is nothing to do
	key         gossh.PublicKey
}

var errLearned = errors.New("learned")

// Learn asks a host for its key without logging in. Where a jump host on the way
// is unknown its key is returned instead: accept it and call again. A key that
// differs from a known one is an error, ErrChangedKey.
func (d *Dialer) Learn(ctx context.Context, h *inventory.Host) (Key, error) {
	t, err := d.ready(h)
	if err != nil {
		return Key{}, err
	}
	for _, j := range t.jumps {
		trust, err := d.trust(j)
		if err != nil {
			return Key{}, &transport.Error{Host: j.host, Op: "read known_hosts", Err: err, NotRun: true}
		}
		// A known one is checked when it is used; asking it for every host behind
		// it would look like an attack to it.
		if len(trust.keys)+len(trust.loose)+len(trust.authority) > 0 {
			continue
		}
		k, err := d.learn(ctx, j)
		if err != nil || !k.Known {
			return k, err
		}
	}
	return d.learn(ctx, t)
}

func (d *Dialer) learn(ctx context.Context, t *target) (Key, error) {
	trust, err := d.trust(t)
	if err != nil {
		return Key{}, &transport.Error{Host: t.host, Op: "read known_hosts", Err: err, NotRun: true}
	}
	nc, release, err := d.reach(ctx, t)
	if err != nil {
		return Key{}, err
	}
	defer release()
	defer nc.Close()
	g := watch(ctx, nc, t.timeout)
	var shown gossh.PublicKey
	cfg := clientConfig(t.user, trust)
	cfg.HostKeyCallback = func(name string, at net.Addr, key gossh.PublicKey) error {
		shown = key
		trust.check(name, at, key)
		return errLearned
	}
	_, _, _, err = gossh.NewClientConn(nc, hostPort(t), cfg)
	stopped := g.end()
	if !errors.Is(err, errLearned) {
		return Key{}, d.loginError(t, trust, &auth{ctx: ctx, hangUp: func() {}}, stopped, err)
	}
	if cert, ok := shown.(*gossh.Certificate); ok {
		shown = cert.Key
	}
	k := Key{Host: t.host, Name: t.keyName, Type: shown.Type(), Fingerprint: gossh.FingerprintSHA256(shown), key: shown, Known: trust.failed == nil}
	if len(t.userKnown) > 0 {
		k.File = t.userKnown[0]
	}
	if trust.failed != nil && !errors.Is(trust.failed, transport.ErrUnknownKey) {
		return Key{}, trust.failed
	}
	return k, nil
}

// Append adds keys to a known_hosts file, which is made with mode 0600 where it
// is missing. A name that has another key of the same type there is refused
// with ErrChangedKey; the other keys are still added.
func Append(path string, keys []Key) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	known := parseKnown(text, path)
	var add strings.Builder
	var wrong []error
	if len(text) > 0 && text[len(text)-1] != '\n' {
		add.WriteByte('\n')
	}
	written := make(map[string]bool)
next:
	for _, k := range keys {
		if k.key == nil {
			return fmt.Errorf("%s: no key was learned", k.Host)
		}
		lines := known.find(k.Name)
		if holder(lines, k.key) != nil {
			continue
		}
		for _, l := range lines {
			if l.marker == "" && l.key.Type() == k.key.Type() {
				wrong = append(wrong, fmt.Errorf("%s: %w: %s has %s", k.Name, transport.ErrChangedKey, l.at, gossh.FingerprintSHA256(l.key)))
				continue next
			}
		}
		line := k.Name + " " + strings.TrimSpace(string(gossh.MarshalAuthorizedKey(k.key))) + "\n"
		if !written[line] {
			written[line] = true
			add.WriteString(line)
		}
	}
	if len(written) > 0 {
		if err := appendText(path, add.String()); err != nil {
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}

// appendText writes in one call, so that two farmwalls do not mix their lines.
func appendText(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
