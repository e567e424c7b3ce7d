//go:build unix

package ssh

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
	"farmwall/transport/transporttest"
)

// engine puts a PowerShell engine called powershell on the PATH; only where none
// exists may a test skip.
func engine(t testing.TB) string {
	t.Helper()
	path := os.Getenv("FARMWALL_PWSH")
	for _, name := range []string{"powershell", "pwsh"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		t.Skip("no PowerShell engine: set FARMWALL_PWSH")
	}
	dir := t.TempDir()
	link := filepath.Join(dir, "powershell")
	// A link would lose the folder that the engine finds its files by.
	if err := os.WriteFile(link, fmt.Appendf(nil, "#!/bin/sh\nexec %s \"$@\"\n", path), 0o755); err != nil {
		t.Fatal(err)
	}
	os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return link
}

func windowsHost(s *server) *inventory.Host {
	h := s.host()
	h.Access.Shell = "powershell"
	return h
}

// The login shell of OpenSSH on Windows is cmd.exe or PowerShell; sh stands in
// for the first, which splits this command into the same words.
func TestContractWindows(t *testing.T) {
	old := os.Getenv("PATH")
	defer os.Setenv("PATH", old)
	engine(t)
	s := startServer(t, nil)
	d := dialer(t, Config{Home: s.home})
	transporttest.Contract(t, transporttest.Subject{
		Scripts: transporttest.PowerShellScripts(),
		Dial:    func(t testing.TB) transport.Conn { return dial(t, d, windowsHost(s)) },
		Cut:     func(_ testing.TB, c transport.Conn) { c.(*line).nc.Close() },
	})
}

func TestWindowsLoginShells(t *testing.T) {
	old := os.Getenv("PATH")
	defer os.Setenv("PATH", old)
	path := engine(t)
	scripts := transporttest.PowerShellScripts()
	for name, program := range map[string][]string{
		"cmd":        {"/bin/sh", "-c"},
		"noisy":      {"/bin/sh", "-c", `printf 'NOISE without end'; echo words >&2; eval "$0"`},
		"powershell": {path, "-Command"},
	} {
		t.Run(name, func(t *testing.T) {
			s := startServer(t, func(s *server) { s.program = program })
			c := dial(t, dialer(t, Config{Home: s.home}), windowsHost(s))
			run := func(body, input string) (string, error) {
				out, err := c.Run(context.Background(), rules.Script{Name: "test", Shell: rules.PowerShell, Body: body, Input: []byte(input)})
				return string(out), err
			}
			if got, err := run(scripts.Echo, "data\n\u00fc"); err != nil || got != "data\n\u00fc" {
				t.Errorf("got %q, %v", got, err)
			}
			got, err := run(scripts.First, "")
			if want := fmt.Sprintf(" 127.0.0.1 %d", s.addr.Port); err != nil || !strings.HasPrefix(got, "127.0.0.1 ") || !strings.HasSuffix(got, want) {
				t.Errorf("the script's connection is %q, %v", got, err)
			}
			if _, err := run(scripts.Fail, ""); err == nil || !strings.Contains(err.Error(), "exit status 7: it broke") {
				t.Errorf("got %v", err)
			}
		})
	}
}
