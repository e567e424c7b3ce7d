//go:build unix

package ssh

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"farmwall/transport"
)

func line1(key gossh.PublicKey) string { return string(gossh.MarshalAuthorizedKey(key)) }

func TestHostKeys(t *testing.T) {
	other := newKey(t, filepath.Join(t.TempDir(), "other"), "").PublicKey()
	for name, c := range map[string]struct {
		known func(name string, key gossh.PublicKey) string
		want  error
		hint  string
	}{
		"known":          {func(n string, k gossh.PublicKey) string { return n + " " + line1(k) }, nil, ""},
		"hashed":         {func(n string, k gossh.PublicKey) string { return knownhosts.HashHostname(n) + " " + line1(k) }, nil, ""},
		"pattern":        {func(_ string, k gossh.PublicKey) string { return "[127.0.0.*]:* " + line1(k) }, nil, ""},
		"in a list":      {func(n string, k gossh.PublicKey) string { return "a,B," + n + ",c " + line1(k) }, nil, ""},
		"without a port": {func(_ string, k gossh.PublicKey) string { return "127.0.0.1 " + line1(k) }, nil, ""},
		"two keys":       {func(n string, k gossh.PublicKey) string { return n + " " + line1(other) + n + " " + line1(k) }, nil, ""},
		"broken lines": {func(n string, k gossh.PublicKey) string {
			return "x\nx ssh-rsa !!\n@y " + n + " " + line1(k) + n + " " + line1(k)
		}, nil, ""},
		"crlf":               {func(n string, k gossh.PublicKey) string { return strings.TrimSpace(n+" "+line1(k)) + "\r\n" }, nil, ""},
		"unknown":            {func(string, gossh.PublicKey) string { return "" }, transport.ErrUnknownKey, "farmwall ping --learn"},
		"another host's":     {func(_ string, k gossh.PublicKey) string { return "[127.0.0.2]:22 " + line1(k) }, transport.ErrUnknownKey, "farmwall ping --learn"},
		"another port's":     {func(_ string, k gossh.PublicKey) string { return "[127.0.0.1]:1 " + line1(k) }, transport.ErrUnknownKey, "farmwall ping --learn"},
		"not this one":       {func(n string, k gossh.PublicKey) string { return "*,!127.0.0.1,!" + n + " " + line1(k) }, transport.ErrUnknownKey, "farmwall ping --learn"},
		"other plain key":    {func(_ string, k gossh.PublicKey) string { return "127.0.0.1 " + line1(other) }, transport.ErrUnknownKey, "farmwall ping --learn"},
		"changed":            {func(n string, _ gossh.PublicKey) string { return n + " " + line1(other) }, transport.ErrChangedKey, "known_hosts"},
		"changed, hashed":    {func(n string, _ gossh.PublicKey) string { return knownhosts.HashHostname(n) + " " + line1(other) }, transport.ErrChangedKey, "known_hosts"},
		"revoked":            {func(n string, k gossh.PublicKey) string { return n + " " + line1(k) + "@revoked * " + line1(k) }, transport.ErrChangedKey, "revoked"},
		"revoked, not known": {func(n string, k gossh.PublicKey) string { return "@revoked " + n + " " + line1(k) }, transport.ErrChangedKey, "revoked"},
		"authority, no cert": {func(n string, k gossh.PublicKey) string { return "@cert-authority * " + line1(k) }, transport.ErrUnknownKey, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, nil)
			write(t, filepath.Join(s.home, ".ssh", "known_hosts"), c.known(knownName("127.0.0.1", s.addr.Port), s.hostKey.PublicKey()))
			conn, err := dialer(t, Config{Home: s.home}).Dial(context.Background(), s.host())
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				works(t, conn)
				conn.Close()
				return
			}
			var e *transport.Error
			if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Host != "h1" || !strings.Contains(e.Hint, c.hint) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), "SHA256:") && !strings.Contains(err.Error(), "revoked") {
				t.Errorf("no fingerprint in %q", err)
			}
		})
	}
}

