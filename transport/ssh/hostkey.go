package ssh

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/transport"
)

// trust is what known_hosts says about one host.
type trust struct {
	host, name string
	keys       []*knownLine
	loose      []*knownLine // of the name without the port, used where keys is empty
	authority  []*knownLine
	revoked    []*knownLine
	failed     error // what check said
}

// trust reads known_hosts for a target, in one pass for the algorithms to ask
// for and the keys to accept.
func (d *Dialer) trust(t *target) (*trust, error) {
	paths := append(append([]string(nil), t.userKnown...), t.globalKnown...)
	r := &trust{host: t.host, name: t.keyName}
	lines, err := d.found.find(paths, t.keyName)
	if err != nil {
		return nil, err
	}
	for _, l := range lines {
		switch l.marker {
		case "@cert-authority":
			r.authority = append(r.authority, l)
		case "@revoked":
			r.revoked = append(r.revoked, l)
		default:
			r.keys = append(r.keys, l)
		}
	}
	// OpenSSH also takes a key that the plain name has, on whatever port.
	if host, _, err := net.SplitHostPort(t.keyName); err == nil && len(r.keys) == 0 {
		lines, err := d.found.find(paths, host)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			switch l.marker {
			case "":
				r.loose = append(r.loose, l)
			case "@revoked":
				r.revoked = append(r.revoked, l)
			}
		}
	}
	return r, nil
}

// keyOrder is the order in which an unknown host is asked for its key.
func keyOrder() []string {
	return []string{gossh.KeyAlgoED25519, gossh.KeyAlgoECDSA256, gossh.KeyAlgoECDSA384, gossh.KeyAlgoECDSA521, gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256}
}

// algorithms are the host-key algorithms to offer: those of the known keys only,
// because the host picks the first that it has, and that must be one we know.
func (r *trust) algorithms() []string {
	var list []string
	add := func(algos ...string) {
		for _, a := range algos {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	if len(r.authority) > 0 {
		add(gossh.CertAlgoED25519v01, gossh.CertAlgoECDSA256v01, gossh.CertAlgoECDSA384v01, gossh.CertAlgoECDSA521v01, gossh.CertAlgoRSASHA512v01, gossh.CertAlgoRSASHA256v01)
	}
	for _, l := range slices.Concat(r.keys, r.loose) {
		if kind := l.key.Type(); kind == gossh.KeyAlgoRSA {
			add(gossh.KeyAlgoRSASHA512, gossh.KeyAlgoRSASHA256)
		} else {
			add(kind)
		}
	}
	if len(r.keys) == 0 {
		add(keyOrder()...)
	}
	return list
}

// check is the decision about the key that the host showed.
func (r *trust) check(_ string, _ net.Addr, key gossh.PublicKey) error {
	r.failed = r.judge(key)
	return r.failed
}

func (r *trust) judge(key gossh.PublicKey) error {
	plain := key
	if cert, ok := key.(*gossh.Certificate); ok {
		plain = cert.Key
		if l := holder(r.revoked, cert.SignatureKey); l != nil {
			return r.refuse(transport.ErrChangedKey, "the authority that signed it is revoked at "+l.at, "find out why the authority was revoked before you trust this host")
		}
	}
	if l := holder(r.revoked, plain); l != nil {
		return r.refuse(transport.ErrChangedKey, "its key is revoked at "+l.at, "find out why the key was revoked before you trust this host")
	}
	reason := ""
	if cert, ok := key.(*gossh.Certificate); ok {
		err := r.checkCertificate(cert)
		if err == nil {
			return nil
		}
		reason = "; its certificate does not count: " + err.Error()
	}
	if holder(r.keys, plain) != nil || holder(r.loose, plain) != nil {
		return nil
	}
	print := plain.Type() + " " + gossh.FingerprintSHA256(plain)
	if len(r.keys) > 0 {
		var known []string
		for _, l := range r.keys {
			known = append(known, fmt.Sprintf("%s %s (%s)", l.key.Type(), gossh.FingerprintSHA256(l.key), l.at))
		}
		return r.refuse(transport.ErrChangedKey, fmt.Sprintf("%s shows %s, known is %s%s", r.name, print, strings.Join(known, ", "), reason),
			"somebody may be listening; if the host was installed anew, take its line out of known_hosts and run farmwall ping --learn")
	}
	return r.refuse(transport.ErrUnknownKey, fmt.Sprintf("%s shows %s%s", r.name, print, reason), "compare the fingerprint on the host's console, then run farmwall ping --learn")
}

func (r *trust) refuse(why error, text, hint string) error {
	return &transport.Error{Host: r.host, Op: "check host key", Err: fmt.Errorf("%w: %s", why, text), Hint: hint, NotRun: true}
}

func (r *trust) checkCertificate(cert *gossh.Certificate) error {
	if cert.CertType != gossh.HostCert {
		return errors.New("it is no host certificate")
	}
	if holder(r.authority, cert.SignatureKey) == nil {
		return errors.New("it is signed by an unknown authority")
	}
	principal := r.name
	if host, _, err := net.SplitHostPort(principal); err == nil {
		principal = host
	}
	// Without a name in it a certificate would be good for every host.
	if !matchList(cert.ValidPrincipals, principal) {
		return fmt.Errorf("it is not for %s", principal)
	}
	c := gossh.CertChecker{}
	return c.CheckCert(cert.ValidPrincipals[0], cert)
}

// holder returns the line with the key.
func holder(lines []*knownLine, key gossh.PublicKey) *knownLine {
	blob := key.Marshal()
	for _, l := range lines {
		if bytes.Equal(l.key.Marshal(), blob) {
			return l
		}
	}
	return nil
}

// noneInCommon says what it means that the host has no key of a known type.
func (r *trust) noneInCommon(offered []string) error {
	if len(r.keys) == 0 {
		return nil
	}
	return r.refuse(transport.ErrChangedKey, fmt.Sprintf("%s shows keys of %s only, known is %s", r.name, strings.Join(offered, ", "), r.keys[0].at),
		"if the host's keys were made anew, take its lines out of known_hosts and run farmwall ping --learn")
}

func hostPort(t *target) string { return net.JoinHostPort(t.address, strconv.Itoa(t.port)) }
