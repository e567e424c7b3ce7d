package winrm

import (
	"errors"
	"fmt"

	"farmwall/transport"
)

// Results of SSPI (winerror.h).
const (
	secTargetUnknown  = 0x80090303
	secInvalidToken   = 0x80090308
	secDenied         = 0x8009030c
	secNoCredentials  = 0x8009030e
	secNoAuthority    = 0x80090311
	secWrongPrincipal = 0x80090322
	secTimeSkew       = 0x80090324
	secNoAlgorithm    = 0x80090331
	secUnknownCipher  = 0x80090342
	secBadBindings    = 0x80090346
)

// sspiError says what a result of SSPI means for logging on to a service. words is
// what Windows says of it.
func sspiError(code uint32, spn, words string) error {
	class, kind, hint := transport.ErrRejected, error(nil), ""
	switch code {
	case secTargetUnknown:
		class, kind, hint = transport.ErrTicket, errService, "give ansible_host the host's full DNS name; setspn -L HOST lists the names that its domain knows"
	case secNoCredentials:
		class, hint = transport.ErrTicket, "log on to this machine with a domain account, or use ansible_winrm_transport: kerberos or ntlm with a password"
	case secNoAuthority:
		class, kind, hint = transport.ErrTicket, errNoKDC, "is this machine in the host's domain, or one that it trusts, and does a domain controller answer?"
	case secDenied:
		hint = "may the user who is logged on here log on to the host? klist shows the tickets"
	case secWrongPrincipal:
		kind, hint = errService, "the name is another machine's: is the service name (SPN) on the host's own computer account, and only there?"
	case secTimeSkew:
		class, hint = transport.ErrClockSkew, "set the clocks of this machine, the host and the domain controllers: Kerberos allows 5 minutes of difference"
	case secNoAlgorithm, secUnknownCipher:
		class, kind, hint = transport.ErrTicket, errCipher, hintCipher
	case secBadBindings:
		hint = "something on the way ends TLS: the certificate is not the host's own"
	case secInvalidToken:
		hint = "what answers there does not speak Negotiate as Windows does"
	}
	err := fmt.Errorf("%s (%#08x)", words, code)
	if kind != nil {
		err = fmt.Errorf("%w: %w", kind, err)
	}
	return &transport.Error{Op: "log in as the user of this machine", Err: fmt.Errorf("%w: %s: %w", class, spn, err), Hint: hint, NotRun: true}
}

var errSSPIOrder = errors.New("the security context does not stand, or stands already")
