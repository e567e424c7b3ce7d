package winrm

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"farmwall/transport"
)

const (
	// maxAnswer is far over what a host may answer: it was told envelopeSize.
	maxAnswer = 1 << 20
	hintWinRM = "is WinRM listening on that port (winrm enumerate winrm/config/listener), and is it http or https there?"
)

// link is one TCP connection to a host, and the security context that belongs to
// it. It never dials again: what was sealed for one connection means nothing on
// another.
type link struct {
	target *target
	nc     net.Conn
	state  *tls.ConnectionState // nil: no TLS
	http   *http.Transport
	mech   mechanism       // nil: header stands in each request instead
	header string          // Authorization
	pass   *transport.Pass // of the credential in header, until the first answer
	used   bool            // a message was answered on it
	once   sync.Once
}

// connect opens the TCP connection.
func (t *target) connect(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: 15 * time.Second}
	nc, err := dialer.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, transport.DialError(ctx, t.host, t.address, "nothing listens there: enable WinRM on the host (winrm quickconfig), or correct ansible_port", err)
	}
	return nc, nil
}

// dial opens the connection; nobody has signed on then.
func (t *target) dial(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, transport.ErrTimeout)
	defer cancel()
	nc, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	k := &link{target: t, nc: nc}
	wire := nc
	if t.access.WinRM.TLS {
		secured, err := t.handshake(ctx, nc, nil)
		if err != nil {
			nc.Close()
			return nil, err
		}
		state := secured.ConnectionState()
		k.state, wire = &state, secured
	}
	given := make(chan net.Conn, 1)
	given <- wire
	give := func(context.Context, string, string) (net.Conn, error) {
		select {
		case c := <-given:
			return c, nil
		default:
			return nil, errHungUp
		}
	}
	k.http = &http.Transport{
		DialContext: give, DialTLSContext: give, MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1,
		DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
		// No proxy: what belongs to a connection must not share one.
		Proxy: nil,
	}
	return k, nil
}

// errHungUp says that the host has closed the connection; the request was not
// sent.
var errHungUp = errors.New("the host hung up")

// binding is the channel binding's application data; nil without TLS.
func (k *link) binding() []byte {
	if k.state == nil {
		return nil
	}
	return endPoint(k.state.PeerCertificates[0])
}

// close hangs up.
func (k *link) close() {
	k.once.Do(func() {
		k.http.CloseIdleConnections()
		k.nc.Close()
		if k.mech != nil {
			k.mech.Close()
		}
		if k.pass != nil {
			k.pass.NoAnswer()
		}
	})
}

// answered is what came back over HTTP.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// request does one exchange of HTTP. Its error may be errHungUp; else the
// request may have reached the host.
func (k *link) request(ctx context.Context, header http.Header, body []byte) (*answered, error) {
	// A body that cannot be read again keeps the library from repeating the request.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, k.target.url, io.NopCloser(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	r.ContentLength = int64(len(body))
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	r.Header = header
	header.Set("User-Agent", "farmwall")
	resp, err := k.http.RoundTrip(r)
	if err != nil {
		if errors.Is(err, errHungUp) {
			return nil, errHungUp
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(text) > maxAnswer {
		err = fmt.Errorf("%w: over %d MiB", errForm, maxAnswer>>20)
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	return &answered{resp.StatusCode, resp.Header, text}, nil
}

// post sends one message and returns the plain body of its answer.
func (k *link) post(ctx context.Context, m message) (*envelope, error) {
	header, body := http.Header{"Content-Type": {typeSOAP}}, []byte(m.text)
	if k.header != "" {
		header.Set("Authorization", k.header)
	}
	sealed := k.mech != nil && k.state == nil
	if sealed {
		kind, wrapped, err := seal(k.mech, body)
		if err != nil {
			return nil, &unsent{err}
		}
		header.Set("Content-Type", kind)
		body = wrapped
	}
	a, err := k.request(ctx, header, body)
	if errors.Is(err, errHungUp) {
		return nil, &unsent{err}
	}
	if err != nil {
		return nil, err
	}
	if err := k.settle(a); err != nil {
		return nil, err
	}
	kind := a.header.Get("Content-Type")
	if a.status != http.StatusOK && a.status != http.StatusInternalServerError {
		return nil, k.refusal(a)
	}
	if sealed && strings.HasPrefix(strings.ToLower(kind), typeSealed) {
		if a.body, err = unseal(k.mech, kind, a.body); err != nil {
			return nil, fmt.Errorf("%w: %w", errSealed, err)
		}
	} else if sealed || !strings.HasPrefix(strings.ToLower(kind), "application/soap+xml") {
		// What is not sealed may be anybody's.
		return nil, k.refusal(a)
	}
	k.used = true
	e, err := parseEnvelope(a.body, m)
	if err == nil {
		e.date = a.header.Get("Date")
	}
	return e, err
}

// unsent is an error that came before anything was sent.
type unsent struct{ error }

func (u *unsent) Unwrap() error { return u.error }
