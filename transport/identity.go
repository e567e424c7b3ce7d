package transport

import "context"

// Identity is what a line and the service at its other end are, in words for
// people. Fields that nobody knows are empty.
type Identity struct {
	Scheme  string `json:"scheme,omitempty"`  // "ssh", "http" or "https"
	Auth    string `json:"auth,omitempty"`    // how we proved who we are: "ntlm", "kerberos", "basic" ...
	Service string `json:"service,omitempty"` // what answers: "WinRM stack 3.0 on Windows 10.0.17763"
}

// Identifier is what a Conn may offer. It may cost an exchange with the host, so
// only ping asks.
type Identifier interface {
	Identify(ctx context.Context) (Identity, error)
}
