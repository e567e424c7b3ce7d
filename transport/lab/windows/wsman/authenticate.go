package wsman

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// authenticate finds out who sends a request. nil: it has been answered.
func (s *Service) authenticate(w http.ResponseWriter, r *http.Request, l *line, empty bool) *identity {
	header := r.Header.Get("Authorization")
	scheme, token, _ := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	switch {
	case header == "":
		return s.remembered(w, r, l, empty)
	case strings.EqualFold(scheme, "Basic") && s.offersBasic():
		return s.orRefuse(w, s.basic(l, token))
	case strings.EqualFold(scheme, mutualScheme) && s.offersCertificate():
		return s.orRefuse(w, s.certificate(r))
	case strings.EqualFold(scheme, "Negotiate") && s.o.Schemes.Negotiate, strings.EqualFold(scheme, "Kerberos") && s.offersKerberos():
		raw, err := base64.StdEncoding.DecodeString(token)
		if err != nil {
			status(w, http.StatusBadRequest)
			return nil
		}
		return s.step(w, l, scheme, raw)
	}
	return s.orRefuse(w, nil)
}

// remembered is who logged on on this connection.
func (s *Service) remembered(w http.ResponseWriter, r *http.Request, l *line, empty bool) *identity {
	s.mu.Lock()
	if last(&s.faults.Forget) {
		s.forgotten++
	}
	known, emptyOK := l.who != nil && l.age == s.forgotten, s.faults.EmptyOK
	s.mu.Unlock()
	switch {
	case !known && isSealed(r) && !empty:
		l.who, l.context = nil, nil
		status(w, http.StatusBadRequest)
		return nil
	case known && (!empty || emptyOK):
		return l.who
	}
	s.unauthorized(w)
	return nil
}

// step goes on with a handshake, or begins one.
func (s *Service) step(w http.ResponseWriter, l *line, scheme string, token []byte) *identity {
	if l.under == nil || !strings.EqualFold(l.scheme, scheme) {
		l.who, l.context, l.scheme = nil, nil, scheme
		l.under = s.newAcceptor(scheme)
	}
	out, done, err := l.under.Step(token)
	answer := scheme + " " + base64.StdEncoding.EncodeToString(out)
	if err != nil {
		l.under = nil
		s.count(func(c *Counts) { c.Refused++ })
		if len(out) > 0 {
			w.Header()["WWW-Authenticate"] = []string{answer}
			status(w, http.StatusUnauthorized)
		} else {
			s.unauthorized(w)
		}
		return nil
	}
	if !done {
		w.Header()["WWW-Authenticate"] = []string{answer}
		status(w, http.StatusUnauthorized)
		return nil
	}
	who := s.identify(l.under.User())
	if who == nil {
		l.under = nil
		return s.orRefuse(w, nil)
	}
	if len(out) > 0 {
		w.Header()["WWW-Authenticate"] = []string{answer}
	}
	l.kerberos = !isNTLM(l.under)
	l.context, l.under, l.who = l.under, nil, who
	s.mu.Lock()
	l.age = s.forgotten
	s.counts.Logons++
	s.mu.Unlock()
	return who
}

// orRefuse refuses nobody in particular.
func (s *Service) orRefuse(w http.ResponseWriter, who *identity) *identity {
	if who == nil {
		s.count(func(c *Counts) { c.Refused++ })
		s.unauthorized(w)
	}
	return who
}

// unauthorized answers 401 with a line for each scheme, in the order of real hosts.
func (s *Service) unauthorized(w http.ResponseWriter) {
	var lines []string
	if s.o.Schemes.Negotiate {
		lines = append(lines, "Negotiate")
	}
	if s.offersKerberos() {
		lines = append(lines, "Kerberos")
	}
	if s.offersCertificate() {
		lines = append(lines, mutualScheme)
	}
	if s.offersBasic() {
		lines = append(lines, `Basic realm="WSMAN"`)
	}
	if lines != nil {
		w.Header()["WWW-Authenticate"] = lines
	}
	status(w, http.StatusUnauthorized)
}

// Basic without encryption is not even offered.
func (s *Service) offersBasic() bool {
	return s.o.Schemes.Basic && (s.o.TLS != nil || s.o.AllowUnencrypted)
}
func (s *Service) offersCertificate() bool { return s.o.Schemes.Certificate && s.o.TLS != nil }
func (s *Service) offersKerberos() bool    { return s.o.Schemes.Kerberos && s.o.Kerberos != nil }

// refuseUnsealed answers a message in clear text where sealing is a must.
func (s *Service) refuseUnsealed(w http.ResponseWriter, l *line) {
	switch code := s.Faults().Unsealed; {
	case code == http.StatusUnauthorized || code == 0 && !l.kerberos:
		s.unauthorized(w)
	case code == 0:
		status(w, http.StatusInternalServerError)
	default:
		status(w, code)
	}
}
