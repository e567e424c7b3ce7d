//go:build !windows && !darwin

package notify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The library's Slack speaks to hooks.slack.com alone. A process of its own, whose
// proxy and authority are this test's, believes to reach it, and no packet leaves.
func TestSlackHearsALine(t *testing.T) {
	const token = "AAAAAAAAA-BBBBBBBBB-123456789123456789123456"
	if os.Getenv("FARMWALL_TEST_SLACK") != "" {
		if err := one(t, "slack://hook:"+token+"@webhook").Send(context.Background(), message()); err != nil {
			t.Fatal(err)
		}
		return
	}
	certificate, ca := forHost(t, "hooks.slack.com")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var mu sync.Mutex
	var asked []string
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connect, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				c.Close()
				continue
			}
			io.WriteString(c, "HTTP/1.1 200 connected\r\n\r\n")
			inner := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
			if r, err := http.ReadRequest(bufio.NewReader(inner)); err == nil {
				body, _ := io.ReadAll(r.Body)
				mu.Lock()
				asked = append(asked, connect.Method+" "+connect.Host, r.URL.Path, string(body))
				mu.Unlock()
				io.WriteString(inner, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
			}
			inner.Close()
		}
	}()
	c := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	c.Env = append(os.Environ(), "FARMWALL_TEST_SLACK=1", "HTTPS_PROXY=http://"+l.Addr().String(), "https_proxy=", "NO_PROXY=", "no_proxy=", "SSL_CERT_FILE="+ca, "SSL_CERT_DIR="+t.TempDir())
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) != 3 || asked[0] != "CONNECT hooks.slack.com:443" || asked[1] != "/services/"+strings.ReplaceAll(token, "-", "/") || !strings.Contains(asked[2], "hosts have drifted") {
		t.Errorf("asked %q", asked)
	}
}

// forHost makes a certificate that signs itself.
func forHost(t *testing.T, host string) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}
