package wsman

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// sealing is a host as new ones are: NTLM, sealed.
func sealing(t *testing.T, o Options) *host {
	o.Schemes.Negotiate = true
	return serve(t, o)
}

func TestNTLMSealed(t *testing.T) {
	h := sealing(t, Options{})
	s := h.shaker(t, testUser, "", testPassword)
	if code := s.logOn(); code != 200 {
		t.Fatalf("log-on: %d", code)
	}
	for range 3 {
		s.ok(s.sealedCreate())
	}
	// Faults are sealed too.
	r := s.sealed(s.message(actionDelete, resourceCmd, "NOWHERE", ""))
	if !strings.HasPrefix(r.header.Get("Content-Type"), `multipart/encrypted;protocol="`+protocolSPNEGO) {
		t.Errorf("%q", r.header)
	}
	wantFault(t, r, 2150858843, "w:InvalidSelectors")
	if n := h.Counts(); n.Connections != 1 || n.Logons != 1 || n.Requests != 6 || n.Messages != 4 || n.Unsealed != 0 || n.Create != 3 {
		t.Errorf("%+v", n)
	}
}

func TestWhoMayLogOn(t *testing.T) {
	h := sealing(t, Options{Name: "RDSH1", Domain: "LAB", DNSDomain: "lab.example", Accounts: []Account{localAdmin, {Name: "dom", Domain: "LAB", Password: "dp", Admin: true}}})
	for _, want := range []struct {
		user, domain, password string
		code                   int
	}{
		{"adm", "", testPassword, 200}, {"ADM", "rdsh1", testPassword, 200}, {"adm", ".", testPassword, 200},
		{"adm", "LAB", testPassword, 401}, {"adm", "", "wrong", 401}, {"nobody", "", testPassword, 401}, {"adm", "", "", 401},
		{"dom", "LAB", "dp", 200}, {"dom", "lab.example", "dp", 200}, {"dom@lab.example", "", "dp", 200}, {"dom", "", "dp", 200},
		{"dom", "RDSH1", "dp", 401}, {"dom", "OTHER", "dp", 401},
	} {
		if code := h.shaker(t, want.user, want.domain, want.password).logOn(); code != want.code {
			t.Errorf("%s in %q with %q: %d, want %d", want.user, want.domain, want.password, code, want.code)
		}
	}
	if n := h.Counts(); n.Logons != 7 || n.Refused != 6 {
		t.Errorf("%+v", n)
	}
	s := h.shaker(t, "dom@lab.example", "", "dp")
	s.logOn()
	if owner := s.ok(s.sealedCreate()).child(nsShell, "Shell").child(nsShell, "Owner").value(); owner != `LAB\dom` {
		t.Errorf("owner %q", owner)
	}
}

func TestAWrongPasswordCanBeFollowedByTheRightOne(t *testing.T) {
	h := sealing(t, Options{})
	s := h.shaker(t, testUser, "", "wrong")
	r := s.token(s.challenge(), "")
	if r.status != 401 || r.header.Get("WWW-Authenticate") != "Negotiate" {
		t.Errorf("%d %q", r.status, r.header)
	}
	s.again(testUser, "", testPassword)
	if code := s.logOn(); code != 200 {
		t.Errorf("%d", code)
	}
}

func TestTheFirstMessageMayComeWithTheLastToken(t *testing.T) {
	h := basicHost(t, Options{Schemes: Schemes{Negotiate: true}})
	s := h.shaker(t, testUser, "", testPassword)
	s.ok(s.token(s.challenge(), s.message(actionCreate, resourceCmd, "", shellBody)))
	if n := h.Counts(); n.Requests != 2 || n.Create != 1 {
		t.Errorf("%+v", n)
	}
}

func TestEmptyPostOnAnAuthenticatedConnection(t *testing.T) {
	for emptyOK, want := range map[bool]int{false: 401, true: 200} {
		h := sealing(t, Options{Faults: Faults{EmptyOK: emptyOK}})
		s := h.shaker(t, testUser, "", testPassword)
		s.logOn()
		if r := s.token(nil, ""); r.status != want || len(r.text) > 0 {
			t.Errorf("%d %s, want %d", r.status, r.text, want)
		}
		s.ok(s.sealedCreate()) // the context goes on
	}
}

