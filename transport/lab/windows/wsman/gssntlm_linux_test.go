package wsman

import (
	"crypto/tls"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"

	"farmwall/transport/transporttest"
)

// gssNTLM logs on with gss-ntlmssp and says what came of it.
func gssNTLM(t *testing.T, h *host, user, password, mechanism string, binding []byte) (*initiator, string) {
	t.Helper()
	python(t, "gssapi")
	sum := "-"
	if binding != nil {
		sum = hex.EncodeToString(binding)
	}
	if out, err := exec.Command("/usr/bin/python3", "-c", "import gssapi; assert '1.3.6.1.4.1.311.2.2.10' in [m.dotted_form for m in gssapi.raw.indicate_mechs()]").CombinedOutput(); err != nil {
		need(t, "gss-ntlmssp is missing: "+string(out))
	}
	in, out := transporttest.Python(t, nil, "testdata/gssntlm.py", h.url, user, password, mechanism, sum)
	i := &initiator{t: t, mode: "seal", in: in, out: out, cuts: map[int]int{}}
	if !i.out.Scan() {
		t.Fatal("the client says nothing")
	}
	return i, i.out.Text()
}

func TestGssNtlmsspSeals(t *testing.T) {
	t.Parallel()
	for _, mechanism := range []string{"ntlm", "spnego"} {
		h := sealing(t, Options{Name: "RDSH1", Domain: "LAB", Accounts: []Account{{Name: "dom", Domain: "LAB", Password: "d-pässword", Admin: true}}})
		i, came := gssNTLM(t, h, `LAB\dom`, "d-pässword", mechanism, nil)
		if came != "ready" {
			t.Errorf("%s: %s", mechanism, came)
			continue
		}
		c := i.caller(h)
		for range 2 {
			if o := c.run("type", strings.Repeat("long input ", 9000)); len(o.stdout) != 99000 || o.exit != 0 {
				t.Errorf("%s: %d bytes, exit %d", mechanism, len(o.stdout), o.exit)
			}
		}
		wantFault(t, c.delete("NOWHERE"), 2150858843, "w:InvalidSelectors")
		if n := h.Counts(); n.Unsealed != 0 || n.Connections != 1 || n.Logons != 1 {
			t.Errorf("%s: %+v", mechanism, n)
		}
		// In clear text on the same connection it is not taken.
		i.mode = "open"
		if r := c.call(actionCreate, "", shellBody); r.status != 401 {
			t.Errorf("%s: %d", mechanism, r.status)
		}
		if _, came := gssNTLM(t, h, `LAB\dom`, "wrong", mechanism, nil); came != "refused 401" {
			t.Errorf("%s: %s", mechanism, came)
		}
	}
}

func TestGssNtlmsspChannelBinding(t *testing.T) {
	t.Parallel()
	cert := certificate(t, nil)
	h := sealing(t, Options{CbtHardeningLevel: CbtStrict, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}})
	for _, mechanism := range []string{"ntlm", "spnego"} {
		for _, want := range []struct {
			binding []byte
			came    string
		}{{endPoint(cert.Certificate[0]), "ready"}, {endPoint([]byte("another")), "refused 401"}, {nil, "refused 401"}} {
			i, came := gssNTLM(t, h, "WIN-LAB\\adm", testPassword, mechanism, want.binding)
			if came != want.came {
				t.Errorf("%s, %d bytes: %s, want %s", mechanism, len(want.binding), came, want.came)
			} else if came == "ready" {
				i.mode = "open"
				i.caller(h).run("echo x", "")
			}
		}
	}
}