// A host with keys of many kinds is asked for the kind that is known.
func TestHostKeyAlgorithms(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var all []gossh.Signer
	for _, k := range []any{rsaKey, ecKey} {
		signer, err := gossh.NewSignerFromKey(k)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, signer)
	}
	s := startServer(t, func(s *server) {
		s.AddHostKey(all[0])
		s.AddHostKey(all[1])
	})
	all = append(all, s.hostKey)
	for _, k := range all {
		s.know(t, k.PublicKey())
		works(t, dial(t, dialer(t, Config{Home: s.home}), s.host()))
	}
	// A known key of a kind that the host no longer has.
	single := startServer(t, nil)
	single.know(t, all[0].PublicKey())
	if _, err := dialer(t, Config{Home: single.home}).Dial(context.Background(), single.host()); !errors.Is(err, transport.ErrChangedKey) {
		t.Errorf("got %v", err)
	}
}

func TestHostCertificate(t *testing.T) {
	authority := newKey(t, filepath.Join(t.TempDir(), "ca"), "")
	for name, c := range map[string]struct {
		change func(*gossh.Certificate)
		known  string
		want   error
	}{
		"good":              {func(*gossh.Certificate) {}, "@cert-authority *", nil},
		"good, by pattern":  {func(c *gossh.Certificate) { c.ValidPrincipals = []string{"127.*"} }, "@cert-authority [127.0.0.1]:*", nil},
		"other host's":      {func(c *gossh.Certificate) { c.ValidPrincipals = []string{"db1"} }, "@cert-authority *", transport.ErrUnknownKey},
		"for nobody":        {func(c *gossh.Certificate) { c.ValidPrincipals = nil }, "@cert-authority *", transport.ErrUnknownKey},
		"over":              {func(c *gossh.Certificate) { c.ValidBefore = uint64(time.Now().Unix() - 60) }, "@cert-authority *", transport.ErrUnknownKey},
		"a user's":          {func(c *gossh.Certificate) { c.CertType = gossh.UserCert }, "@cert-authority *", transport.ErrUnknownKey},
		"authority revoked": {func(*gossh.Certificate) {}, "@revoked", transport.ErrChangedKey},
		"other authority":   {func(*gossh.Certificate) {}, "other", transport.ErrUnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, func(s *server) {
				cert := &gossh.Certificate{Key: s.hostKey.PublicKey(), CertType: gossh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: gossh.CertTimeInfinity}
				c.change(cert)
				if err := cert.SignCert(rand.Reader, authority); err != nil {
					t.Fatal(err)
				}
				signer, err := gossh.NewCertSigner(cert, s.hostKey)
				if err != nil {
					t.Fatal(err)
				}
				s.AddHostKey(signer)
			})
			text := c.known + " " + line1(authority.PublicKey())
			switch c.known {
			case "@revoked":
				text = "@cert-authority * " + line1(authority.PublicKey()) + "@revoked * " + line1(authority.PublicKey())
			case "other":
				text = "@cert-authority * " + line1(newKey(t, filepath.Join(t.TempDir(), "x"), "").PublicKey())
			}
			write(t, filepath.Join(s.home, ".ssh", "known_hosts"), text)
			conn, err := dialer(t, Config{Home: s.home}).Dial(context.Background(), s.host())
			if !errors.Is(err, c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if conn != nil {
				works(t, conn)
				conn.Close()
			}
		})
	}
}

