package winrm_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/winrm"
)

func TestSealedMeansSealed(t *testing.T) {
	h := serve(t, wsman.Options{})
	p := newTap(t, h.addr.String())
	access := h.access(func(a *inventory.Access) { a.Port = p.port })
	const words = "NOBODY-MAY-READ-THIS"
	out, err := once(dialer(t, winrm.Config{}), access, words)
	if err != nil || out != words {
		t.Fatal(out, err)
	}
	seen := p.bytes()
	for _, clear := range []string{words, password, "Envelope", "powershell", "wsman/1/windows/shell"} {
		if bytes.Contains(seen, []byte(clear)) {
			t.Errorf("%s crossed the wire", clear)
		}
	}
	if n := bytes.Count(seen, []byte("\tOriginalContent: ")); n != 12 {
		t.Errorf("%d sealed messages", n)
	}
	if n := h.Counts(); n.Unsealed > 0 || n.Logons != 1 || n.Connections != 1 {
		t.Errorf("%+v", n)
	}
}

func TestNTLMOverTLSIsBoundToTheChannel(t *testing.T) {
	o := wsman.Options{CbtHardeningLevel: wsman.CbtStrict}
	pin := secured(t, &o)
	h := serve(t, o)
	if out, err := once(dialer(t, winrm.Config{}), h.access(pin), "x"); err != nil || out != "x" {
		t.Error(out, err)
	}
}

// TestOnePasswordOneHost: a wrong password reaches one host of many, once.
func TestOnePasswordOneHost(t *testing.T) {
	for _, auth := range []string{"ntlm", "basic"} {
		t.Run(auth, func(t *testing.T) {
			o := wsman.Options{Schemes: wsman.Schemes{Negotiate: true, Basic: true}, Accounts: []wsman.Account{{Name: "adm", Password: password, Admin: true}}}
			pin := secured(t, &o)
			h := serve(t, o)
			d := dialer(t, winrm.Config{})
			var notTried, rejected int
			var mu sync.Mutex
			var all sync.WaitGroup
			for i := range 20 {
				all.Go(func() {
					access := h.access(pin, func(a *inventory.Access) {
						a.User, a.Password, a.WinRM.Auth = "adm", inventory.NewSecret("wrong"), auth
					})
					access.Name = fmt.Sprint("srv", i)
					_, err := once(d, access, "")
					mu.Lock()
					defer mu.Unlock()
					if errors.Is(err, transport.ErrNotTried) {
						notTried++
					} else if errors.Is(err, transport.ErrRejected) {
						rejected++
					} else {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := h.Counts().Refused; n != 1 || notTried != 19 || rejected != 1 {
				t.Errorf("%d logons refused, %d not tried, %d rejected", n, notTried, rejected)
			}
		})
	}
}

func TestBasicOverTLSOnly(t *testing.T) {
	o := wsman.Options{Schemes: wsman.Schemes{Basic: true}, Accounts: []wsman.Account{{Name: "adm", Password: password, Admin: true}}}
	pin := secured(t, &o)
	h := serve(t, o)
	basic := func(a *inventory.Access) { a.User, a.WinRM.Auth = "adm", "basic" }
	if out, err := once(dialer(t, winrm.Config{}), h.access(pin, basic), "x"); err != nil || out != "x" {
		t.Error(out, err)
	}
	// A host that does not offer it is never shown the password.
	o.Schemes = wsman.Schemes{Negotiate: true}
	h = serve(t, o)
	_, err := once(dialer(t, winrm.Config{}), h.access(pin, basic), "x")
	if !errors.Is(err, transport.ErrScheme) {
		t.Error(err)
	}
}

// oidUPN is the user principal name in a subject alternative name.
var oidUPN = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3}

// clientFiles makes a client's certificate, and key, for a principal name.
func clientFiles(t *testing.T, upn string) (cert, key string, der []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name, err1 := asn1.MarshalWithParams(upn, "utf8")
	value, err2 := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: name})
	oid, err3 := asn1.Marshal(oidUPN)
	other, err4 := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(oid, value...)})
	san, err5 := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSequence, IsCompound: true, Bytes: other})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: upn}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: san}}}
	if der, err = x509.CreateCertificate(rand.Reader, c, c, private.Public(), private); err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, der
}

