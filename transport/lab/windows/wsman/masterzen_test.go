package wsman

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/masterzen/winrm"
)

// masterzenEnd is that library's view of a host.
func masterzenEnd(t *testing.T, h *host, secure bool, ca, cert, key []byte) *winrm.Endpoint {
	t.Helper()
	name, port, err := net.SplitHostPort(h.addr)
	if err != nil {
		t.Fatal(err)
	}
	number, _ := strconv.Atoi(port)
	return winrm.NewEndpoint(name, number, secure, false, ca, cert, key, 10*time.Second)
}

func TestMasterzenBasicWithInput(t *testing.T) {
	h := basicHost(t, Options{})
	p := *winrm.DefaultParameters
	client, err := winrm.NewClientWithParameters(masterzenEnd(t, h, false, nil, nil, nil), testUser, testPassword, &p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var out, bad bytes.Buffer
	code, err := client.RunWithContext(ctx, "exit 12", &out, &bad)
	if code != 12 || err != nil {
		t.Errorf("%d %v", code, err)
	}
	// This library asks for a console's input, so a command that reads to the end would never end.
	code, err = client.RunWithContextWithInput(ctx, "head 200000", &out, &bad, strings.NewReader(strings.Repeat("0123456789", 20000)))
	if code != 0 || err != nil || out.Len() != 200000 || bad.Len() > 0 {
		t.Errorf("%d %v, %d bytes, %q", code, err, out.Len(), bad.String())
	}
	if n := h.Counts(); n.Shells != 0 || n.Commands != 0 {
		t.Errorf("%+v", n)
	}
}

func TestMasterzenEncryption(t *testing.T) {
	h := sealing(t, Options{})
	p := *winrm.DefaultParameters
	encryption, err := winrm.NewEncryption("ntlm")
	if err != nil {
		t.Fatal(err)
	}
	p.TransportDecorator = func() winrm.Transporter { return encryption }
	client, err := winrm.NewClientWithParameters(masterzenEnd(t, h, false, nil, nil, nil), testUser, testPassword, &p)
	if err != nil {
		t.Fatal(err)
	}
	var out, bad bytes.Buffer
	code, err := client.RunWithContext(context.Background(), "out 150000", &out, &bad)
	if code != 0 || err != nil || out.Len() != 150000 {
		t.Errorf("%d %v, %d bytes", code, err, out.Len())
	}
	if n := h.Counts(); n.Unsealed != 0 || n.Create != 1 || n.Delete != 1 || n.Logons < 5 {
		t.Errorf("%+v", n)
	}
}

func TestMasterzenClientCertificate(t *testing.T) {
	own := certificate(t, nil)
	client := certificate(t, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		c.ExtraExtensions = []pkix.Extension{principal(t, "adm@localhost")}
	})
	pool := x509.NewCertPool()
	pool.AddCert(client.Leaf)
	h := serve(t, Options{Schemes: Schemes{Certificate: true}, Certificates: []Mapping{{UPN: "adm@localhost", Account: testUser}},
		TLS: &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool}})
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	p := *winrm.DefaultParameters
	p.TransportDecorator = func() winrm.Transporter { return &winrm.ClientAuthRequest{} }
	c, err := winrm.NewClientWithParameters(masterzenEnd(t, h, true, block("CERTIFICATE", own.Certificate[0]), block("CERTIFICATE", client.Certificate[0]), block("PRIVATE KEY", key)), "", "", &p)
	if err != nil {
		t.Fatal(err)
	}
	var out, bad bytes.Buffer
	if code, err := c.RunWithContext(context.Background(), "who", &out, &bad); code != 0 || err != nil || !strings.HasPrefix(out.String(), `WIN-LAB\adm true `) {
		t.Errorf("%d %v %q", code, err, out.String())
	}
}
