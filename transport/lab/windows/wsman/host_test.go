package wsman

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"testing"
	"time"
)

// host is a service on loopback.
type host struct {
	*Service
	machine *words
	addr    string // 127.0.0.1:port
	url     string
}

const (
	testUser     = "adm"
	testPassword = "Pa55-wörd!§"
)

// localAdmin is the account that tests use when nothing is said.
var localAdmin = Account{Name: testUser, Password: testPassword, Admin: true}

// serve starts a host. Its end ends with the test.
func serve(t *testing.T, o Options) *host {
	t.Helper()
	h := &host{machine: &words{}}
	return h.serve(t, o, h.machine)
}

// serve serves a machine as this host.
func (h *host) serve(t *testing.T, o Options, m interface {
	Machine
	busy() int
}) *host {
	t.Helper()
	if o.Accounts == nil {
		o.Accounts = []Account{localAdmin}
	}
	var err error
	if h.Service, err = New(m, o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = l.Addr().String()
	h.url = "http://" + h.addr + "/wsman"
	if o.TLS != nil {
		h.url = "https://" + h.addr + "/wsman"
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
		for end := time.Now().Add(5 * time.Second); m.busy() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Error("a command outlives its host")
				return
			}
		}
	})
	return h
}

// basicHost takes Basic without encryption, for what has nothing to do with that.
func basicHost(t *testing.T, o Options) *host {
	o.Schemes.Basic, o.AllowUnencrypted = true, true
	return serve(t, o)
}

// certificate makes a self-signed one for 127.0.0.1.
func certificate(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "WIN-LAB"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// need skips a test where something that it needs is missing. CI forbids that.
func need(t *testing.T, missing string) {
	t.Helper()
	if missing == "" {
		return
	}
	if os.Getenv("FARMWALL_TEST_NO_SKIP") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// trust is a client that knows a certificate.
func trust(c tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf)
	return &tls.Config{RootCAs: pool}
}
