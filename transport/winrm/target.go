package winrm

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

// Authentications, as inventory.WinRM names them.
const (
	authNTLM        = "ntlm"
	authKerberos    = "kerberos"
	authNegotiate   = "negotiate"
	authBasic       = "basic"
	authCertificate = "certificate"
	authSSPI        = "sspi"
)

// target is one place to sign on to, everything decided.
type target struct {
	host    string // for messages: the inventory's name
	address string // host:port, to dial
	url     string
	auth    string
	access  inventory.Access
	timeout time.Duration // of the TCP connection and, again, of the TLS handshake
	hold    time.Duration // OperationTimeout
}

// target decides how to reach a host of the inventory.
func (d *Dialer) target(h *inventory.Host) (*target, error) {
	a := h.Access
	t := &target{host: h.Name, access: a, timeout: a.Timeout, hold: a.WinRM.OperationTimeout}
	if t.timeout == 0 {
		t.timeout = d.cfg.Timeout
	}
	if t.hold == 0 {
		t.hold = d.cfg.OperationTimeout
	}
	refuse := func(err error, hint string) (*target, error) {
		return nil, &transport.Error{Host: h.Name, Op: "dial", NotRun: true, Err: err, Hint: hint}
	}
	if len(a.Problems) > 0 {
		return refuse(a.Problems, "correct the inventory")
	}
	if a.Address == "" {
		return refuse(errors.New("the host has no address"), "correct the inventory")
	}
	if a.WinRM.SkipVerify && !d.cfg.SkipVerify {
		return refuse(fmt.Errorf("%w: the inventory says not to look at it (ansible_winrm_server_cert_validation: ignore)", transport.ErrCertificate),
			"accept the host's certificate with farmwall ping --learn, or name its CA")
	}
	port, scheme := a.Port, "http"
	if a.WinRM.TLS {
		scheme = "https"
	}
	switch {
	case port != 0:
	case a.WinRM.TLS:
		port = 5986
	default:
		port = 5985
	}
	path := a.WinRM.Path
	if path == "" {
		path = "/wsman"
	}
	host := strings.Trim(a.Address, "[]")
	t.address = net.JoinHostPort(host, strconv.Itoa(port))
	t.url = (&url.URL{Scheme: scheme, Host: t.address, Path: "/" + strings.TrimPrefix(path, "/")}).String()
	t.auth = a.WinRM.Auth
	if t.auth == "" {
		t.auth = defaultAuth(&a)
	}
	switch t.auth {
	case authBasic, authCertificate:
		if !a.WinRM.TLS {
			return refuse(fmt.Errorf("%w: %s over HTTP protects nothing of what it sends", transport.ErrScheme, t.auth), "use https, or ntlm or kerberos, which seal every message")
		}
	case authNTLM, authKerberos, authNegotiate, authSSPI:
	default:
		return refuse(fmt.Errorf("%w: %q is no way of authentication", transport.ErrScheme, t.auth), "ntlm, kerberos, negotiate, basic, certificate or sspi")
	}
	if (t.auth == authNTLM || t.auth == authBasic) && (a.User == "" || a.Password.Empty()) {
		return refuse(fmt.Errorf("%w: no user or no password for %s", transport.ErrRejected, t.auth), "set ansible_user and ansible_password, or -u and -k; with kerberos a ticket will do")
	}
	return t, nil
}

// defaultAuth is by the form of the user's name: name@realm is Kerberos'.
func defaultAuth(a *inventory.Access) string {
	switch {
	case a.WinRM.CertFile != "":
		return authCertificate
	case a.User == "" && a.Password.Empty() && haveSSPI:
		return authSSPI
	case a.User == "" || strings.Contains(a.User, "@"):
		return authKerberos
	}
	return authNTLM
}
