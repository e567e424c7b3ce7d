package wsman

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"farmwall/transport/transporttest"
)

// initiator is a client on MIT's GSS-API, used as the caller's HTTP transport.
type initiator struct {
	t    *testing.T
	mode string // "seal" or "open"
	in   io.Writer
	out  *bufio.Scanner
	cuts map[int]int // lengths of the heads of sealed answers
}

const service = "HTTP/host.lab.test"

// initiate logs on and says what came of it.
func initiate(t *testing.T, k *transporttest.KDC, h *host, scheme, binding string) (*initiator, string) {
	t.Helper()
	python(t, "gssapi")
	in, out := transporttest.Python(t, k.Env(), "testdata/initiator.py", h.url, service+"@"+transporttest.Realm, scheme, binding)
	i := &initiator{t: t, mode: "seal", in: in, out: out, cuts: map[int]int{}}
	if !i.out.Scan() {
		t.Fatal("the client says nothing")
	}
	return i, i.out.Text()
}

// python skips where a module is missing.
func python(t *testing.T, module string) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/python3", "-c", "import "+module).CombinedOutput(); err != nil {
		need(t, fmt.Sprintf("python3-%s is missing: %v %s", module, err, out))
	}
}

// RoundTrip posts the request's body the way that the client does.
func (i *initiator) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(i.in, i.mode, base64.StdEncoding.EncodeToString(body))
	if !i.out.Scan() {
		return nil, io.ErrUnexpectedEOF
	}
	words := strings.Fields(i.out.Text())
	status, _ := strconv.Atoi(words[0])
	cut, _ := strconv.Atoi(words[1])
	i.cuts[cut]++
	text, _ := base64.StdEncoding.DecodeString(words[3])
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {words[2]}}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
}

func (i *initiator) caller(h *host) *caller {
	c := h.caller(i.t)
	c.http, c.user = &http.Client{Transport: i}, ""
	return c
}

// realm is a KDC with a user who has a ticket, and a keytab of the host.
func realm(t *testing.T, cipher string) (*transporttest.KDC, *Keytab) {
	t.Helper()
	k := transporttest.NewKDC(t, "")
	k.User("adm", "secret")
	file := k.Keytab(cipher, service)
	k.Run("secret\n", "kinit", "adm@"+transporttest.Realm)
	keys, err := ReadKeytab(file)
	if err != nil {
		t.Fatal(err)
	}
	return k, keys
}

// member is a host of the realm's domain.
func member(keys *Keytab) Options {
	return Options{Domain: "LAB", DNSDomain: "lab.test", Schemes: Schemes{Negotiate: true, Kerberos: true}, Kerberos: keys,
		Accounts: []Account{{Name: "adm", Domain: "LAB", Admin: true}}}
}

func TestMITsClientsSealWithKerberos(t *testing.T) {
	// What the head of a sealed answer must be long: the wrap token's header, the
	// encrypted one, the checksum and the confounder.
	for cipher, cut := range map[string]int{"aes256-cts:normal": 60, "aes128-cts:normal": 60, "aes128-sha2:normal": 64, "aes256-sha2:normal": 72} {
		k, keys := realm(t, cipher)
		for _, scheme := range []string{"Negotiate", "Kerberos"} {
			t.Run(cipher+" "+scheme, func(t *testing.T) {
				h := serve(t, member(keys))
				i, said := initiate(t, k, h, scheme, "-")
				if said != "ready" {
					t.Fatal(said)
				}
				c := i.caller(h)
				if got := c.run("who", ""); !strings.HasPrefix(string(got.stdout), `LAB\adm true 127.0.0.1:`) {
					t.Errorf("%q", got.stdout)
				}
				long := strings.Repeat("long input ", 20_000)
				if got := c.run("type", long); string(got.stdout) != long {
					t.Errorf("%d bytes came back of %d", len(got.stdout), len(long))
				}
				if len(i.cuts) != 1 || i.cuts[cut] < 10 {
					t.Errorf("heads of sealed answers: %v, want only %d", i.cuts, cut)
				}
				if n := h.Counts(); n.Logons != 1 || n.Refused != 0 {
					t.Errorf("%+v", n)
				}
				i.mode = "open"
				if got := c.post(c.message(actionCreate, resourceCmd, "", shellBody)); got.status == http.StatusOK {
					t.Error("a message in clear text is taken over HTTP")
				}
			})
		}
	}
}

