package winrm_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/transporttest"
	"farmwall/transport/winrm"
)

// domain is a realm whose user is the hosts' administrator.
type domain struct {
	*transporttest.KDC
	keys *wsman.Keytab
}

func newDomain(t testing.TB, services ...string) *domain {
	t.Helper()
	k := transporttest.NewKDC(t, "")
	k.User("adm", password)
	keys, err := wsman.ReadKeytab(k.Keytab("", append(services, "HTTP/srv1.lab.test")...))
	if err != nil {
		t.Fatal(err)
	}
	return &domain{k, keys}
}

// options are a member's; scheme "Kerberos" offers nothing else.
func (d *domain) options(scheme string) wsman.Options {
	return wsman.Options{Domain: "LAB", DNSDomain: "lab.test", Kerberos: d.keys, Schemes: wsman.Schemes{Negotiate: scheme == "Negotiate", Kerberos: true}}
}

// with signs on with Kerberos.
func (d *domain) with(change ...func(*inventory.Access)) func(*inventory.Access) {
	return func(a *inventory.Access) {
		a.User = "adm@LAB.TEST"
		a.WinRM.Auth, a.WinRM.SPNHost, a.WinRM.KrbConf = "kerberos", "srv1.lab.test", d.Conf
		for _, c := range change {
			c(a)
		}
	}
}

func TestKerberosLinesPassTheContract(t *testing.T) {
	realm := newDomain(t)
	for _, scheme := range []string{"Negotiate", "Kerberos"} {
		t.Run(scheme, func(t *testing.T) {
			h := serve(t, realm.options(scheme))
			d := dialer(t, winrm.Config{})
			transporttest.Contract(t, transporttest.Subject{
				Scripts: transporttest.PowerShellScripts(),
				Dial:    func(t testing.TB) transport.Conn { return dial(t, d, h.access(realm.with())) },
				Cut:     func(t testing.TB, c transport.Conn) { winrm.Cut(c) },
			})
			if c := h.Counts(); c.Shells > 0 || c.Commands > 0 || c.Unsealed > 0 || c.Logons == 0 {
				t.Errorf("left on the host: %+v", c)
			}
		})
	}
	if n := realm.Count("AS_REQ", "ISSUE"); n != 2 {
		t.Errorf("%d logins of two dialers", n)
	}
	if n := realm.Count("TGS_REQ", "ISSUE"); n != 2 {
		t.Errorf("%d tickets for the one host of two dialers", n)
	}
}

func TestKerberosSealsWhatGoesOverTheWire(t *testing.T) {
	realm := newDomain(t)
	h := serve(t, realm.options("Negotiate"))
	tap := newTap(t, h.addr.String())
	c := dial(t, dialer(t, winrm.Config{}), h.access(realm.with(func(a *inventory.Access) { a.Port = tap.port })))
	secret := strings.Repeat("nobody may read this ", 10_000)
	out, err := c.Run(context.Background(), script("echo", secret))
	if err != nil || string(out) != secret {
		t.Fatal(len(out), err)
	}
	c.Close()
	wire := tap.bytes()
	for _, word := range []string{"Envelope", "CommandLine", "powershell", "stdin", password} {
		if bytes.Contains(wire, []byte(word)) {
			t.Errorf("%q stands on the wire", word)
		}
	}
	if n := bytes.Count(wire, []byte("HTTP-SPNEGO-session-encrypted")); n < 8 {
		t.Errorf("%d mentions of sealed bodies in %d bytes", n, len(wire))
	}
}

func TestKerberosIsBoundToTheTLSChannel(t *testing.T) {
	realm := newDomain(t)
	o := realm.options("Negotiate")
	o.CbtHardeningLevel = wsman.CbtStrict
	pinned := secured(t, &o)
	h := serve(t, o)
	c := dial(t, dialer(t, winrm.Config{}), h.access(realm.with(pinned)))
	if out, err := c.Run(context.Background(), script("echo", "hello")); err != nil || string(out) != "hello" {
		t.Fatal(out, err)
	}
	// Somebody in the middle who carries the tokens on to the host has another
	// certificate.
	var middle wsman.Options
	pinned = secured(t, &middle)
	l, err := tls.Listen("tcp", "127.0.0.1:0", middle.TLS)
	if err != nil {
		t.Fatal(err)
	}
	carry(t, l, func() (net.Conn, error) {
		return tls.Dial("tcp", h.addr.String(), &tls.Config{InsecureSkipVerify: true})
	}, nil)
	_, err = dialer(t, winrm.Config{}).Dial(context.Background(), h.access(realm.with(pinned, func(a *inventory.Access) { a.Port = l.Addr().(*net.TCPAddr).Port })))
	if !errors.Is(err, transport.ErrRejected) {
		t.Errorf("through a man in the middle: %v", err)
	}
}