func TestLearn(t *testing.T) {
	s := startServer(t, nil)
	path := filepath.Join(s.home, "new", "known_hosts")
	d := dialer(t, Config{Home: s.home, KnownHosts: []string{path}})
	if _, err := d.Dial(context.Background(), s.host()); !errors.Is(err, transport.ErrUnknownKey) {
		t.Fatalf("got %v", err)
	}
	k, err := d.Learn(context.Background(), s.host())
	if err != nil {
		t.Fatal(err)
	}
	if k.Host != "h1" || k.Fingerprint != gossh.FingerprintSHA256(s.hostKey.PublicKey()) || k.Type != "ssh-ed25519" || k.Known || k.File != path || k.Name != fmt.Sprintf("[127.0.0.1]:%d", s.addr.Port) {
		t.Errorf("learned %+v", k)
	}
	if err := Append(k.File, []Key{k, k}); err != nil {
		t.Fatal(err)
	}
	works(t, dial(t, d, s.host()))
	if k, err = d.Learn(context.Background(), s.host()); err != nil || !k.Known {
		t.Errorf("got %+v, %v", k, err)
	}
	before, _ := os.ReadFile(path)
	if n := strings.Count(string(before), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, before)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	// Another key under the same name is never put in its place.
	bad := k
	bad.key = newKey(t, filepath.Join(t.TempDir(), "x"), "").PublicKey()
	fresh := bad
	fresh.Name = "fresh"
	if err := Append(path, []Key{bad, fresh}); !errors.Is(err, transport.ErrChangedKey) || !strings.Contains(err.Error(), k.Name) {
		t.Errorf("got %v", err)
	}
	after, _ := os.ReadFile(path)
	if string(after) != string(before)+"fresh "+line1(bad.key) {
		t.Errorf("got %s", after)
	}
	// A changed key is not learned.
	s.know(t, bad.key)
	if _, err := dialer(t, Config{Home: s.home}).Learn(context.Background(), s.host()); !errors.Is(err, transport.ErrChangedKey) {
		t.Errorf("got %v", err)
	}
	// A file without a last newline.
	write(t, path, "# mine")
	if err := Append(path, []Key{k}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); string(text) != "# mine\n"+k.Name+" "+line1(k.key) {
		t.Errorf("got %q", text)
	}
}

func TestSkippedLinesAreReportedOnce(t *testing.T) {
	s := startServer(t, nil)
	text, _ := os.ReadFile(filepath.Join(s.home, ".ssh", "known_hosts"))
	write(t, filepath.Join(s.home, ".ssh", "known_hosts"), "old 1024 35 1234567890\n# comment\n\n"+string(text))
	var said []string
	d := dialer(t, Config{Home: s.home, Warn: func(text string) { said = append(said, text) }})
	for range 3 {
		works(t, dial(t, d, s.host()))
	}
	if len(said) != 1 || !strings.Contains(said[0], "known_hosts:1: skipped") {
		t.Errorf("said %q", said)
	}
}

func TestHasher(t *testing.T) {
	h := hasher{name: "[host]:22"}
	for _, salt := range []string{"", "12345678901234567890", strings.Repeat("s", 64), strings.Repeat("s", 65)} {
		mac := hmac.New(sha1.New, []byte(salt))
		mac.Write([]byte(h.name))
		if got := h.sum([]byte(salt)); string(got[:]) != string(mac.Sum(nil)) {
			t.Errorf("salt %q: %x", salt, got)
		}
	}
}

func FuzzKnownHosts(f *testing.F) {
	key := line1(newKey(f, filepath.Join(f.TempDir(), "x"), "").PublicKey())
	f.Add("host "+key, "host")
	f.Add("@cert-authority *.example.com,!bad.example.com "+key, "a.example.com")
	f.Add("@revoked [h]:2222 "+key, "[h]:2222")
	f.Add(knownhosts.HashHostname("host")+" "+key, "host")
	f.Add("|1|x|y ssh-ed25519 AAAA\nhost,, ssh-rsa !\n* "+key, "")
	f.Fuzz(func(t *testing.T, text, name string) {
		k := parseKnown([]byte(text), "file")
		first := k.find(name)
		if again := k.find(name); len(again) != len(first) {
			t.Fatalf("found %d lines, then %d", len(first), len(again))
		}
		lines := 0
		for _, l := range strings.Split(text, "\n") {
			if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
				lines++
			}
		}
		if len(k.skipped) > lines || len(first) > lines*64 {
			t.Fatalf("%d skipped and %d found of %d lines", len(k.skipped), len(first), lines)
		}
		for _, l := range first {
			if l.key == nil || l.at == "" || l.marker != "" && l.marker != "@revoked" && l.marker != "@cert-authority" {
				t.Fatalf("line %+v", l)
			}
			for _, p := range l.patterns {
				if neg, ok := strings.CutPrefix(p, "!"); ok && neg == strings.ToLower(name) {
					t.Fatalf("%q is excluded by %q", name, p)
				}
			}
		}
	})
}
