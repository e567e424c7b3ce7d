package notify

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Lookup fetches the secret of a reference ${KIND:NAME}.
type Lookup func(kind, name string) (string, error)

// FromSystem fetches secrets from environment variables, files and, with the given
// function, the system's keyring.
func FromSystem(keyring func(name string) (string, error)) Lookup {
	return func(kind, name string) (string, error) {
		switch kind {
		case "env":
			text, ok := os.LookupEnv(name)
			if !ok {
				return "", errors.New("the variable is not set")
			}
			return text, nil
		case "file":
			text, err := readSmall(name)
			if err != nil {
				return "", err
			}
			return strings.TrimRight(string(text), "\r\n"), nil
		case "keyring":
			return keyring(name)
		}
		return "", errors.New("there is no such kind; there are env, file and keyring")
	}
}

// readSmall reads a file of at most 1 MiB; its errors do not name it.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close()
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	switch {
	case err != nil:
		return nil, errors.Unwrap(err)
	case len(text) > most:
		return nil, errors.New("the file is larger than 1 MiB")
	}
	return text, nil
}

// Address is a receiver's URL. Options for farmwall itself stand in the fragment,
// which is sent to nobody: #name=ops&farm=north&hmac=KEY&ca=FILE&tls=none.
type Address struct {
	URL     *url.URL
	Name    string
	Farms   []string // none: all
	HMAC    string
	CA      string // PEM file of authorities to believe instead of the system's
	NoTLS   bool   // mail without TLS
	secrets []string
}

var reference = regexp.MustCompile(`\$\{([a-z]+):([^${}]*)\}`)

// ParseAddress reads a receiver's URL. Secrets may stand in it as ${env:NAME},
// ${file:PATH} or ${keyring:NAME}. Its errors hold no secret.
func ParseAddress(text string, lookup Lookup) (*Address, error) {
	text = strings.TrimSpace(text)
	shown := Redacted(text)
	fail := func(format string, args ...any) (*Address, error) {
		return nil, fmt.Errorf("receiver %s: %s", shown, fmt.Sprintf(format, args...))
	}
	a := &Address{}
	full, err := a.expand(text, lookup)
	if err != nil {
		return fail("%v", err)
	}
	if strings.ContainsFunc(full, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fail("it holds a control character")
	}
	if a.URL, err = url.Parse(full); err != nil || a.URL.Scheme == "" {
		return fail("it is no URL; it is written as in https://example.com/hook, smtp://mail.example.com?from=a@example.com&to=b@example.com, exec:/usr/local/bin/tell or slack://TOKEN")
	}
	options, err := url.ParseQuery(a.URL.EscapedFragment())
	if err != nil {
		return fail("what follows \"#\" is no list of options")
	}
	a.URL.Fragment, a.URL.RawFragment = "", ""
	for name, values := range options {
		value := values[len(values)-1]
		switch name {
		case "name":
			if strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" || value == "" || len(value) > 64 {
				return fail("a name has 1 to 64 letters, digits, \"-\", \"_\" and \".\"")
			}
			a.Name = value
		case "farm":
			for _, v := range values {
				a.Farms = append(a.Farms, strings.Split(v, ",")...)
			}
		case "hmac":
			a.HMAC = value
			a.secrets = append(a.secrets, value)
		case "ca":
			a.CA = value
		case "tls":
			if value != "none" {
				return fail("tls=%s: only none is possible", clean(value))
			}
			a.NoTLS = true
		default:
			return fail("there is no option %q after \"#\"; there are name, farm, hmac, ca and tls", clean(name))
		}
	}
	a.gatherSecrets()
	if a.Name == "" {
		a.Name = shown
	}
	return a, nil
}

