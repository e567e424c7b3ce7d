package winrm

import "context"

// mechanism is the client's end of one security context, which belongs to one
// connection. It is used by one goroutine at a time.
type mechanism interface {
	// Scheme is what stands in the Authorization header and names the form of sealed
	// bodies: "Negotiate" or "Kerberos".
	Scheme() string
	// Step takes what the host sent, nil at first, and returns what to send next,
	// which may be empty. done: the context stands, on both sides where the
	// mechanism proves the host.
	Step(ctx context.Context, token []byte) (out []byte, done bool, err error)
	// Seal and Unseal protect one message; the header is the signature, or the head
	// of a wrap token.
	Seal(plain []byte) (header, data []byte, err error)
	Unseal(header, data []byte) ([]byte, error)
	// Close forgets the keys.
	Close()
}
