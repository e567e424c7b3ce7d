package wsman

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"strings"
)

var (
	oidSPNEGO     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	oidNTLM       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	oidKerberos   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidMSKerberos = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
)

// newAcceptor begins a handshake under a scheme that the service takes.
func (s *Service) newAcceptor(scheme string) acceptor {
	session := session{binding: binding{s.binding, s.o.CbtHardeningLevel}, now: s.now}
	if strings.EqualFold(scheme, "Kerberos") {
		return s.o.Kerberos.accept(session)
	}
	n := &negotiate{ntlm: func() acceptor { return &ntlm{service: s, session: session} }}
	if s.o.Kerberos != nil {
		n.kerberos = func() acceptor { return s.o.Kerberos.accept(session) }
	}
	return n
}

// negotiate is the acceptor of the scheme Negotiate: tokens of NTLM or Kerberos as
// they are, or wrapped in SPNEGO (RFC 4178, MS-SPNG).
type negotiate struct {
	ntlm, kerberos func() acceptor // kerberos may be nil
	acceptor                       // the mechanism that was agreed on; nil before

	wrapped bool
	mech    asn1.ObjectIdentifier
	list    []byte // mechTypes as sent, which mechListMIC signs
	told    bool   // the client knows mech
	mustMIC bool   // the client would rather have had another mechanism
}

var errNegotiate = errors.New("Negotiate: not a token that is taken here")

// Step takes the client's next token.
func (n *negotiate) Step(token []byte) ([]byte, bool, error) {
	switch {
	case n.acceptor != nil && !n.wrapped:
		return n.acceptor.Step(token)
	case n.acceptor != nil:
		r, err := parseResponse(token)
		if err != nil {
			return nil, false, err
		}
		return n.wrap(r.Token, r.MIC)
	case bytes.HasPrefix(token, []byte(ntlmSignature)):
		n.acceptor = n.ntlm()
		return n.acceptor.Step(token)
	}
	oid, inner, err := parseGSS(token)
	switch {
	case err != nil:
		return nil, false, err
	case oid.Equal(oidKerberos) && n.kerberos != nil:
		n.acceptor = n.kerberos()
		return n.acceptor.Step(token)
	case !oid.Equal(oidSPNEGO):
		return nil, false, errNegotiate
	}
	return n.begin(inner)
}

// begin reads a NegTokenInit and picks the first mechanism that is taken here.
func (n *negotiate) begin(inner []byte) ([]byte, bool, error) {
	i, mechs, err := parseInit(inner)
	if err != nil {
		return nil, false, err
	}
	for at, oid := range mechs {
		switch {
		case oid.Equal(oidNTLM):
			n.acceptor = n.ntlm()
		case (oid.Equal(oidKerberos) || oid.Equal(oidMSKerberos)) && n.kerberos != nil:
			n.acceptor, oid = n.kerberos(), oidKerberos
		default:
			continue
		}
		n.wrapped, n.mech, n.list = true, oid, i.Mechs.FullBytes
		if at == 0 {
			return n.wrap(i.Token, i.MIC)
		}
		n.mustMIC, n.told = true, true // the token is for another mechanism
		return negResponse{State: negRequestMIC, Mech: oid}.marshal(), false, nil
	}
	return nil, false, errNegotiate
}

// wrap hands a token to the mechanism and wraps what it answers.
func (n *negotiate) wrap(token, mic []byte) ([]byte, bool, error) {
	r := negResponse{State: negIncomplete}
	if !n.told {
		r.Mech, n.told = n.mech, true
	}
	if len(token) == 0 {
		return r.marshal(), false, nil
	}
	out, done, err := n.acceptor.Step(token)
	if err != nil {
		if len(out) > 0 {
			r.State, r.Token = negRejected, out
			out = r.marshal()
		}
		return out, false, err
	}
	r.Token = out
	if !done {
		return r.marshal(), false, nil
	}
	signer, signs := n.acceptor.(interface {
		sign(text []byte) []byte
		verifySignature(text, mic []byte) bool
		reset()
	})
	switch {
	case len(mic) > 0 && signs:
		if !signer.verifySignature(n.list, mic) {
			return nil, false, errNegotiate
		}
		r.MIC = signer.sign(n.list)
		signer.reset() // MS-SPNG 3.3.5.1: the messages begin with new keystreams
	case n.mustMIC:
		return nil, false, errNegotiate
	}
	r.State = negCompleted
	return r.marshal(), true, nil
}

// isNTLM says what a standing context was made by.
func isNTLM(a acceptor) bool {
	if n, ok := a.(*negotiate); ok {
		a = n.acceptor
	}
	_, ok := a.(*ntlm)
	return ok
}
