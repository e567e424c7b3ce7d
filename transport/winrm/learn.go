package winrm

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
)

// Certificate is what a host showed, to be accepted by a person.
type Certificate struct {
	Host        string // the inventory's name
	Address     string // host:port
	Fingerprint string // SHA-256 in lower-case hex, as farmwall_tls_pins has it
	// Subject and Issuer are distinguished names, Names the names and addresses that it
	// is for; printable.
	Subject, Issuer     string
	Names               []string
	NotBefore, NotAfter time.Time
	// Known: it is believed already, so there is nothing to do. Why says what keeps it
	// from being believed otherwise.
	Known bool
	Why   string
}

// Learn asks a host for its certificate without signing on. One that is not
// pinned where another one is, and that nobody vouches for, is an error,
// ErrChangedKey. A host without TLS has none, which is an error too.
func (d *Dialer) Learn(ctx context.Context, h *inventory.Host) (Certificate, error) {
	t, err := d.target(h)
	if err != nil {
		return Certificate{}, err
	}
	if !t.access.WinRM.TLS {
		return Certificate{}, &transport.Error{Host: h.Name, Op: "learn the certificate", NotRun: true, Err: fmt.Errorf("%w: %s speaks no TLS", transport.ErrCertificate, t.address),
			Hint: "sealed messages need none; set ansible_winrm_scheme: https where the host has an HTTPS listener"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 2*t.timeout, transport.ErrTimeout)
	defer cancel()
	nc, err := t.connect(ctx)
	if err != nil {
		return Certificate{}, err
	}
	defer nc.Close()
	var c Certificate
	var changed error
	secured, err := t.handshake(ctx, nc, func(s tls.ConnectionState, verdict error) error {
		if len(s.PeerCertificates) == 0 {
			return verdict
		}
		leaf := s.PeerCertificates[0]
		c = Certificate{Host: t.host, Address: t.address, Fingerprint: fingerprint(leaf), NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
			Subject: transport.Printable([]byte(leaf.Subject.String())), Issuer: transport.Printable([]byte(leaf.Issuer.String())), Known: verdict == nil}
		for _, n := range leaf.DNSNames {
			c.Names = append(c.Names, transport.Printable([]byte(n)))
		}
		for _, ip := range leaf.IPAddresses {
			c.Names = append(c.Names, ip.String())
		}
		slices.Sort(c.Names)
		var u *untrusted
		if errors.As(verdict, &u) {
			c.Why = transport.Printable([]byte(u.why.Error()))
		}
		if errors.Is(verdict, transport.ErrChangedKey) {
			changed = verdict
			return verdict
		}
		return nil
	})
	if err == nil {
		secured.Close()
	}
	// A host that wants a certificate of ours has shown its own by then.
	if err != nil && (c.Fingerprint == "" || changed != nil) {
		return Certificate{}, err
	}
	return c, nil
}
