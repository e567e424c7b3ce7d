package wsman

import (
	"crypto/tls"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pywinrm does what a user's program would do, and fails where something is wrong.
const pywinrm = `
import sys, winrm
from winrm.exceptions import InvalidCredentialsError, WinRMError, WinRMOperationTimeoutError
url, transport, encryption, user, password, ca = sys.argv[1:]
cas = {"ca_trust_path": ca} if ca else {}
def protocol(**more):
    return winrm.Protocol(endpoint=url, transport=transport, username=user, password=more.pop("password", password), message_encryption=encryption, **dict(cas, **more))
def check(what, got, want):
    assert got == want, "%s: %r, want %r" % (what, got, want)
p = protocol()
def run(shell, line, args=()):
    c = p.run_command(shell, line, args)
    try:
        return p.get_command_output(shell, c)
    finally:
        p.cleanup_command(shell, c)
shell = p.open_shell(codepage=65001, env_vars={"FW_TEST": "Wert"})
check("echo", run(shell, "echo", ["one", "two"]), (b"one two\r\n", b"", 0))
check("stderr", run(shell, "err that"), (b"", b"that", 0))
check("exit", run(shell, "exit 4711")[2], 4711)
check("negative", run(shell, "exit -5")[2], -5)
check("umlauts", run(shell, "umlauts")[0].decode(), "Gr\u00fc\u00dfe, \u041f\u0440\u0438\u0432\u0435\u0442, \u4f60\u597d, \U0001f9f1!")
check("env", run(shell, "who")[0].split()[-1], b'"Wert"')
check("long", run(shell, "out 400000")[0], b"0" * 400000)
check("lines", run(shell, "lines 3 100ms")[0], b"line 0\r\nline 1\r\nline 2\r\n")
p.close_shell(shell)
slow = winrm.Protocol(endpoint=url, transport=transport, username=user, password=password, message_encryption=encryption, operation_timeout_sec=1, read_timeout_sec=5, **cas)
shell = slow.open_shell()
c = slow.run_command(shell, "sleep 2500ms")
check("slow", slow.get_command_output(shell, c)[0], b"slept")
slow.cleanup_command(shell, c)
try:
    run("00000000-0000-0000-0000-000000000000", "echo x")
    raise SystemExit("no fault for a shell that is not there")
except WinRMError as e:
    check("fault", "2150858843" in str(e) and "'http_status_code': 500" in str(e), True)
for i in range(4):
    slow.open_shell()
try:
    slow.open_shell()
    raise SystemExit("no fault for a sixth shell")
except WinRMError as e:
    check("quota", "2150859173" in str(e), True)
try:
    protocol(password="wrong").open_shell()
    raise SystemExit("a wrong password is taken")
except InvalidCredentialsError:
    pass
s = winrm.Session(url, auth=(user, password), transport=transport, message_encryption=encryption, **cas)
print("all well")
`

const domPassword = "a password in the domain"

func TestPywinrm(t *testing.T) {
	python(t, "winrm, requests_ntlm")
	cert := certificate(t, nil)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	overTLS := &tls.Config{Certificates: []tls.Certificate{cert}}
	q := Server2008R2.Quotas()
	q.MaxConcurrentOperationsPerUser = 100
	for name, c := range map[string]struct {
		o                           Options
		transport, encryption, user string
		password                    string
		sealed                      bool
	}{
		"Basic":                {Options{AllowUnencrypted: true, Schemes: Schemes{Basic: true}}, "basic", "never", "adm", testPassword, false},
		"Basic over TLS":       {Options{TLS: overTLS, Schemes: Schemes{Basic: true}}, "basic", "never", "adm", testPassword, false},
		"NTLM, sealed":         {Options{Schemes: Schemes{Negotiate: true}}, "ntlm", "always", `LAB\dom`, domPassword, true},
		"NTLM, 2008 R2":        {Options{Release: Server2008R2, Schemes: Schemes{Negotiate: true}, Faults: Faults{Chunked: true, EmptyOK: true}}, "ntlm", "always", "dom@LAB", domPassword, true},
		"NTLM over strict TLS": {Options{TLS: overTLS, CbtHardeningLevel: CbtStrict, Schemes: Schemes{Negotiate: true}}, "ntlm", "auto", "adm", testPassword, false},
		"NTLM, split, clear":   {Options{AllowUnencrypted: true, Schemes: Schemes{Negotiate: true}, Faults: Faults{SplitRunes: true, QuotaWMI: false}}, "ntlm", "never", "adm", testPassword, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.o.Quotas, c.o.Domain = &q, "LAB"
			c.o.Accounts = []Account{localAdmin, {Name: "dom", Domain: "LAB", Password: domPassword, Admin: true}}
			h := serve(t, c.o)
			r := tap(t, h)
			trusted := ""
			if c.o.TLS != nil {
				trusted = ca
			}
			out, err := python3(t, nil, pywinrm, strings.Replace(h.url, h.addr, r.addr, 1), c.transport, c.encryption, c.user, c.password, trusted)
			if err != nil || out != "all well\n" {
				t.Errorf("%v\n%s", err, out)
			}
			if n := h.Counts(); n.Refused == 0 || c.sealed && n.Unsealed > 0 {
				t.Errorf("%+v", n)
			}
			for _, text := range []string{"<rsp:CommandResponse>", "0000000000000000", umlauts, "WSManFault Code=", domPassword, "sleep 2500ms"} {
				if how := r.finds(text); c.sealed && how != "" {
					t.Errorf("%q is on the wire %s", text, how)
				}
			}
		})
	}
}
