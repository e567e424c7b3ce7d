package wsman

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// playbook is an inventory with one host, and a function that runs ansible on it.
func playbook(t *testing.T, h *host, addr, variables string) func(args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("ansible"); err != nil {
		need(t, "ansible is missing (ansible-core)")
	}
	python(t, "winrm, requests_ntlm")
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "hosts")
	text := fmt.Sprintf("w1 ansible_host=127.0.0.1 ansible_port=%s ansible_connection=winrm ansible_winrm_scheme=http ansible_user=%s ansible_password='%s' ansible_shell_type=powershell %s\n",
		port, testUser, testPassword, variables)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(args ...string) (string, error) {
		t.Helper()
		return runClient(t, nil, "ansible", append([]string{"w1", "-i", file}, args...)...)
	}
}

func TestAnsibleRawAndScriptAreSealed(t *testing.T) {
	t.Parallel()
	m := &scripted{}
	h := (&host{}).serve(t, Options{Schemes: Schemes{Negotiate: true}}, m)
	r := tap(t, h)
	ansible := playbook(t, h, r.addr, "ansible_winrm_transport=ntlm")
	if out, err := ansible("-m", "raw", "-a", "umlauts"); err != nil || !strings.Contains(out, "CHANGED | rc=0 >>\n"+umlauts) {
		t.Errorf("%v %s", err, out)
	}
	if n := h.Counts(); n.Requests != 8 || n.Connections != 1 || n.Unsealed != 0 {
		t.Errorf("raw cost %+v", n)
	}
	if out, err := ansible("-m", "raw", "-a", "exit 5"); err == nil || !strings.Contains(out, "FAILED | rc=5 >>") {
		t.Errorf("%v %s", err, out)
	}
	// A script is copied, in several Sends, and checked by its SHA-1; its runner comes on stdin.
	script := filepath.Join(t.TempDir(), "long.ps1")
	content := []byte("Write-Output 'from the script'\r\n" + strings.Repeat("# a line of the script that makes it long\r\n", 15000))
	if err := os.WriteFile(script, content, 0o600); err != nil {
		t.Fatal(err)
	}
	h.ResetCounts()
	out, err := ansible("-m", "script", "-a", script)
	if err != nil || !strings.Contains(out, "the runner has come: ") {
		t.Errorf("%v %s", err, out)
	}
	if len(m.files) != 1 || !bytes.Equal(m.files[0], content) || len(m.given) != 1 {
		t.Fatalf("%d files, %d runs", len(m.files), len(m.given))
	}
	_, payload, ok := bytes.Cut(m.given[0], []byte("\x00\x00\x00\x00"))
	if !ok || !json.Valid(bytes.TrimSpace(payload)) {
		t.Errorf("the runner was given %.300q", m.given[0])
	}
	if n := h.Counts(); n.Send < 4 || n.Unsealed != 0 {
		t.Errorf("%+v", n)
	}
	for _, text := range []string{umlauts, "EncodedCommand", "<rsp:CommandResponse>", "a line of the script", "from the script", "the runner has come", testPassword} {
		if how := r.finds(text); how != "" {
			t.Errorf("%q is on the wire %s", text, how)
		}
	}
}

func TestAnsibleTellsFaults(t *testing.T) {
	t.Parallel()
	m := &scripted{}
	h := (&host{}).serve(t, Options{Schemes: Schemes{Negotiate: true}, Faults: Faults{Clixml: true}}, m)
	ansible := playbook(t, h, h.addr, "ansible_winrm_transport=ntlm")
	if out, err := ansible("-m", "raw", "-a", "echo fine"); err != nil || !strings.Contains(out, "fine") || strings.Contains(out, "CLIXML") {
		t.Errorf("%v %s", err, out)
	}
	h.SetFaults(Faults{Busy: 1})
	script := filepath.Join(t.TempDir(), "short.ps1")
	os.WriteFile(script, []byte("'short'"), 0o600)
	if out, err := ansible("-m", "script", "-a", script); err != nil || !strings.Contains(out, "WSMan send failed on attempt 1 as the command is busy") {
		t.Errorf("%v %s", err, out)
	}
	h.SetFaults(Faults{AccessDenied: true})
	if out, err := ansible("-m", "raw", "-a", "echo x"); err == nil || !strings.Contains(out, "Access is denied") {
		t.Errorf("%v %s", err, out)
	}
	if out, err := ansible("-m", "raw", "-a", "echo x", "-e", "ansible_password=wrong"); err == nil || !strings.Contains(out, "the specified credentials were rejected by the server") {
		t.Errorf("%v %s", err, out)
	}
}
