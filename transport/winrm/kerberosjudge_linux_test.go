package winrm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/transporttest"
)

// judge is an acceptor on MIT's GSS-API.
type judge struct {
	t   testing.TB
	in  io.Writer
	out *bufio.Scanner
}

func newJudge(t testing.TB, k *transporttest.KDC, keytab string, args ...string) *judge {
	t.Helper()
	python(t, k, "import gssapi.raw; gssapi.raw.wrap_iov")
	in, out := transporttest.Python(t, k.Env("KRB5_KTNAME="+keytab), "testdata/acceptor.py", args...)
	return &judge{t: t, in: in, out: out}
}

// python skips where a program cannot run.
func python(t testing.TB, k *transporttest.KDC, program string) {
	t.Helper()
	c := exec.Command("/usr/bin/python3", "-c", program)
	c.Env = k.Env()
	if out, err := c.CombinedOutput(); err != nil {
		why := fmt.Sprintf("python3-gssapi is missing: %v %s", err, out)
		if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
}

func (j *judge) ask(words ...string) []string {
	j.t.Helper()
	fmt.Fprintln(j.in, strings.Join(words, " "))
	if !j.out.Scan() {
		j.t.Fatalf("the judge is gone: %v", j.out.Err())
	}
	return strings.Fields(j.out.Text())
}

func b64(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return base64.StdEncoding.EncodeToString(b)
}

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	if s == "-" {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// establish brings the context to stand on both sides.
func (j *judge) establish(c mechanism) {
	j.t.Helper()
	out, done, err := c.Step(context.Background(), nil)
	if err != nil || done {
		j.t.Fatal(done, err)
	}
	said := j.ask("token", b64(out))
	if said[0] != "token" || said[1] != "1" {
		j.t.Fatalf("the judge says %q", said)
	}
	if out, done, err = c.Step(context.Background(), unb64(j.t, said[2])); err != nil || !done || len(out) > 0 {
		j.t.Fatal(len(out), done, err)
	}
}

// talk seals messages in both directions.
func (j *judge) talk(c mechanism, sizes ...int) {
	j.t.Helper()
	for _, n := range sizes {
		text := make([]byte, n)
		for i := range text {
			text[i] = byte(rand.Uint32())
		}
		header, data, err := c.Seal(text)
		if err != nil {
			j.t.Fatal(err)
		}
		if len(data) != len(text) {
			j.t.Errorf("sealing %d bytes made %d", len(text), len(data))
		}
		if said := j.ask("message", b64(header), b64(data)); said[0] != "plain" || !bytes.Equal(unb64(j.t, said[1]), text) {
			j.t.Fatalf("%d bytes: the judge says %.100q", n, said)
		}
		said := j.ask("seal", b64(text))
		if said[0] != "message" {
			j.t.Fatalf("%d bytes: the judge says %.100q", n, said)
		}
		got, err := c.Unseal(unb64(j.t, said[1]), unb64(j.t, said[2]))
		if err != nil || !bytes.Equal(got, text) {
			j.t.Fatalf("%d bytes back: %d, %v", n, len(got), err)
		}
	}
}

func access(user, password string, k *transporttest.KDC) *inventory.Access {
	return &inventory.Access{Address: "host.lab.test", User: user, Password: inventory.NewSecret(password), WinRM: inventory.WinRM{KrbConf: k.Conf}}
}

func fresh(t testing.TB) *kerberos {
	t.Helper()
	k := newKerberos(transport.NewGate())
	t.Cleanup(k.Close)
	return k
}

func TestMITAcceptsOurContextAndWeItsAnswers(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	for cipher, number := range map[string]int32{"aes256-cts": 18, "aes128-cts": 17, "aes128-sha2": 19, "aes256-sha2": 20} {
		service := "HTTP/" + cipher + ".lab.test"
		keytab := k.Keytab(cipher+":normal", service)
		// MIT seals one time as Windows does, one time in a token without rotation.
		for scheme, form := range map[string]string{schemeNegotiate: "", schemeKerberos: "whole"} {
			t.Run(cipher+" "+scheme, func(t *testing.T) {
				a := access("alice@lab.test", "secret", k)
				a.Address = cipher + ".lab.test"
				j := newJudge(t, k, keytab, "", form)
				c := fresh(t).context(a, scheme, nil)
				defer c.Close()
				j.establish(c)
				if c.Scheme() != scheme || c.wrapper.key.KeyType != number {
					t.Errorf("the scheme is %q, the cipher %d", c.Scheme(), c.wrapper.key.KeyType)
				}
				j.talk(c, 1, 15, 16, 17, 1000, 150_000, 0)
				said := j.ask("sign", b64([]byte("what was offered")))
				if err := c.wrapper.verifyMIC([]byte("what was accepted"), unb64(t, said[1])); err == nil {
					t.Error("a checksum over something else is taken")
				}
				if err := c.wrapper.verifyMIC([]byte("what was offered"), unb64(t, said[1])); err != nil {
					t.Error(err)
				}
				j.talk(c, 10)
			})
		}
	}
}

func TestTheChannelBindingIsTheConnections(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	keytab := k.Keytab("", "HTTP/host.lab.test")
	data := []byte("tls-server-end-point:0123456789abcdef")
	for _, wrong := range []bool{false, true} {
		j := newJudge(t, k, keytab, hex.EncodeToString(data))
		sent := data
		if wrong {
			sent = []byte("tls-server-end-point:of another")
		}
		c := fresh(t).context(access("alice@LAB.TEST", "secret", k), schemeNegotiate, sent)
		out, _, err := c.Step(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		said := j.ask("token", b64(out))
		if refused := said[0] == "error"; refused != wrong {
			t.Errorf("wrong binding %v: the judge says %q", wrong, said)
		}
	}
}

func TestAHostThatProvesNothingIsRefused(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	keytab := k.Keytab("", "HTTP/host.lab.test")
	j := newJudge(t, k, keytab)
	begin := func() (*krbContext, []byte) {
		c := fresh(t).context(access("alice@LAB.TEST", "secret", k), schemeNegotiate, nil)
		out, _, err := c.Step(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, out
	}
	c, out := begin()
	good := unb64(t, j.ask("token", b64(out))[2])
	other, _ := begin()
	for name, token := range map[string][]byte{"nothing": nil, "noise": []byte("noise"), "our own": out, "cut": good[:len(good)-1]} {
		if _, done, err := c.Step(context.Background(), token); done || !errors.Is(err, transport.ErrRejected) {
			t.Errorf("%s: %v, %v", name, done, err)
		}
	}
	if _, _, err := c.Seal([]byte("text")); err == nil {
		t.Error("it seals without a proof of the host")
	}
	// The proof is made with the same ticket, for another request.
	if _, done, err := other.Step(context.Background(), good); done || !errors.Is(err, transport.ErrRejected) {
		t.Errorf("another's proof: %v, %v", done, err)
	}
	changed := bytes.Clone(good)
	changed[len(changed)-5] ^= 1
	if _, done, err := c.Step(context.Background(), changed); done || !errors.Is(err, transport.ErrRejected) {
		t.Errorf("a changed proof: %v, %v", done, err)
	}
	if _, done, err := c.Step(context.Background(), good); !done || err != nil {
		t.Errorf("the right proof: %v, %v", done, err)
	}
}

func TestKeytabsAndCaches(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	keytab := k.Keytab("", "HTTP/host.lab.test")
	dir := t.TempDir()
	users := filepath.Join(dir, "users.keytab")
	k.Admin("ktadd -k " + users + " -norandkey alice@" + transporttest.Realm)
	cache := filepath.Join(dir, "cache")
	k.Run("secret\n", "kinit", "-c", "FILE:"+cache, "alice@"+transporttest.Realm)
	// Neither the keytab nor the cache needs a user's name.
	for name, w := range map[string]inventory.WinRM{"keytab": {Keytab: users}, "cache": {CCache: cache}} {
		for _, user := range []string{"", "alice@LAB.TEST", `LAB\alice`} {
			a := access(user, "", k)
			w.KrbConf = k.Conf
			a.WinRM = w
			c := fresh(t).context(a, schemeKerberos, nil)
			j := newJudge(t, k, keytab)
			t.Run(name+" "+user, func(t *testing.T) {
				j.t = t
				j.establish(c)
				j.talk(c, 100)
			})
			c.Close()
		}
	}
	t.Run("of the environment", func(t *testing.T) {
		t.Setenv("KRB5_CONFIG", k.Conf)
		t.Setenv("KRB5CCNAME", "FILE:"+cache)
		c := fresh(t).context(&inventory.Access{Address: "host.lab.test"}, schemeKerberos, nil)
		j := newJudge(t, k, keytab)
		j.establish(c)
	})
	a := access("bob@LAB.TEST", "", k)
	a.WinRM.CCache = cache
	if _, _, err := fresh(t).context(a, schemeKerberos, nil).Step(context.Background(), nil); !errors.Is(err, transport.ErrTicket) || !strings.Contains(err.Error(), "alice@LAB.TEST, not of bob@LAB.TEST") {
		t.Error(err)
	}
}

func TestATicketThatHasEndedIsSaidToBeSo(t *testing.T) {
	k := transporttest.NewKDC(t, "")
	k.User("alice", "secret")
	cache := filepath.Join(t.TempDir(), "cache")
	k.Run("secret\n", "kinit", "-l", "2s", "-c", "FILE:"+cache, "alice@"+transporttest.Realm)
	a := access("", "", k)
	a.WinRM.CCache = cache
	_, _, err := fresh(t).context(a, schemeKerberos, nil).Step(context.Background(), nil)
	var e *transport.Error
	if !errors.Is(err, errExpired) || !errors.As(err, &e) || !strings.Contains(e.Hint, "kinit") || !e.NotRun {
		t.Fatal(err)
	}
	// A new one in the same file is taken without a new start.
	kerb := fresh(t)
	if _, _, err := kerb.context(a, schemeKerberos, nil).Step(context.Background(), nil); !errors.Is(err, errExpired) {
		t.Fatal(err)
	}
	k.Keytab("", "HTTP/host.lab.test")
	k.Run("secret\n", "kinit", "-l", "1h", "-c", "FILE:"+cache, "alice@"+transporttest.Realm)
	if _, _, err := kerb.context(a, schemeKerberos, nil).Step(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(kerb.accounts[accountKey{ccache: cache, conf: k.Conf}].tgt.end); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the new ticket lasts %s", left)
	}
}