func TestClientCertificates(t *testing.T) {
	cert, key, der := clientFiles(t, "adm@localhost")
	other, otherKey, otherDER := clientFiles(t, "eve@localhost")
	o := wsman.Options{Schemes: wsman.Schemes{Certificate: true}, Accounts: []wsman.Account{{Name: "adm", Password: password, Admin: true}},
		Certificates: []wsman.Mapping{{UPN: "adm@localhost", Account: "adm"}}}
	pin := secured(t, &o)
	o.TLS.ClientCAs = x509.NewCertPool()
	for _, der := range [][]byte{der, otherDER} {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		o.TLS.ClientCAs.AddCert(c)
	}
	h := serve(t, o)
	with := func(cert, key string) func(*inventory.Access) {
		return func(a *inventory.Access) {
			a.User, a.Password = "", inventory.Secret{}
			a.WinRM.Auth, a.WinRM.CertFile, a.WinRM.KeyFile = "certificate", cert, key
		}
	}
	if out, err := once(dialer(t, winrm.Config{}), h.access(pin, with(cert, key)), "x"); err != nil || out != "x" {
		t.Error(out, err)
	}
	if _, err := once(dialer(t, winrm.Config{}), h.access(pin, with(other, otherKey)), "x"); !errors.Is(err, transport.ErrRejected) && !errors.Is(err, transport.ErrScheme) {
		t.Error(err)
	}
	if _, err := once(dialer(t, winrm.Config{}), h.access(pin, with("no-such-file", key)), "x"); !errors.Is(err, transport.ErrCertificate) || !strings.Contains(err.Error(), "client certificate") {
		t.Error(err)
	}
}