func Test400AfterTheConnectionChanged(t *testing.T) {
	h := sealing(t, Options{Faults: Faults{Forget: 2}})
	s := h.shaker(t, testUser, "", testPassword)
	s.logOn()
	s.ok(s.sealedCreate())
	if r := s.sealedCreate(); r.status != 400 || len(r.text) > 0 {
		t.Errorf("the host forgot: %d %s", r.status, r.text)
	}
	s.again(testUser, "", testPassword)
	if code := s.logOn(); code != 200 {
		t.Errorf("%d", code)
	}
	s.ok(s.sealedCreate())
	s.http.CloseIdleConnections()
	if r := s.sealedCreate(); r.status != 400 {
		t.Errorf("a new connection: %d", r.status)
	}
	if r := s.token(nil, s.message(actionCreate, resourceCmd, "", shellBody)); r.status != 401 {
		t.Errorf("in clear text on a new connection: %d", r.status)
	}
}

func TestASealedMessageThatWasChangedIsRefused(t *testing.T) {
	h := sealing(t, Options{})
	s := h.shaker(t, testUser, "", testPassword)
	s.logOn()
	m := s.message(actionCreate, resourceCmd, "", shellBody)
	for _, length := range []int{0, len(m) - 1, len(m) + 17} {
		if r := s.sealedAs(m, length); r.status != 400 {
			t.Errorf("length %d for %d bytes: %d", length, len(m), r.status)
		}
	}
	s.ok(s.sealed(m))
	s.ntlm.SecuritySession().Wrap([]byte("a message that is lost"))
	if r := s.sealedCreate(); r.status != 400 {
		t.Errorf("out of step: %d", r.status)
	}
}

func TestMessagesMustBeSealed(t *testing.T) {
	for setting, want := range map[int]int{0: 401, 500: 500} {
		h := sealing(t, Options{Faults: Faults{Unsealed: setting}})
		s := h.shaker(t, testUser, "", testPassword)
		s.logOn()
		r := s.token(nil, s.message(actionCreate, resourceCmd, "", shellBody))
		if r.status != want || len(r.text) > 0 {
			t.Errorf("%d %s, want %d", r.status, r.text, want)
		}
		if n := h.Counts(); n.Create != 0 || n.Shells != 0 || n.Unsealed != 1 {
			t.Errorf("%+v", n)
		}
	}
	h := sealing(t, Options{AllowUnencrypted: true})
	s := h.shaker(t, testUser, "", testPassword)
	s.logOn()
	s.ok(s.token(nil, s.message(actionCreate, resourceCmd, "", shellBody)))
}

func TestChannelBindings(t *testing.T) {
	cert := certificate(t, nil)
	right, wrong := endPoint(cert.Certificate[0]), endPoint([]byte("another certificate"))
	for _, want := range []struct {
		level Cbt
		sent  []byte
		code  int
	}{
		{CbtStrict, nil, 401}, {CbtStrict, right, 200}, {CbtStrict, wrong, 401},
		{CbtRelaxed, nil, 200}, {CbtRelaxed, right, 200}, {CbtRelaxed, wrong, 401},
		{CbtNone, nil, 200}, {CbtNone, right, 200}, {CbtNone, wrong, 200},
	} {
		h := sealing(t, Options{CbtHardeningLevel: want.level, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
		s := h.shaker(t, testUser, "", testPassword)
		s.http.Transport.(*http.Transport).TLSClientConfig = trust(cert)
		s.cbt = want.sent
		if code := s.logOn(); code != want.code {
			t.Errorf("level %d, sent %d bytes: %d, want %d", want.level, len(want.sent), code, want.code)
		} else if code == 200 {
			s.ok(s.token(nil, s.message(actionCreate, resourceCmd, "", shellBody))) // TLS needs no sealing
		}
	}
}

// principal makes a subject alternative name that holds a user principal name.
func principal(t *testing.T, upn string) pkix.Extension {
	name, err := asn1.MarshalWithParams(upn, "utf8,explicit,tag:0")
	if err != nil {
		t.Fatal(err)
	}
	oid, _ := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3})
	other, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: append(oid, name...)})
	dns, _ := asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("ignored.example")})
	all, _ := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(dns, other...)})
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: all}
}

