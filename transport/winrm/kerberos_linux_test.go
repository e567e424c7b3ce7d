package winrm

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/transporttest"
)

// first does the first step of a new connection and says what went wrong.
func first(k *kerberos, a *inventory.Access) (*transport.Error, error) {
	c := k.context(a, schemeNegotiate, nil)
	defer c.Close()
	_, _, err := c.Step(context.Background(), nil)
	var e *transport.Error
	if err != nil && !errors.As(err, &e) {
		e = &transport.Error{Op: "not an Error of transport: " + err.Error()}
	}
	return e, err
}

// on is the access for another host.
func on(a *inventory.Access, address string) *inventory.Access {
	b := *a
	b.Address = address
	return &b
}

func TestAWrongPasswordIsTriedOnce(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	k.Admin("addprinc -requires_preauth -pw secret bob")
	k.Keytab("", "HTTP/host.lab.test", "HTTP/other.lab.test")
	for _, user := range []string{"alice", "bob"} {
		kerb := fresh(t)
		a := access(user+"@LAB.TEST", "wrong", k)
		e, err := first(kerb, a)
		if !errors.Is(err, transport.ErrRejected) || !errors.Is(err, errSecret) || !e.NotRun || e.Hint == "" {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for i := range 20 {
			wait.Go(func() {
				if _, err := first(kerb, on(a, fmt.Sprintf("host%d.lab.test", i))); !errors.Is(err, transport.ErrNotTried) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if strings.Contains(err.Error()+e.Hint, "wrong\"") {
			t.Error(err)
		}
	}
	if n := k.Count("AS_REQ", "PREAUTH_FAILED", "alice@LAB.TEST"); n != 1 {
		t.Errorf("the wrong password was shown %d times:\n%s", n, k.Log())
	}
	if n := k.Count("AS_REQ", "ISSUE", "bob@LAB.TEST"); n != 1 {
		t.Errorf("%d tickets for whoever asks:\n%s", n, k.Log())
	}
}

func TestAWrongKeytabIsTriedOnce(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	k.Keytab("", "HTTP/host.lab.test")
	old := filepath.Join(t.TempDir(), "old.keytab")
	k.Admin("ktadd -k "+old+" -norandkey alice@LAB.TEST", "cpw -pw newer alice@LAB.TEST")
	kerb := fresh(t)
	a := access("alice@LAB.TEST", "", k)
	a.WinRM.Keytab = old
	var last *transport.Error
	for range 3 {
		e, err := first(kerb, a)
		if !errors.Is(err, transport.ErrRejected) || !strings.Contains(e.Hint, "keytab") {
			t.Fatal(err)
		}
		if e == last {
			t.Error("two hosts share an error, into which each writes its name")
		}
		last = e
	}
	if n := k.Count("AS_REQ", "PREAUTH_FAILED"); n != 1 {
		t.Errorf("the old keytab was tried %d times", n)
	}
}

func TestAHundredHostsCostOneLogin(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	before := runtime.NumGoroutine()
	var services []string
	for i := range 100 {
		services = append(services, fmt.Sprintf("HTTP/host%d.lab.test", i))
	}
	k.Keytab("aes256-cts:normal", services...)
	kerb := fresh(t)
	a := access("alice@LAB.TEST", "secret", k)
	var wait sync.WaitGroup
	for i := range 100 {
		wait.Go(func() {
			for range 2 { // a change dials its host again
				if _, err := first(kerb, on(a, fmt.Sprintf("host%d.lab.test", i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if as, tgs := k.Count("AS_REQ", "ISSUE"), k.Count("TGS_REQ", "ISSUE"); as != 1 || tgs != 100 {
		t.Errorf("%d logins and %d tickets for 100 hosts", as, tgs)
	}
	kerb.Close()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

func TestWhatIsWrongIsSaidWithWhatToDo(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	k.User("locked", "secret", "-allow_tix")
	k.User("old", "secret", "-pwexpire yesterday")
	k.Admin("addprinc +requires_preauth -e arcfour-hmac:normal -pw secret weak")
	k.Keytab("", "HTTP/host.lab.test")
	weak := filepath.Join(t.TempDir(), "krb5.conf")
	text, _ := os.ReadFile(k.Conf)
	os.WriteFile(weak, []byte(strings.Replace(string(text), "[realms]", " permitted_enctypes = aes256-cts\n default_tgs_enctypes = aes128-cts\n[realms]", 1)), 0o600)
	dead := filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(dead, []byte("[libdefaults]\ndefault_realm=LAB.TEST\ndns_lookup_kdc=false\n[realms]\nLAB.TEST={\nkdc=127.0.0.1:1\n}\n"), 0o600)
	empty := filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(empty, []byte("[libdefaults]\ndns_lookup_kdc = no\n"), 0o600)

	for name, c := range map[string]struct {
		change      func(a *inventory.Access)
		class, kind error
		text, hint  string
	}{
		"unknown user":     {func(a *inventory.Access) { a.User = "nobody@LAB.TEST" }, transport.ErrRejected, errPrincipal, "nobody", "name@REALM"},
		"locked":           {func(a *inventory.Access) { a.User = "locked@LAB.TEST" }, transport.ErrRejected, nil, "locked@LAB.TEST is locked", "unlock"},
		"password expired": {func(a *inventory.Access) { a.User = "old@LAB.TEST" }, transport.ErrRejected, nil, "has expired", "change the password"},
		"no AES keys":      {func(a *inventory.Access) { a.User = "weak@LAB.TEST" }, transport.ErrTicket, errCipher, "weak@LAB.TEST", "AES"},
		"unknown host":     {func(a *inventory.Access) { a.Address = "elsewhere.lab.test" }, transport.ErrTicket, errService, "HTTP/elsewhere.lab.test", "setspn"},
		"short name":       {func(a *inventory.Access) { a.Address = "host" }, transport.ErrTicket, errService, "HTTP/host", "short names"},
		"address":          {func(a *inventory.Access) { a.Address = "10.0.0.1" }, transport.ErrTicket, errService, "10.0.0.1 is an address", "hostname_override"},
		"KDC down":         {func(a *inventory.Access) { a.WinRM.KrbConf = dead }, transport.ErrTicket, nil, "127.0.0.1:1 connection refused", "port 88"},
		"no realm":         {func(a *inventory.Access) { a.User, a.WinRM.KrbConf = "alice", empty }, transport.ErrTicket, errRealm, `"alice"`, "name@REALM"},
		"unknown domain":   {func(a *inventory.Access) { a.User = `OTHER\alice` }, transport.ErrTicket, errRealm, "OTHER", "name@REALM"},
		"no KDC":           {func(a *inventory.Access) { a.WinRM.KrbConf = empty }, transport.ErrTicket, errNoKDC, "names no KDC of LAB.TEST", "[realms]"},
		"no krb5.conf":     {func(a *inventory.Access) { a.WinRM.KrbConf = "/nonexistent/krb5.conf" }, transport.ErrTicket, errNoConf, "/nonexistent/krb5.conf", "KRB5_CONFIG"},
		"no ticket": {func(a *inventory.Access) {
			a.User, a.Password, a.WinRM.CCache = "", inventory.Secret{}, "/nonexistent/cache"
		}, transport.ErrTicket, nil, "/nonexistent/cache", "kinit"},
		"cache in a kernel": {func(a *inventory.Access) { a.Password, a.WinRM.CCache = inventory.Secret{}, "KEYRING:persistent:0" }, transport.ErrTicket, nil, "KEYRING", "FILE:"},
		"no keytab":         {func(a *inventory.Access) { a.WinRM.Keytab = "/nonexistent/keytab" }, transport.ErrTicket, nil, "/nonexistent/keytab", "keytab"},
		"keytab of another": {func(a *inventory.Access) { a.WinRM.Keytab = k.Conf }, transport.ErrTicket, nil, "is no keytab", "keytab"},
		"cache is none":     {func(a *inventory.Access) { a.Password, a.WinRM.CCache = inventory.Secret{}, k.Conf }, transport.ErrTicket, nil, "is no ticket cache", "kinit"},
	} {
		t.Run(name, func(t *testing.T) {
			a := access("alice@LAB.TEST", "secret", k)
			c.change(a)
			e, err := first(fresh(t), a)
			if err == nil || !errors.Is(err, c.class) || c.kind != nil && !errors.Is(err, c.kind) {
				t.Fatalf("%v", err)
			}
			if !e.NotRun || !strings.Contains(err.Error(), c.text) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("%v\nhint: %s", err, e.Hint)
			}
			if strings.Contains(err.Error()+e.Hint, "secret") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
	t.Run("cipher as configured", func(t *testing.T) {
		a := access("alice@LAB.TEST", "secret", k)
		a.WinRM.KrbConf = weak
		kerb := fresh(t)
		if _, err := first(kerb, a); err != nil {
			t.Fatal(err)
		}
		for _, account := range kerb.accounts {
			for _, t2 := range account.services {
				if t2.key.KeyType != 17 {
					t.Errorf("the session's cipher is %d", t2.key.KeyType)
				}
			}
		}
	})
}

func TestTheClocksDifferenceIsSaid(t *testing.T) {
	for clock, want := range map[string]string{"+20m": "20m0s behind the KDC", "-20m": "20m0s ahead of the KDC"} {
		k := transporttest.NewKDC(t, clock)
		k.User("alice", "secret")
		e, err := first(fresh(t), access("alice@LAB.TEST", "secret", k))
		if !errors.Is(err, transport.ErrClockSkew) || e.Hint == "" {
			t.Fatal(err)
		}
		if got := strings.NewReplacer("19m59s", "20m0s", "20m1s", "20m0s").Replace(err.Error()); !strings.Contains(got, want) {
			t.Error(err)
		}
	}
}

// A KDC that took the password and died must not lead to a second try.
func TestASilentKDCSeesThePasswordOnce(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	var mu sync.Mutex
	proofs := 0
	address := between(t, k, func(request, reply []byte) []byte {
		if bytes.Contains(request, []byte{0xa1, 3, 2, 1, 2, 0xa2}) { // PA-ENC-TIMESTAMP
			mu.Lock()
			proofs++
			mu.Unlock()
			return nil
		}
		return reply
	})
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(conf, fmt.Appendf(nil, "[realms]\nLAB.TEST={\nkdc=%s\nkdc=%s\n}\n", address, address), 0o600)
	a := access("alice@LAB.TEST", "secret", k)
	a.WinRM.KrbConf = conf
	kerb := fresh(t)
	_, err := first(kerb, a)
	_, again := first(kerb, a)
	mu.Lock()
	defer mu.Unlock()
	if proofs != 1 || !errors.Is(err, transport.ErrTicket) || !errors.Is(again, transport.ErrTicket) {
		t.Errorf("%d proofs were sent; %v; %v", proofs, err, again)
	}
}

func TestAContextEndsTheWaiting(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(conf, fmt.Appendf(nil, "[realms]\nLAB.TEST={\nkdc=%s\n}\n", l.Addr()), 0o600)
	a := access("alice@LAB.TEST", "secret", k)
	a.WinRM.KrbConf = conf
	kerb := fresh(t)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	var wait sync.WaitGroup
	for range 3 { // one asks, the others wait for it
		wait.Go(func() {
			if _, _, err := kerb.context(a, schemeNegotiate, nil).Step(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
}

// What the KDC says of a ticket is sealed; what stands on the ticket is not.
func TestATicketThatWasExchangedIsNotUsed(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	k.Keytab("", "HTTP/host.lab.test")
	address := between(t, k, func(_, reply []byte) []byte {
		return bytes.ReplaceAll(reply, []byte("host.lab.test"), []byte("evil.lab.test"))
	})
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(conf, fmt.Appendf(nil, "[realms]\nLAB.TEST={\nkdc=%s\n}\n", address), 0o600)
	a := access("alice@LAB.TEST", "secret", k)
	a.WinRM.KrbConf = conf
	if _, err := first(fresh(t), a); err == nil || !strings.Contains(err.Error(), "exchanged on the way") {
		t.Error(err)
	}
}

// between stands between clients and the KDC and changes what it answers; nil: it
// hangs up.
func between(t *testing.T, k *transporttest.KDC, change func(request, reply []byte) []byte) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	t.Cleanup(func() { l.Close(); wait.Wait() })
	read := func(c net.Conn) []byte {
		head := make([]byte, 4)
		if _, err := io.ReadFull(c, head); err != nil {
			return nil
		}
		text := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(c, text); err != nil {
			return nil
		}
		return text
	}
	write := func(c net.Conn, text []byte) {
		c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...))
	}
	wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			request := read(c)
			if up, err := net.Dial("tcp", k.Address); err == nil {
				write(up, request)
				if reply := change(request, read(up)); reply != nil {
					write(c, reply)
				}
				up.Close()
			}
			c.Close()
		}
	})
	return l.Addr().String()
}

// A KDC with too much to do drops connections; a question that proves nothing may
// be asked again.
func TestAKDCThatDropsConnectionsIsAskedAgain(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	k.Keytab("", "HTTP/host.lab.test")
	var mu sync.Mutex
	seen := map[string]int{}
	address := between(t, k, func(request, reply []byte) []byte {
		mu.Lock()
		defer mu.Unlock()
		kind := fmt.Sprintf("%x %v", request[0], bytes.Contains(request, []byte{0xa1, 3, 2, 1, 2, 0xa2}))
		if seen[kind]++; seen[kind] < 3 && kind != "6a true" {
			return nil
		}
		return reply
	})
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	os.WriteFile(conf, fmt.Appendf(nil, "[realms]\nLAB.TEST={\nkdc=%s\n}\n", address), 0o600)
	a := access("alice@LAB.TEST", "secret", k)
	a.WinRM.KrbConf = conf
	if _, err := first(fresh(t), a); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if seen["6a false"] != 3 || seen["6a true"] != 1 || seen["6c false"] != 3 {
		t.Errorf("%v", seen)
	}
}
