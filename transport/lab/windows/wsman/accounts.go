package wsman

import (
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"net/http"
	"strings"
	"unicode/utf8"
)

// account finds who is meant by a name as clients write it: DOMAIN\name,
// name@domain or name, with the domain by either of its names. A name without a
// domain is a local account's, or else the domain's.
func (s *Service) account(name string) *Account {
	domain := ""
	if d, n, ok := strings.Cut(name, `\`); ok {
		domain, name = d, n
	}
	if n, d, ok := strings.Cut(name, "@"); ok && domain == "" {
		domain, name = d, n
	}
	var found *Account
	for i := range s.o.Accounts {
		a := &s.o.Accounts[i]
		if !strings.EqualFold(a.Name, name) {
			continue
		}
		local := a.Domain == ""
		switch {
		case local && (domain == "" || domain == "." || strings.EqualFold(domain, s.o.name())):
			return a
		case !local && (strings.EqualFold(domain, a.Domain) || strings.EqualFold(a.Domain, s.o.Domain) && s.o.DNSDomain != "" && strings.EqualFold(domain, s.o.DNSDomain)):
			return a
		case !local && domain == "":
			found = a
		}
	}
	return found
}

// identity of an account.
func (s *Service) identity(a *Account) *identity {
	domain := a.Domain
	if domain == "" {
		domain = s.o.name()
	}
	return &identity{user: domain + `\` + a.Name, admin: a.Admin, shell: a.Admin || a.Remote}
}

// identify is who a security context's user is, nil: nobody here.
func (s *Service) identify(user string) *identity {
	if a := s.account(user); a != nil {
		return s.identity(a)
	}
	return nil
}

// basic reads the credentials of RFC 7617, in UTF-8 or, as some clients write them,
// in Latin-1. Only local accounts.
func (s *Service) basic(l *line, token string) *identity {
	raw, err := base64.StdEncoding.DecodeString(token)
	text := string(raw)
	if !utf8.Valid(raw) {
		var wide []rune
		for _, b := range raw {
			wide = append(wide, rune(b))
		}
		text = string(wide)
	}
	name, password, ok := strings.Cut(text, ":")
	if err != nil || !ok {
		return nil
	}
	a := s.account(name)
	if a == nil || a.Domain != "" || subtle.ConstantTimeCompare([]byte(a.Password), []byte(password)) == 0 {
		return nil
	}
	if l.basic != a.Name {
		l.basic = a.Name
		s.count(func(c *Counts) { c.Logons++ })
	}
	return s.identity(a)
}

// certificate maps the client's certificate to a local account. The chain is
// judged by Options.TLS.ClientCAs.
func (s *Service) certificate(r *http.Request) *identity {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || s.o.TLS.ClientCAs == nil {
		return nil
	}
	leaf, others := r.TLS.PeerCertificates[0], x509.NewCertPool()
	for _, c := range r.TLS.PeerCertificates[1:] {
		others.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: s.o.TLS.ClientCAs, Intermediates: others, CurrentTime: s.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return nil
	}
	for _, upn := range principalNames(leaf) {
		for _, m := range s.o.Certificates {
			if a := s.account(m.Account); strings.EqualFold(m.UPN, upn) && a != nil && a.Domain == "" {
				l := lineOf(r)
				if l.basic != m.UPN {
					l.basic = m.UPN
					s.count(func(c *Counts) { c.Logons++ })
				}
				return s.identity(a)
			}
		}
	}
	return nil
}

// principalNames are the user principal names in a certificate's subject
// alternative name: otherName with szOID_NT_PRINCIPAL_NAME.
func principalNames(c *x509.Certificate) []string {
	var names []string
	for _, e := range c.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		var all asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &all); err != nil {
			continue
		}
		for rest := all.Bytes; len(rest) > 0; {
			var one asn1.RawValue
			var err error
			if rest, err = asn1.Unmarshal(rest, &one); err != nil {
				break
			}
			var other struct {
				ID    asn1.ObjectIdentifier
				Value asn1.RawValue `asn1:"explicit,tag:0"`
			}
			if one.Class != asn1.ClassContextSpecific || one.Tag != 0 {
				continue
			}
			if _, err := asn1.UnmarshalWithParams(one.FullBytes, &other, "tag:0"); err != nil {
				continue
			}
			if other.ID.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}) {
				var name string
				if _, err := asn1.Unmarshal(other.Value.Bytes, &name); err == nil {
					names = append(names, name)
				} else {
					names = append(names, string(other.Value.Bytes))
				}
			}
		}
	}
	return names
}