// TestWhoMayBeBelieved: the host's certificate.
func TestWhoMayBeBelieved(t *testing.T) {
	authority, authorityKey := issue(t, nil, nil, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	right, rightKey := issue(t, authority, authorityKey, nil)
	old, oldKey := issue(t, authority, authorityKey, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	named, namedKey := issue(t, authority, authorityKey, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"rds1.lab.example"} })
	self, selfKey := issue(t, nil, nil, nil)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		cert   *x509.Certificate
		key    *ecdsa.PrivateKey
		change func(*inventory.WinRM)
		skip   bool
		is     error
		words  string
	}{
		"system roots":   {right, rightKey, func(w *inventory.WinRM) {}, false, transport.ErrCertificate, "SHA-256"},
		"self-signed":    {self, selfKey, func(w *inventory.WinRM) {}, false, transport.ErrCertificate, "self-signed, SHA-256 " + sum(self)},
		"CA":             {right, rightKey, func(w *inventory.WinRM) { w.CAFile = ca }, false, nil, ""},
		"other CA":       {self, selfKey, func(w *inventory.WinRM) { w.CAFile = ca }, false, transport.ErrCertificate, "self-signed"},
		"expired":        {old, oldKey, func(w *inventory.WinRM) { w.CAFile = ca }, false, transport.ErrCertificate, "expired"},
		"other name":     {named, namedKey, func(w *inventory.WinRM) { w.CAFile = ca }, false, transport.ErrCertificate, "127.0.0.1"},
		"given name":     {named, namedKey, func(w *inventory.WinRM) { w.CAFile, w.ServerName = ca, "rds1.lab.example" }, false, nil, ""},
		"pin":            {self, selfKey, func(w *inventory.WinRM) { w.Pins = []string{strings.Repeat("0", 64), sum(self)} }, false, nil, ""},
		"pin of expired": {old, oldKey, func(w *inventory.WinRM) { w.Pins = []string{sum(old)} }, false, nil, ""},
		"changed":        {self, selfKey, func(w *inventory.WinRM) { w.Pins = []string{sum(right)} }, false, transport.ErrChangedKey, "not the one that was accepted"},
		"renewed":        {right, rightKey, func(w *inventory.WinRM) { w.Pins, w.CAFile = []string{sum(old)}, ca }, false, nil, ""},
		"ignore":         {self, selfKey, func(w *inventory.WinRM) { w.SkipVerify = true }, false, transport.ErrCertificate, "ignore"},
		"ignore allowed": {self, selfKey, func(w *inventory.WinRM) { w.SkipVerify = true }, true, nil, ""},
		"no CA file":     {right, rightKey, func(w *inventory.WinRM) { w.CAFile = "no-such-file" }, false, transport.ErrCertificate, "no-such-file"},
	} {
		t.Run(name, func(t *testing.T) {
			o := wsman.Options{TLS: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{c.cert.Raw}, PrivateKey: c.key}}}}
			h := serve(t, o)
			access := h.access(func(a *inventory.Access) { a.WinRM.TLS = true; c.change(&a.WinRM) })
			d := dialer(t, winrm.Config{SkipVerify: c.skip})
			_, err := once(d, access, "x")
			var e *transport.Error
			if c.is == nil && err != nil || c.is != nil && (!errors.Is(err, c.is) || !strings.Contains(err.Error(), c.words) || !errors.As(err, &e) || !e.NotRun || e.Hint == "") {
				t.Errorf("got %v", err)
			}
			if n := h.Counts().Requests; c.is != nil && n > 0 {
				t.Errorf("%d requests went to a host that is not believed", n)
			}
			learned, err := d.Learn(context.Background(), access)
			switch {
			case name == "changed":
				if !errors.Is(err, transport.ErrChangedKey) || learned.Fingerprint != "" {
					t.Errorf("learned %+v, %v", learned, err)
				}
			case name == "ignore", name == "no CA file":
				if err == nil {
					t.Error("learned all the same")
				}
			case err != nil || learned.Fingerprint != sum(c.cert) || learned.Known != (c.is == nil) || learned.Known == (learned.Why != "") || learned.Host != "srv1":
				t.Errorf("learned %+v, %v", learned, err)
			}
		})
	}
	if _, err := dialer(t, winrm.Config{}).Learn(context.Background(), serve(t, wsman.Options{}).access()); !errors.Is(err, transport.ErrCertificate) {
		t.Error(err)
	}
}

func issue(t *testing.T, by *x509.Certificate, byKey *ecdsa.PrivateKey, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "lab"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	if by != nil {
		c.Subject.CommonName = "host"
	}
	ip := netip.MustParseAddr("127.0.0.1")
	c.IPAddresses = append(c.IPAddresses, ip.AsSlice())
	if change != nil {
		change(c)
	}
	if by == nil {
		by, byKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, key.Public(), byKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made, key
}

func sum(c *x509.Certificate) string {
	s := sha256.Sum256(c.Raw)
	return hex.EncodeToString(s[:])
}

func TestIdentify(t *testing.T) {
	o := wsman.Options{Faults: wsman.Faults{ClockSkew: -time.Hour}}
	pin := secured(t, &o)
	h := serve(t, wsman.Options{Faults: wsman.Faults{ClockSkew: 90 * time.Second}})
	id, err := winrm.Identify(context.Background(), dial(t, dialer(t, winrm.Config{}), h.access()))
	if err != nil || id.Vendor != "Microsoft Corporation" || !strings.HasPrefix(id.OS, "10.0.") || id.Stack != "3.0" || id.Auth != "ntlm" || !id.Sealed || id.TLS != "" {
		t.Errorf("%+v, %v", id, err)
	}
	id, err = winrm.Identify(context.Background(), dial(t, dialer(t, winrm.Config{}), serve(t, o).access(pin)))
	if err != nil || id.Sealed || !strings.HasPrefix(id.TLS, "TLS 1.") || len(id.Fingerprint) != 64 {
		t.Errorf("%+v, %v", id, err)
	}
	if h.Counts().Identify != 1 {
		t.Errorf("%+v", h.Counts())
	}
}
