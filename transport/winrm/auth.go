package winrm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"farmwall/transport"
)

const (
	// profileMutual is what the Authorization header of a client certificate says.
	profileMutual = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
	// maxLegs is far over the legs of any mechanism.
	maxLegs = 8
)

// signOn authenticates a new link, in the way that the target asks for and no
// other.
func (d *Dialer) signOn(ctx context.Context, k *link) error {
	t := k.target
	a := &t.access
	e := &transport.Error{Host: t.host, Op: "log in to " + t.address, NotRun: true}
	var err error
	switch t.auth {
	case authBasic:
		k.header = "Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password.Reveal()))
		k.pass, err = d.cfg.Gate.Enter(ctx, d.cfg.Gate.Password(a.User, a.Password.Reveal()), t.host)
	case authCertificate:
		k.header = profileMutual
		k.pass, err = d.cfg.Gate.Enter(ctx, d.cfg.Gate.Keys(a.User, a.WinRM.CertFile), t.host)
	case authNTLM:
		err = d.ntlm(ctx, k)
	case authSSPI:
		err = d.sspi(ctx, k)
	case authKerberos:
		err = d.ticket(ctx, k)
	case authNegotiate:
		// Kerberos or NTLM, as Windows' own Negotiate. After a KDC's refusal the password
		// is not tried again.
		if err = d.ticket(ctx, k); noTicket(err) && !a.Password.Empty() {
			err = d.ntlm(ctx, k)
		}
	}
	if err == nil {
		return nil
	}
	var known *transport.Error
	if errors.As(err, &known) {
		known.Host, known.NotRun = t.host, true
		if known.Op == "" {
			known.Op = e.Op
		}
		return known
	}
	e.Err, e.Hint = explain(err)
	return e
}

// noTicket says that Kerberos came to no ticket, so that nothing was sent to the
// host and nobody has refused the password.
func noTicket(err error) bool {
	var legs *legError
	return err != nil && errors.Is(err, transport.ErrTicket) && !errors.As(err, &legs) &&
		!errors.Is(err, transport.ErrRejected) && !errors.Is(err, transport.ErrNotTried) && !errors.Is(err, transport.ErrClockSkew)
}

// legError is a failure after something was sent to the host.
type legError struct{ error }

func (l *legError) Unwrap() error { return l.error }

// ntlm signs on with a password; the gate counts the leg that uses it.
func (d *Dialer) ntlm(ctx context.Context, k *link) error {
	a := &k.target.access
	pass, err := d.cfg.Gate.Enter(ctx, d.cfg.Gate.Password(a.User, a.Password.Reveal()), k.target.host)
	if err != nil {
		return err
	}
	defer pass.Unused()
	n := newNTLM(a.User, a.Password, k.binding(), k.state == nil)
	return k.establish(ctx, n, pass)
}

// ticket signs on with Kerberos, inside Negotiate where the host offers it.
func (d *Dialer) ticket(ctx context.Context, k *link) error {
	err := k.establish(ctx, d.kerberos.context(&k.target.access, schemeNegotiate, k.binding()), nil)
	var r *refusal
	if errors.As(err, &r) && errors.Is(err, transport.ErrScheme) && has(r.offered, schemeKerberos) {
		err = k.establish(ctx, d.kerberos.context(&k.target.access, schemeKerberos, k.binding()), nil)
	}
	return err
}

// establish carries the tokens of a mechanism to the host and back. pass, where
// there is one, is told what came of the credential.
func (k *link) establish(ctx context.Context, m mechanism, pass *transport.Pass) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, k.target.hold, transport.ErrTimeout)
	defer cancel()
	defer func() {
		if err != nil {
			m.Close()
		}
	}()
	var token []byte
	for leg := range maxLegs {
		out, done, err := m.Step(ctx, token)
		if err != nil && leg > 0 {
			return &legError{err}
		}
		if err != nil {
			return err
		}
		if len(out) == 0 {
			return &legError{fmt.Errorf("%w: %s ended without a last word", transport.ErrRejected, m.Scheme())}
		}
		header := http.Header{"Content-Type": {typeSOAP}, "Authorization": {m.Scheme() + " " + base64.StdEncoding.EncodeToString(out)}}
		a, err := k.request(ctx, header, nil)
		if err != nil {
			if done && pass != nil {
				pass.NoAnswer()
			}
			return &legError{err}
		}
		token = tokenOf(a.header, m.Scheme())
		kind := a.header.Get("Content-Type")
		switch {
		case a.status == http.StatusOK && token == nil && kind != "" && !strings.HasPrefix(strings.ToLower(kind), "application/soap+xml"):
			return &legError{k.refusal(a)} // a web server that says yes to everything
		case a.status == http.StatusOK && !done:
			// The host's own proof is due.
			if out, done, err = m.Step(ctx, token); err != nil {
				return &legError{err}
			}
			if !done || len(out) > 0 {
				return &legError{fmt.Errorf("%w: the host has not proven who it is", transport.ErrRejected)}
			}
			fallthrough
		case a.status == http.StatusOK:
			if pass != nil {
				pass.Accepted()
			}
			k.mech = m
			return nil
		case a.status == http.StatusUnauthorized && done:
			if pass != nil {
				pass.Rejected()
			}
			return &legError{k.refusal(a)}
		case a.status == http.StatusUnauthorized && token != nil:
			continue
		case a.status == http.StatusUnauthorized && leg == 0 && !has(schemes(a.header), m.Scheme()):
			r := k.refusal(a)
			r.err = fmt.Errorf("%w: %s; the host offers %s", transport.ErrScheme, m.Scheme(), offer(r.offered))
			r.hint = "enable " + m.Scheme() + " on the host (winrm set winrm/config/service/auth), or choose another ansible_winrm_transport"
			return &legError{r}
		default:
			return &legError{k.refusal(a)}
		}
	}
	return &legError{fmt.Errorf("%w: the host goes on asking", transport.ErrRejected)}
}

// tokenOf is the token of the scheme in the host's answer; nil: there is none.
func tokenOf(h http.Header, scheme string) []byte {
	for _, line := range h.Values("WWW-Authenticate") {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.EqualFold(name, scheme) {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}

// settle reports on a credential that stood in the request's header.
func (k *link) settle(a *answered) error {
	if k.pass == nil {
		return nil
	}
	pass := k.pass
	k.pass = nil
	if a.status != http.StatusUnauthorized {
		pass.Accepted()
		return nil
	}
	want := "Basic"
	if k.target.auth == authCertificate {
		want = profileMutual
	}
	r := k.refusal(a)
	if !has(r.offered, want) {
		pass.Unused()
		r.err = fmt.Errorf("%w: %s; the host offers %s", transport.ErrScheme, offer([]string{want}), offer(r.offered))
		r.hint = "enable it on the host (winrm set winrm/config/service/auth), or choose another ansible_winrm_transport"
		return r
	}
	pass.Rejected()
	return r
}
