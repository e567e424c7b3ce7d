package windows_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/rules/windows"
)

// names of the scripts that a host is given.
var names = []string{"observe", "change", "confirm", "revert", "recover", "doctor", "probe", "listen"}

func TestTheScriptsAreWhatWindowsTakes(t *testing.T) {
	for _, name := range names {
		body := windows.Body(name)
		if !strings.HasPrefix(body, "# farmwall "+name+" 1\nparam([byte[]]$Data, [string]$Connection, $Answer") {
			t.Errorf("%s begins with %q", name, body[:80])
		}
		if i := strings.IndexFunc(body, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("%s holds %q", name, body[i:i+10])
		}
		for _, never := range []string{"exit ", "Invoke-Expression", "netsh", "Get-NetFirewall", "Set-ItemProperty", "SetValue("} {
			if strings.Contains(body, never) {
				t.Errorf("%s holds %q", name, never)
			}
		}
	}
}

func TestTheScriptsAreForServer2016AndParseOn30(t *testing.T) {
	program, err := engine()
	if err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	for _, name := range names {
		// In one file, as a host gets it.
		path := filepath.Join(dir, name+".ps1")
		if err := os.WriteFile(path, []byte(windows.Body(name)), 0o600); err != nil {
			t.Fatal(err)
		}
		said, err := exec.Command(program, "--lint", path).CombinedOutput()
		if err != nil || !bytes.Contains(said, []byte("0 problems")) {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}
