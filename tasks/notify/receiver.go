package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Parse makes receivers of URLs. All mistakes are in the one error. Two receivers
// with one name are a mistake, because what was told is kept by name; those that were
// given none are numbered.
func Parse(texts []string, lookup Lookup) ([]Receiver, error) {
	var all []Receiver
	var bad []error
	seen := map[string]int{}
	for _, text := range texts {
		a, err := ParseAddress(text, lookup)
		if err == nil {
			if seen[a.Name]++; seen[a.Name] > 1 {
				if a.Name != Redacted(text) {
					bad = append(bad, fmt.Errorf("two receivers are called %s", a.Name))
					continue
				}
				a.Name = fmt.Sprintf("%s (%d)", a.Name, seen[a.Name])
			}
			var r Receiver
			if r, err = a.receiver(); err == nil {
				all = append(all, r)
				continue
			}
			err = fmt.Errorf("receiver %s: %w", a.Name, err)
		}
		bad = append(bad, err)
	}
	return all, errors.Join(bad...)
}

// Lines are the URLs of a file of receivers: one a line; empty lines and those that
// begin with "#" are passed over.
func Lines(text string) []string {
	var all []string
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	return all
}

func (a *Address) receiver() (Receiver, error) {
	a.URL.Scheme = strings.ToLower(a.URL.Scheme)
	web := strings.HasSuffix(a.URL.Scheme, "http") || strings.HasSuffix(a.URL.Scheme, "https")
	mail := a.URL.Scheme == "smtp" || a.URL.Scheme == "smtps"
	switch {
	case a.HMAC != "" && !web:
		return nil, errors.New("hmac= is for webhooks")
	case a.CA != "" && !web && !mail:
		return nil, errors.New("ca= is for webhooks and mail")
	case a.NoTLS && a.URL.Scheme != "smtp":
		return nil, errors.New("tls= is for smtp://")
	}
	base := base{name: a.Name, farms: a.Farms, address: a}
	switch {
	case web:
		return newWebhook(base)
	case mail:
		return newMail(base)
	case a.URL.Scheme == "exec":
		return newCommand(base)
	case Chat(a.URL.Scheme):
		return newChat(base)
	}
	return nil, fmt.Errorf("there is no kind %q of receivers; there are https, http, teams+https, smtp, smtps, exec, %s", clean(a.URL.Scheme), strings.Join(chats(), ", "))
}

// base is what all receivers have in common.
type base struct {
	name    string
	farms   []string
	address *Address
}

// Name names the receiver without any secret.
func (b *base) Name() string { return b.name }

// Wants says whether the receiver hears of a farm.
func (b *base) Wants(farm string) bool { return len(b.farms) == 0 || slices.Contains(b.farms, farm) }

// tls is how the receiver proves who it is.
func (b *base) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if b.address.CA == "" {
		return c, nil
	}
	pem, err := readSmall(b.address.CA)
	if err != nil {
		return nil, fmt.Errorf("ca=%s: %w", clean(b.address.CA), err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca=%s holds no certificate", clean(b.address.CA))
	}
	return c, nil
}

// ended is the error of a receiver whose time was up.
func ended(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("it did not answer in time")
	}
	return err
}