func TestClientCertificates(t *testing.T) {
	own := certificate(t, nil)
	client := func(upn string, usage x509.ExtKeyUsage) tls.Certificate {
		return certificate(t, func(c *x509.Certificate) {
			c.IPAddresses, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{usage}
			c.ExtraExtensions = []pkix.Extension{principal(t, upn)}
		})
	}
	mapped, stranger := client("adm@localhost", x509.ExtKeyUsageClientAuth), client("adm@localhost", x509.ExtKeyUsageClientAuth)
	unmapped, server := client("eve@localhost", x509.ExtKeyUsageClientAuth), client("adm@localhost", x509.ExtKeyUsageServerAuth)
	pool := x509.NewCertPool()
	for _, c := range []tls.Certificate{mapped, unmapped, server} {
		pool.AddCert(c.Leaf)
	}
	h := serve(t, Options{Schemes: Schemes{Certificate: true}, Certificates: []Mapping{{UPN: "ADM@localhost", Account: "adm"}},
		TLS: &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool}})
	for name, want := range map[string]struct {
		certificate *tls.Certificate
		header      string
		code        int
	}{
		"mapped": {&mapped, mutualScheme, 200}, "no header": {&mapped, "", 401}, "none": {nil, mutualScheme, 401},
		"unknown issuer": {&stranger, mutualScheme, 401}, "not mapped": {&unmapped, mutualScheme, 401}, "for servers": {&server, mutualScheme, 401},
	} {
		c := h.caller(t)
		config := trust(own)
		if want.certificate != nil {
			config.Certificates = []tls.Certificate{*want.certificate}
		}
		c.http.Transport.(*http.Transport).TLSClientConfig = config
		for range 2 {
			r, _ := http.NewRequest(http.MethodPost, h.url, strings.NewReader(c.message(actionCreate, resourceCmd, "", shellBody)))
			r.Header.Set("Content-Type", soapType)
			if want.header != "" {
				r.Header.Set("Authorization", want.header)
			}
			got, err := c.do(r)
			if err != nil || got.status != want.code {
				t.Errorf("%s: %d %v, want %d", name, got.status, err, want.code)
			} else if want.code == 401 && fmt.Sprint(got.header.Values("WWW-Authenticate")) != "["+mutualScheme+"]" {
				t.Errorf("%q", got.header)
			} else if want.code == 200 {
				if owner := c.ok(got).child(nsShell, "Shell").child(nsShell, "Owner").value(); owner != `WIN-LAB\adm` {
					t.Errorf("owner %q", owner)
				}
			}
		}
	}
	if n := h.Counts(); n.Logons != 1 {
		t.Errorf("%+v", n)
	}
}

func TestBasicTakesLocalAccountsOnly(t *testing.T) {
	h := basicHost(t, Options{Name: "RDSH1", Domain: "LAB", Accounts: []Account{localAdmin, {Name: "dom", Domain: "LAB", Password: testPassword, Admin: true}}})
	for user, want := range map[string]int{"adm": 200, "RDSH1\\ADM": 200, `.\adm`: 200, "dom": 401, `LAB\dom`: 401, "dom@LAB": 401, "": 401} {
		c := h.caller(t)
		c.user = user
		if r := c.call(actionCreate, "", shellBody); r.status != want {
			t.Errorf("%q: %d, want %d", user, r.status, want)
		}
	}
	// Basic is for one request, not for the connection.
	c := h.caller(t)
	c.call(actionCreate, "", shellBody)
	c.user = ""
	if r := c.call(actionCreate, "", shellBody); r.status != 401 {
		t.Errorf("%d", r.status)
	}
}
