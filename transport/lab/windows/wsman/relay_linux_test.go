package wsman

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// relay stands between a client and a host and keeps all that goes over the line.
type relay struct {
	mu   sync.Mutex
	seen bytes.Buffer
	addr string
}

func tap(t *testing.T, h *host) *relay {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().String()}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp4", h.addr)
			if err != nil {
				client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
				all.Go(func() {
					io.Copy(io.MultiWriter(way[1], r), way[0])
					way[1].Close()
				})
			}
		}
	})
	return r
}

func (r *relay) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Write(p)
}

// finds says in which form a text went over the line, "" if it did not. A short
// text could be there by chance.
func (r *relay) finds(text string) string {
	if len(text) < 12 {
		panic(text)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	forms := map[string][]byte{"as it is": []byte(text), "as UTF-16": utf16le(text)}
	// In base64 three bytes become four characters: what comes before moves it.
	for shift := range 3 {
		for name, raw := range map[string][]byte{"UTF-8": []byte(text), "UTF-16": utf16le(text)} {
			b := base64.StdEncoding.EncodeToString(append(make([]byte, shift), raw...))
			forms[fmt.Sprintf("in base64 of %s after %d", name, shift)] = []byte(b[4 : len(b)-4])
		}
	}
	for name, form := range forms {
		if bytes.Contains(r.seen.Bytes(), form) {
			return name
		}
	}
	return ""
}

func TestTheRelayFindsWhatIsNotSealed(t *testing.T) {
	h := basicHost(t, Options{})
	r := tap(t, h)
	c := h.caller(t)
	c.url = "http://" + r.addr + "/wsman"
	c.run("type", "text for stdin that is long enough")
	for _, text := range []string{"<rsp:CommandResponse>", "text for stdin that is long enough", "<rsp:ReceiveResponse>", testUser + ":" + testPassword} {
		if r.finds(text) == "" {
			t.Errorf("%q went over the line, and is not found", text)
		}
	}
	if how := r.finds("nobody ever said this"); how != "" {
		t.Error(how)
	}
}

// python3 runs a program of Debian's Python with the ciphers of old, MD4 among them.
func python3(t *testing.T, env []string, program string, args ...string) (string, error) {
	t.Helper()
	return runClient(t, env, "/usr/bin/python3", append([]string{"-W", "ignore", "-c", program}, args...)...)
}

func runClient(t *testing.T, env []string, program string, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	conf := filepath.Join(home, "openssl.cnf")
	text := "openssl_conf = a\n[a]\nproviders = b\n[b]\ndefault = c\nlegacy = c\n[c]\nactivate = 1\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(home, "ansible.cfg")
	if err := os.WriteFile(settings, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append(os.Environ(), append([]string{"HOME=" + home, "OPENSSL_CONF=" + conf, "LC_ALL=C.UTF-8", "ANSIBLE_LOCAL_TEMP=" + home, "ANSIBLE_NOCOLOR=1",
		"ANSIBLE_CONFIG=" + settings, "PYTHONWARNINGS=ignore"}, env...)...)
	out, err := c.CombinedOutput()
	return string(out), err
}