func TestKerberosChannelBindings(t *testing.T) {
	k, keys := realm(t, "")
	cert := certificate(t, nil)
	sum := sha256.Sum256(cert.Certificate[0])
	right := hex.EncodeToString(append([]byte("tls-server-end-point:"), sum[:]...))
	wrong := hex.EncodeToString([]byte("tls-server-end-point:of another"))
	for level, takes := range map[Cbt][3]bool{CbtRelaxed: {true, false, true}, CbtStrict: {true, false, false}, CbtNone: {true, true, true}} {
		o := member(keys)
		o.TLS, o.CbtHardeningLevel = &tls.Config{Certificates: []tls.Certificate{cert}}, level
		h := serve(t, o)
		for n, binding := range []string{right, wrong, "-"} {
			i, said := initiate(t, k, h, "Negotiate", binding)
			if taken := said == "ready"; taken != takes[n] {
				t.Errorf("level %v, binding %d: %s", level, n, said)
			} else if taken {
				i.mode = "open"
				if got := i.caller(h).run("echo hello", ""); string(got.stdout) != "hello\r\n" {
					t.Errorf("%q", got.stdout)
				}
			}
		}
	}
}

func TestKerberosRefusals(t *testing.T) {
	k, keys := realm(t, "")
	refused := func(name string, h *host, want string) {
		t.Helper()
		if _, said := initiate(t, k, h, "Negotiate", "-"); !strings.HasPrefix(said, "refused 401") || !strings.Contains(said, want) {
			t.Errorf("%s: %s", name, said)
		}
		if n := h.Counts(); n.Logons != 0 || n.Refused != 1 {
			t.Errorf("%s: %+v", name, n)
		}
	}
	o := member(keys)
	o.Faults.ClockSkew = 10 * time.Minute
	refused("clock", serve(t, o), "Clock skew too great")

	other, err := ReadKeytab(k.Keytab("", "HTTP/other.lab.test"))
	if err != nil {
		t.Fatal(err)
	}
	refused("another's key", serve(t, member(other)), "")

	o = member(keys)
	o.Accounts[0].Name = "somebody"
	h := serve(t, o)
	if _, said := initiate(t, k, h, "Negotiate", "-"); !strings.HasPrefix(said, "refused 401") {
		t.Errorf("unknown here: %s", said)
	}
}

// The same request, taken from the wire, opens nothing a second time.
func TestKerberosReplay(t *testing.T) {
	k, keys := realm(t, "")
	h := serve(t, member(keys))
	var token string
	proxy := serveTap(t, h, func(r *http.Request) {
		if a := r.Header.Get("Authorization"); a != "" {
			token = a
		}
	})
	if _, said := initiate(t, k, proxy, "Kerberos", "-"); said != "ready" || token == "" {
		t.Fatal(said)
	}
	for _, authorization := range []string{token, strings.Replace(token, "Kerberos", "Negotiate", 1)} {
		r, _ := http.NewRequest(http.MethodPost, h.url, nil)
		r.Header.Set("Authorization", authorization)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			t.Errorf("a replayed request is answered with %d", answer.StatusCode)
		}
	}
	if n := h.Counts(); n.Logons != 1 || n.Refused != 2 {
		t.Errorf("%+v", n)
	}
}

// pywinrm asks for the host's proof (mutual_authentication=REQUIRED) and fails
// without it.
func TestPywinrmWithKerberos(t *testing.T) {
	python(t, "winrm, requests_kerberos")
	k, keys := realm(t, "")
	o := member(keys)
	o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, nil)}}
	h := serve(t, o)
	program := `
import sys, winrm
s = winrm.Session(sys.argv[1], auth=("adm@LAB.TEST", ""), transport="kerberos", server_cert_validation="ignore", kerberos_hostname_override="host.lab.test")
r = s.run_cmd("echo", ["hello"])
print(r.status_code, r.std_out)
r = s.run_cmd("out", ["300000"])
print(r.status_code, len(r.std_out))
`
	c := exec.Command("/usr/bin/python3", "-W", "ignore", "-c", program, h.url)
	c.Env = k.Env()
	out, err := c.CombinedOutput()
	if err != nil || string(out) != "0 b'hello\\r\\n'\n0 300000\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestReadKeytab(t *testing.T) {
	file := t.TempDir() + "/keytab"
	if _, err := ReadKeytab(file); !os.IsNotExist(err) {
		t.Error(err)
	}
	os.WriteFile(file, []byte("no keytab"), 0o600)
	if _, err := ReadKeytab(file); err == nil {
		t.Error("any file is a keytab")
	}
}

// serveTap is a host whose requests are looked at on their way.
func serveTap(t *testing.T, h *host, look func(*http.Request)) *host {
	t.Helper()
	target, err := url.Parse("http://" + h.addr)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { look(r.In); r.SetURL(target) }, Transport: &http.Transport{MaxConnsPerHost: 1}}
	s := httptest.NewServer(forward)
	t.Cleanup(s.Close)
	return &host{addr: s.Listener.Addr().String(), url: s.URL + "/wsman"}
}