func TestAHostWithoutTheKeyIsToldApart(t *testing.T) {
	realm := newDomain(t)
	other, err := wsman.ReadKeytab(realm.Keytab("", "HTTP/other.lab.test"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change     func(o *wsman.Options)
		class      error
		text, hint string
	}{
		"another's key":   {func(o *wsman.Options) { o.Kerberos = other }, transport.ErrRejected, "cannot open the ticket", "setspn -Q"},
		"clock ahead":     {func(o *wsman.Options) { o.Faults.ClockSkew = 20 * time.Minute }, transport.ErrClockSkew, "behind the host", "5 minutes"},
		"clock behind":    {func(o *wsman.Options) { o.Faults.ClockSkew = -20 * time.Minute }, transport.ErrClockSkew, "ahead of the host", "5 minutes"},
		"no such user":    {func(o *wsman.Options) { o.Accounts = []wsman.Account{{Name: "other"}} }, transport.ErrRejected, "", "setspn -Q"},
		"Kerberos is off": {func(o *wsman.Options) { o.Kerberos = nil }, transport.ErrRejected, "", "setspn -Q"},
	} {
		o := realm.options("Negotiate")
		c.change(&o)
		h := serve(t, o)
		_, err := dialer(t, winrm.Config{}).Dial(context.Background(), h.access(realm.with()))
		var e *transport.Error
		if !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.text) || !errors.As(err, &e) || e.Host != "srv1" || !e.NotRun || !strings.Contains(e.Hint, c.hint) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNegotiateFallsToNTLMOnlyWhereNoTicketCanBeHad(t *testing.T) {
	realm := newDomain(t)
	h := serve(t, realm.options("Negotiate"))
	negotiate := func(a *inventory.Access) { a.WinRM.Auth = "negotiate" }
	d := dialer(t, winrm.Config{})
	dial(t, d, h.access(realm.with(negotiate)))
	if n := realm.Count("TGS_REQ", "ISSUE"); n != 1 {
		t.Errorf("%d tickets: Kerberos was not tried", n)
	}
	// No ticket for an address.
	dial(t, d, h.access(realm.with(negotiate, func(a *inventory.Access) { a.WinRM.SPNHost = "" })))
	// The KDC has refused the password: NTLM does not try it once more.
	before := h.Counts().Refused
	_, err := d.Dial(context.Background(), h.access(realm.with(negotiate, func(a *inventory.Access) { a.Password = inventory.NewSecret("wrong") })))
	if !errors.Is(err, transport.ErrRejected) || h.Counts().Refused != before {
		t.Errorf("%v; %+v", err, h.Counts())
	}
	if n := realm.Count("PREAUTH_FAILED"); n != 1 {
		t.Errorf("the wrong password was shown %d times", n)
	}
}

func TestAHundredHostsOverWinRMShareOneLogin(t *testing.T) {
	var services []string
	const n = 100
	for i := range n {
		services = append(services, fmt.Sprintf("HTTP/host%d.lab.test", i))
	}
	realm := newDomain(t, services...)
	h := serve(t, realm.options("Negotiate"))
	before := runtime.NumGoroutine()
	d := winrm.New(winrm.Config{})
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			host := h.access(realm.with(func(a *inventory.Access) {
				a.WinRM.SPNHost, a.Timeout = fmt.Sprintf("host%d.lab.test", i), 20*time.Second
			}))
			c, err := d.Dial(context.Background(), host)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if out, err := c.Run(context.Background(), script("echo", host.Access.WinRM.SPNHost)); err != nil || string(out) != host.Access.WinRM.SPNHost {
				t.Errorf("%q %v", out, err)
			}
		})
	}
	wait.Wait()
	d.Close()
	if as, tgs := realm.Count("AS_REQ", "ISSUE"), realm.Count("TGS_REQ", "ISSUE"); as != 1 || tgs != n {
		t.Errorf("%d logins, %d tickets", as, tgs)
	}
	// net/http gives a connection up whose answer is there 50 ms before its own writer says
	// that the request is out, as on a busy machine. The line then signs on once more.
	if c := h.Counts(); c.Logons < n || c.Logons > n+n/10 || c.Create != n || c.Command != n || c.Unsealed > 0 {
		t.Errorf("%+v", c)
	}
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}
