package wsman

import (
	"bytes"
	"errors"
	"time"
)

// acceptor is the host's end of one security context. It belongs to one
// connection and is used by one request at a time.
type acceptor interface {
	// Step takes a token of the client and returns the one to answer with, which
	// may be empty. done: the context stands. An error ends the context: 401, with
	// the token where there is one.
	Step(token []byte) (out []byte, done bool, err error)
	// User says who logged on: DOMAIN\name, or name@REALM. Valid once done.
	User() string
	// Seal encrypts a message to the client. header is the signature or the head of
	// the wrap token, data the sealed text (MS-WSMV 2.2.9.1).
	Seal(plain []byte) (header, data []byte, err error)
	// Unseal decrypts a message of the client and checks it. An error: 400.
	Unseal(header, data []byte) ([]byte, error)
}

// session is what an acceptor must know of the connection it works for.
type session struct {
	binding binding
	// now is the host's clock, wrong by Faults.ClockSkew.
	now func() time.Time
}

// Cbt is the service's CbtHardeningLevel.
type Cbt int

// What the service asks of a client's channel binding over TLS.
const (
	// CbtRelaxed, the default of Windows: a binding must be right if it is sent.
	CbtRelaxed Cbt = iota
	// CbtNone: not looked at.
	CbtNone
	// CbtStrict: must be sent and be right.
	CbtStrict
)

// binding is what a connection's channel binding must be.
type binding struct {
	// sum is the MD5 of the gss_channel_bindings structure with the
	// tls-server-end-point value of this host's certificate; nil without TLS.
	sum   []byte
	level Cbt
}

var errBinding = errors.New("channel binding: missing or not this connection's")

// check judges the sum that a client sent; nil or zeros: it sent none.
func (b binding) check(sent []byte) error {
	if b.sum == nil || b.level == CbtNone || bytes.Equal(sent, b.sum) {
		return nil
	}
	none := len(bytes.Trim(sent, "\x00")) == 0
	if none && b.level == CbtRelaxed {
		return nil
	}
	return errBinding
}
