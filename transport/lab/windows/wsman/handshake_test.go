package wsman

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/bodgit/ntlmssp"
)

// shaker is a caller that logs on with NTLM, by a library of others, on one
// connection.
type shaker struct {
	*caller
	ntlm *ntlmssp.Client
	// cbt is the data of the channel binding that it sends; nil: none.
	cbt []byte
}

func (h *host) shaker(t *testing.T, user, domain, password string) *shaker {
	s := &shaker{caller: h.caller(t)}
	s.user = ""
	s.http.Transport.(*http.Transport).MaxConnsPerHost = 1
	s.again(user, domain, password)
	return s
}

func (s *shaker) again(user, domain, password string) {
	var err error
	if s.ntlm, err = ntlmssp.NewClient(ntlmssp.SetUserInfo(user, password), ntlmssp.SetDomain(domain), ntlmssp.SetVersion(&ntlmssp.Version{})); err != nil {
		s.t.Fatal(err)
	}
}

func endPoint(certificate []byte) []byte {
	sum := sha256.Sum256(certificate)
	return append([]byte("tls-server-end-point:"), sum[:]...)
}

// token posts an authentication token with a body.
func (s *shaker) token(token []byte, body string) reply {
	s.t.Helper()
	r, _ := http.NewRequest(http.MethodPost, s.url, strings.NewReader(body))
	r.Header.Set("Content-Type", soapType)
	if token != nil {
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	}
	got, err := s.do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return got
}

// challenge asks for one, and answers it with what the last request is to carry.
func (s *shaker) challenge() []byte {
	s.t.Helper()
	first, err := s.ntlm.Authenticate(nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r := s.token(first, "")
	text, ok := strings.CutPrefix(r.header.Get("WWW-Authenticate"), "Negotiate ")
	if r.status != http.StatusUnauthorized || !ok || len(r.text) > 0 {
		s.t.Fatalf("%d %q %s", r.status, r.header, r.text)
	}
	token, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		s.t.Fatal(err)
	}
	var binding *ntlmssp.ChannelBindings
	if s.cbt != nil {
		binding = &ntlmssp.ChannelBindings{ApplicationData: s.cbt}
	}
	last, err := s.ntlm.Authenticate(token, binding)
	if err != nil {
		s.t.Fatal(err)
	}
	return last
}

// logOn shakes hands and returns the status of the last answer.
func (s *shaker) logOn() int {
	s.t.Helper()
	return s.token(s.challenge(), "").status
}

// sealed posts a sealed message; the answer's text is what was sealed in it.
func (s *shaker) sealed(message string) reply {
	s.t.Helper()
	return s.sealedAs(message, len(message))
}

// sealedAs says that the message is that long.
func (s *shaker) sealedAs(message string, length int) reply {
	s.t.Helper()
	session := s.ntlm.SecuritySession()
	data, signature, err := session.Wrap([]byte(message))
	if err != nil {
		s.t.Fatal(err)
	}
	seal := once{header: signature, data: data}
	body, kind, err := sealBody(seal, protocolSPNEGO, make([]byte, length))
	if err != nil {
		s.t.Fatal(err)
	}
	r, _ := http.NewRequest(http.MethodPost, s.url, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	got, err := s.do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.HasPrefix(got.header.Get("Content-Type"), "multipart/encrypted") {
		header, data, length, err := parseSealed(got.text, boundary)
		if err != nil {
			s.t.Fatal(err)
		}
		if got.text, err = session.Unwrap(data, header); err != nil || len(got.text) != length {
			s.t.Fatal(err, length)
		}
		got.root, _ = readXML(got.text)
	}
	return got
}

func (s *shaker) sealedCreate() reply {
	s.t.Helper()
	return s.sealed(s.message(actionCreate, resourceCmd, "", shellBody))
}

// once is a security context that has sealed already.
type once struct{ header, data []byte }

func (o once) Seal([]byte) (header, data []byte, err error)   { return o.header, o.data, nil }
func (o once) Unseal([]byte, []byte) ([]byte, error)          { return nil, errSealed }
func (o once) Step([]byte) (out []byte, done bool, err error) { return nil, false, errSealed }
func (o once) User() string                                   { return "" }
