package winrm

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/transport/transporttest"
)

// newNTLMJudge is an acceptor on gss-ntlmssp.
func newNTLMJudge(t testing.TB, binding []byte) *judge {
	t.Helper()
	probe := "import gssapi; assert '1.3.6.1.4.1.311.2.2.10' in [m.dotted_form for m in gssapi.raw.indicate_mechs()]"
	if out, err := exec.Command("/usr/bin/python3", "-c", probe).CombinedOutput(); err != nil {
		why := "gss-ntlmssp or python3-gssapi is missing: " + string(out)
		if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("LAB:adm:p\u00e4ssw\u00f6rd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, out := transporttest.Python(t, append(os.Environ(), "NTLM_USER_FILE="+users), "testdata/ntlmacceptor.py", hex.EncodeToString(binding))
	return &judge{t: t, in: in, out: out}
}

// handshake carries the tokens; the answer to the last one is returned.
func (j *judge) handshake(n *ntlm) []string {
	j.t.Helper()
	var said []string
	var token []byte
	for range 2 {
		out, _, err := n.Step(context.Background(), token)
		if err != nil {
			j.t.Fatal(err)
		}
		if said = j.ask("token", b64(out)); said[0] != "token" {
			return said
		}
		token = unb64(j.t, said[2])
	}
	return said
}

func TestGssNtlmsspAcceptsOurNTLM(t *testing.T) {
	const right = "p\u00e4ssw\u00f6rd"
	j := newNTLMJudge(t, nil)
	n := newNTLM(`LAB\adm`, inventory.NewSecret(right), nil, true)
	if said := j.handshake(n); said[1] != "1" || !strings.Contains(strings.ToUpper(said[3]), "ADM") {
		t.Fatal(said)
	}
	for _, size := range []int{1, 100, 60_000} {
		plain := bytes.Repeat([]byte("x"), size)
		header, data, err := n.Seal(plain)
		if err != nil {
			t.Fatal(err)
		}
		if said := j.ask("message", b64(header), b64(data)); said[0] != "plain" || !bytes.Equal(unb64(t, said[1]), plain) {
			t.Fatalf("%d bytes: %.100s", size, said)
		}
		said := j.ask("seal", b64(plain))
		if got, err := n.Unseal(unb64(t, said[1]), unb64(t, said[2])); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes: %v", size, err)
		}
	}
	if said := newNTLMJudge(t, nil).handshake(newNTLM(`LAB\adm`, inventory.NewSecret("wrong"), nil, true)); said[0] != "error" {
		t.Errorf("a wrong password: %v", said)
	}
}

func TestGssNtlmsspSeesTheChannelBinding(t *testing.T) {
	const right = "p\u00e4ssw\u00f6rd"
	ours := []byte("tls-server-end-point:0123456789")
	for name, c := range map[string]struct {
		theirs []byte
		taken  bool
	}{"same": {ours, true}, "other": {[]byte("tls-server-end-point:9876543210"), false}} {
		said := newNTLMJudge(t, c.theirs).handshake(newNTLM(`LAB\adm`, inventory.NewSecret(right), ours, false))
		if (said[0] == "token" && said[1] == "1") != c.taken {
			t.Errorf("%s: %v", name, said)
		}
	}
}
