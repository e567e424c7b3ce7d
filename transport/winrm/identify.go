package winrm

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"time"

	"farmwall/transport"
)

// Identity is what a host says of itself, and how it was reached.
type Identity struct {
	Vendor string // "Microsoft Corporation"
	// OS is the system's version, "10.0.17763"; Stack WinRM's, "3.0". Empty: not told.
	OS, ServicePack, Stack string
	// Auth is how we signed on, as inventory.WinRM.Auth; Sealed: messages are sealed
	// (MS-WSMV 2.2.9.1), else TLS protects them.
	Auth   string
	Sealed bool
	// TLS is the version, "TLS 1.2", and Fingerprint the certificate's SHA-256; empty
	// without TLS.
	TLS, Fingerprint string
	// ClockOffset is how far the host's clock is ahead of ours, as its web service tells
	// it, to a second; Clock: it does.
	ClockOffset time.Duration
	Clock       bool
}

// Identify asks the host of an open line who it is: one message.
func Identify(ctx context.Context, c transport.Conn) (Identity, error) {
	l, ok := c.(*line)
	if !ok {
		return Identity{}, errors.New("not a WinRM line")
	}
	select {
	case <-l.turn:
	case <-ctx.Done():
		return Identity{}, context.Cause(ctx)
	case <-l.life.Done():
		return Identity{}, errClosed
	}
	defer func() { l.turn <- struct{}{} }()
	sent := time.Now()
	e, err := l.exchange(ctx, identify())
	if err != nil {
		return Identity{}, l.failed("identify", true, err)
	}
	took := time.Since(sent)
	id := Identity{Vendor: transport.Printable([]byte(e.Body.Identify.Vendor)), Auth: l.target.auth, Sealed: l.link.mech != nil && l.link.state == nil}
	for name, at := range map[string]*string{"OS": &id.OS, "SP": &id.ServicePack, "Stack": &id.Stack} {
		*at = versionPart(e.Body.Identify.Version, name)
	}
	if s := l.link.state; s != nil {
		id.TLS, id.Fingerprint = tls.VersionName(s.Version), fingerprint(s.PeerCertificates[0])
	}
	if at, err := http.ParseTime(e.date); err == nil {
		// The header is cut to a second, so half of one is likely to be missing.
		id.Clock, id.ClockOffset = true, at.Add(time.Second/2).Sub(sent.Add(took/2)).Round(time.Second)
	}
	return id, nil
}

// versionPart reads ProductVersion: "OS: 10.0.17763 SP: 0.0 Stack: 3.0". A host
// withholds a number as 0.0.0.
func versionPart(version, name string) string {
	_, after, ok := strings.Cut(version, name+": ")
	part, _, _ := strings.Cut(after, " ")
	if !ok || part == "0.0.0" {
		return ""
	}
	return transport.Printable([]byte(part))
}
