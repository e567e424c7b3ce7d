package winrm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport/lab/windows/wsman"
)

// secured gives a host a certificate, and the access its pin.
func secured(t testing.TB, o *wsman.Options) func(*inventory.Access) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	o.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	sum := sha256.Sum256(der)
	return func(a *inventory.Access) { a.WinRM.TLS, a.WinRM.Pins = true, []string{hex.EncodeToString(sum[:])} }
}

// tap carries connections on and keeps what goes over them.
type tap struct {
	port int
	mu   sync.Mutex
	seen bytes.Buffer
}

func newTap(t testing.TB, target string) *tap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{port: l.Addr().(*net.TCPAddr).Port}
	carry(t, l, func() (net.Conn, error) { return net.Dial("tcp", target) }, p)
	return p
}

// Write keeps what goes by.
func (p *tap) Write(b []byte) (int, error) {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen.Write(b)
	}
	return len(b), nil
}

func (p *tap) bytes() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Clone(p.seen.Bytes())
}

// carry forwards what a listener takes.
func carry(t testing.TB, l net.Listener, reach func() (net.Conn, error), p *tap) {
	var wait sync.WaitGroup
	t.Cleanup(func() { l.Close(); wait.Wait() })
	wait.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := reach()
			if err != nil {
				near.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{near, far}, {far, near}} {
				wait.Go(func() {
					io.Copy(io.MultiWriter(pair[0], p), pair[1])
					near.Close()
					far.Close()
				})
			}
		}
	})
}
