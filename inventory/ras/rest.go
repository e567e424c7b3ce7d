package ras

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"farmwall/inventory"
)

// Farm is the REST API of a farm, which the Web Administration Service serves.
type Farm struct {
	Server   string // host or host:port; the port is 20443 where none is given
	User     string
	Password inventory.Secret
	// CAFile holds certificates to trust instead of the system's; Pin is the SHA-256,
	// in hex, of the one certificate to trust whatever else is wrong with it.
	CAFile, Pin string
	// Timeout is for each request; 0: 30 s.
	Timeout time.Duration
}

const (
	defaultPort = "20443"
	contentType = "application/json; api-version=1.0"
	maxAnswer   = 64 << 20
)

// Agents logs on, asks for the agents of all sites, and logs off. No error holds
// the password or the session's token.
func (f *Farm) Agents(ctx context.Context) ([]Agent, error) {
	s, err := f.session()
	if err != nil {
		return nil, err
	}
	defer s.client.CloseIdleConnections()
	if err := s.logOn(ctx, f.User, f.Password); err != nil {
		return nil, err
	}
	defer s.logOff(context.WithoutCancel(ctx))
	body, err := s.call(ctx, http.MethodGet, "/api/Agent", nil)
	if err != nil {
		return nil, err
	}
	return parseAgents(body)
}

// session is one log-on.
type session struct {
	client *http.Client
	base   string
	token  inventory.Secret
}

func (f *Farm) session() (*session, error) {
	host, port, err := net.SplitHostPort(f.Server)
	if err != nil {
		host, port = strings.Trim(f.Server, "[]"), defaultPort
	}
	if host == "" || strings.ContainsAny(host, "/@ ") || strings.Trim(port, "0123456789") != "" {
		return nil, fmt.Errorf("%q is no server; write HOST or HOST:PORT", f.Server)
	}
	trust, err := f.trust()
	if err != nil {
		return nil, err
	}
	timeout := f.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	return &session{base: "https://" + net.JoinHostPort(host, port), client: &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{TLSClientConfig: trust, Proxy: http.ProxyFromEnvironment},
		// A redirect would take the password elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// trust says which certificate is the farm's.
func (f *Farm) trust() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CAFile != "" {
		text, err := os.ReadFile(f.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", f.CAFile)
		}
	}
	if f.Pin == "" {
		return config, nil
	}
	pin, err := hex.DecodeString(strings.ReplaceAll(f.Pin, ":", ""))
	if err != nil || len(pin) != sha256.Size {
		return nil, fmt.Errorf("%q is no SHA-256 of a certificate: 64 hexadecimal digits", f.Pin)
	}
	config.InsecureSkipVerify = true // the pin decides instead
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if sum := sha256.Sum256(state.PeerCertificates[0].Raw); !bytes.Equal(sum[:], pin) {
			return fmt.Errorf("the server's certificate has another SHA-256: %x", sum)
		}
		return nil
	}
	return config, nil
}

func (s *session) logOn(ctx context.Context, user string, password inventory.Secret) error {
	in, err := json.Marshal(map[string]string{"username": user, "password": password.Reveal()})
	if err != nil {
		return errors.New("the user name or the password cannot be sent")
	}
	defer clear(in)
	body, err := s.call(ctx, http.MethodPost, "/api/session/logon", in)
	if err != nil {
		return err
	}
	var answer struct{ AuthToken string }
	if err := json.Unmarshal(body, &answer); err != nil || answer.AuthToken == "" {
		return errors.New("log-on: the server gave no token; is this the RAS REST API?")
	}
	s.token = inventory.NewSecret(answer.AuthToken)
	return nil
}

// logOff ends the session; what goes wrong there concerns nobody.
func (s *session) logOff(ctx context.Context) {
	_, _ = s.call(ctx, http.MethodPost, "/api/session/logoff", nil)
}

func (s *session) call(ctx context.Context, method, path string, in []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, bytes.NewReader(in))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Accept", contentType)
	if !s.token.Empty() {
		request.Header.Set("auth_token", s.token.Reveal())
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, s.dialError(err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return nil, fmt.Errorf("%s: the server refuses the user name or the password, or the user is no RAS administrator (%s)", path, response.Status)
	case response.StatusCode/100 == 3:
		return nil, fmt.Errorf("%s: the server redirects elsewhere, which is not followed; name the server that holds the API", path)
	case response.StatusCode/100 != 2:
		return nil, fmt.Errorf("%s: the server answers %s; is this the RAS REST API?", path, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("%s: the answer breaks off: %w", path, s.dialError(err))
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("%s: the answer is larger than 64 MiB", path)
	}
	return body, nil
}

// dialError says what to do about a certificate that nobody vouches for.
func (s *session) dialError(err error) error {
	var link *url.Error
	if errors.As(err, &link) {
		err = link.Err
	}
	var bad *tls.CertificateVerificationError
	if errors.As(err, &bad) && len(bad.UnverifiedCertificates) > 0 {
		sum := sha256.Sum256(bad.UnverifiedCertificates[0].Raw)
		return fmt.Errorf("%s: the server's certificate is not trusted: %w; if its SHA-256 is right, give --tls-pin %x, or --ca-file", s.base, bad.Err, sum)
	}
	return fmt.Errorf("%s: %w", s.base, err)
}
