package winrm

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"farmwall/transport"
)

const hintLearn = "compare the fingerprint with the host's own (certutil -store My there), then accept it with farmwall ping --learn, or name its CA in ansible_winrm_ca_trust_path"

// tlsConfig says whom this target's certificate is believed, and shows our own
// where the target asks for it.
func (t *target) tlsConfig() (*tls.Config, error) {
	w := t.access.WinRM
	c := &tls.Config{ServerName: t.serverName(), InsecureSkipVerify: true, VerifyConnection: t.verify, MinVersion: tls.VersionTLS12}
	if w.CAFile != "" {
		pem, err := os.ReadFile(w.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", transport.ErrCertificate, err)
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: %s holds no certificate in PEM", transport.ErrCertificate, w.CAFile)
		}
		roots := c.RootCAs
		c.VerifyConnection = func(s tls.ConnectionState) error { return t.verifyWith(s, roots) }
	}
	if t.auth == authCertificate {
		own, err := tls.LoadX509KeyPair(w.CertFile, w.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("%w: the client certificate: %w", transport.ErrCertificate, err)
		}
		c.Certificates = []tls.Certificate{own}
		// HTTP.sys asks for it by a renegotiation, which TLS 1.3 does not have.
		c.MaxVersion = tls.VersionTLS12
		c.Renegotiation = tls.RenegotiateOnceAsClient
	}
	return c, nil
}

// serverName is what the certificate must name.
func (t *target) serverName() string {
	if name := t.access.WinRM.ServerName; name != "" {
		return name
	}
	host, _, _ := net.SplitHostPort(t.address)
	host, _, _ = strings.Cut(host, "%")
	return strings.TrimSuffix(host, ".")
}

func (t *target) verify(s tls.ConnectionState) error { return t.verifyWith(s, nil) }

// verifyWith believes a pinned certificate whatever is wrong with it, and any
// other where the roots vouch for it and it names the host.
func (t *target) verifyWith(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return fmt.Errorf("%w: the host shows none", transport.ErrCertificate)
	}
	leaf := s.PeerCertificates[0]
	pins := t.access.WinRM.Pins
	if slices.Contains(pins, fingerprint(leaf)) || t.access.WinRM.SkipVerify {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: t.serverName(), Roots: roots, Intermediates: between})
	if err == nil {
		return nil
	}
	return &untrusted{leaf: leaf, why: err, changed: len(pins) > 0}
}

// untrusted is a certificate that was not believed.
type untrusted struct {
	leaf    *x509.Certificate
	why     error
	changed bool // another one was accepted before
}

func (u *untrusted) Error() string {
	text := fmt.Sprintf("SHA-256 %s: %s", fingerprint(u.leaf), transport.Printable([]byte(u.why.Error())))
	var authority x509.UnknownAuthorityError
	if errors.As(u.why, &authority) && u.leaf.Issuer.String() == u.leaf.Subject.String() {
		text = "self-signed, SHA-256 " + fingerprint(u.leaf)
	}
	if u.changed {
		text = "not the one that was accepted: " + text
	}
	return transport.ErrCertificate.Error() + ": " + text
}

func (u *untrusted) Unwrap() []error {
	if u.changed {
		return []error{transport.ErrCertificate, transport.ErrChangedKey}
	}
	return []error{transport.ErrCertificate}
}

// fingerprint is a certificate's SHA-256 in lower-case hex.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// endPoint is the channel binding's application data of a connection (RFC 5929,
// tls-server-end-point); nil where the certificate's algorithm has none.
func endPoint(c *x509.Certificate) []byte {
	var sum []byte
	switch c.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		s := sha512.Sum384(c.Raw)
		sum = s[:]
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		s := sha512.Sum512(c.Raw)
		sum = s[:]
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	default: // SHA-256 itself, and what it stands in for: MD5 and SHA-1
		s := sha256.Sum256(c.Raw)
		sum = s[:]
	}
	return append([]byte("tls-server-end-point:"), sum...)
}