// expand puts secrets in the place of their references; where the whole text is one,
// it is the URL itself.
func (a *Address) expand(text string, lookup Lookup) (string, error) {
	if whole := reference.FindString(text); whole != "" && whole == text {
		m := reference.FindStringSubmatch(text)
		secret, err := lookup(m[1], m[2])
		if err != nil {
			return "", fmt.Errorf("%s: %w", whole, err)
		}
		a.secrets = append(a.secrets, secret)
		return strings.TrimSpace(secret), nil
	}
	var failed error
	full := reference.ReplaceAllStringFunc(text, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		secret, err := lookup(m[1], m[2])
		if err != nil {
			failed = fmt.Errorf("%s: %w", ref, err)
			return ""
		}
		a.secrets = append(a.secrets, secret)
		return strings.ReplaceAll(url.QueryEscape(secret), "+", "%20")
	})
	return full, failed
}

// gatherSecrets notes the parts of the URL that no error may show.
func (a *Address) gatherSecrets() {
	if u := a.URL.User; u != nil {
		password, _ := u.Password()
		a.secrets = append(a.secrets, password)
		if Chat(a.URL.Scheme) {
			a.secrets = append(a.secrets, u.Username())
		}
	}
	if a.URL.Scheme == "exec" || strings.HasPrefix(a.URL.Scheme, "smtp") {
		return
	}
	a.secrets = append(a.secrets, a.URL.RequestURI(), a.URL.Path, a.URL.RawQuery, a.URL.Opaque)
	if Chat(a.URL.Scheme) {
		a.secrets = append(a.secrets, a.URL.Host)
	}
	a.secrets = append(a.secrets, strings.Split(a.URL.Path, "/")...)
	for _, values := range a.URL.Query() {
		a.secrets = append(a.secrets, values...)
	}
}

// Redacted is a receiver's URL as it may be shown: the kind and, where it is no
// secret itself, the host or program.
func Redacted(text string) string {
	text = strings.TrimSpace(text)
	if text != "" && text == reference.FindString(text) {
		return clean(text) // names where a secret is, and is none
	}
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+") != "" || len(scheme) > 32 {
		return "(no URL)"
	}
	scheme = strings.ToLower(scheme)
	switch {
	case scheme == "exec":
		path, _, _ := strings.Cut(rest, "?")
		path, _, _ = strings.Cut(path, "#")
		return clean(scheme + ":" + path)
	case Chat(scheme):
		return scheme + "://..."
	}
	u, err := url.Parse(reference.ReplaceAllString(text, "x"))
	if err != nil || u.Host == "" {
		return scheme + "://..."
	}
	return clean(scheme + "://" + u.Host + "/...")
}

// HoldsSecret says whether a URL as it was written holds a secret in plain text, or
// what is likely one, which must not stand in a command line.
func HoldsSecret(text string) bool {
	text = strings.TrimSpace(text)
	if reference.FindString(text) == text {
		return false
	}
	if scheme, _, _ := strings.Cut(text, ":"); Chat(strings.ToLower(scheme)) {
		return !reference.MatchString(text) // such a URL is its token
	}
	u, err := url.Parse(reference.ReplaceAllString(text, ""))
	if err != nil {
		return true
	}
	if password, _ := u.User.Password(); password != "" {
		return true
	}
	for _, list := range []string{u.RawQuery, u.EscapedFragment()} {
		values, err := url.ParseQuery(list)
		if err != nil {
			return true
		}
		for name, v := range values {
			name = strings.ToLower(name)
			telling := slices.ContainsFunc([]string{"sig", "token", "key", "secret", "pass", "hmac", "auth", "code"}, func(part string) bool { return strings.Contains(name, part) })
			if telling && strings.Join(v, "") != "" {
				return true
			}
		}
	}
	return false
}

var anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"']+`)

// scrub takes secrets and URLs out of the error of a receiver.
func (a *Address) scrub(err error) error {
	if err == nil {
		return nil
	}
	var at *url.Error // its text holds the URL
	if errors.As(err, &at) {
		err = at.Err
	}
	text := anyURL.ReplaceAllString(err.Error(), "(URL)")
	for _, secret := range a.secrets {
		if len(secret) >= 4 {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return errors.New(clean(text))
}

// loopback says whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
