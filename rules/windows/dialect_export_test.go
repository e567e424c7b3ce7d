package windows_test

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/windows"
	lab "farmwall/transport/lab/windows"
)

// offline runs an exported file as a person would, and returns what it printed.
func (m *machine) offline(set rules.Set, admin bool) (string, int64) {
	m.t.Helper()
	text, err := windows.Export(set, windows.FormatPowerShell)
	if err != nil {
		m.t.Fatal(err)
	}
	path := filepath.Join(m.t.TempDir(), "rules.ps1")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
	var out bytes.Buffer
	exit, err := m.Run(m.t.Context(), lab.Command{Line: "powershell -NoProfile -NonInteractive -ExecutionPolicy Bypass -File " + path,
		User: `LAB\adm`, Admin: admin, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out,
		Client: netip.MustParseAddrPort("10.0.0.1:50123"), Local: netip.MustParseAddrPort("10.0.0.5:5985")})
	if err != nil {
		m.t.Fatal(err)
	}
	return out.String(), exit
}

func TestAnExportedFileDoesWhatApplyWould(t *testing.T) {
	t.Parallel()
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	want := few(t)
	out, exit := m.offline(want, true)
	s := m.state()
	if exit != 0 || strings.Count(out, "+ farmwall:north:") != len(m.Named("farmwall:")) {
		t.Fatalf("%d: %s", exit, out)
	}
	m.left(s, want)
	if out, exit = m.offline(want, true); exit != 0 || strings.Contains(out, "farmwall:north:") || !strings.Contains(out, "0 came") {
		t.Errorf("run again: %d: %s", exit, out)
	}

	// A hand edit, a rule that is not wanted any more, and one that is new.
	rule, err := m.Item(m.names()[0][1:])
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Set(rule, "RemoteAddresses", "*", true); err != nil {
		t.Fatal(err)
	}
	less := setOf(t, append(want[:1:1], want[2:]...)...)
	if out, exit = m.offline(less, true); exit != 0 {
		t.Errorf("%d: %s", exit, out)
	}
	m.left(m.state(), less)

	// A controller that comes later goes on from there.
	_, lease := m.armed(m.state(), want, nil)
	m.left(m.confirmed(lease), want)

	if out, exit = m.offline(nil, false); exit == 0 || !strings.Contains(out, "administrator") {
		t.Errorf("not an administrator: %d: %s", exit, out)
	}
	south := want[:1:1]
	south[0].Farm = "south"
	if out, exit = m.offline(south, true); exit == 0 || !strings.Contains(out, "rules of farm north") {
		t.Errorf("another farm: %d: %s", exit, out)
	}
}

func TestAnExportedFileIsForOldPowerShells(t *testing.T) {
	program, err := engine()
	if err != nil {
		t.Skip(err)
	}
	text, err := windows.Export(setOf(t, everyKind(t)...), windows.FormatPowerShell)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "export.ps1")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(program, "--lint", path).CombinedOutput()
	if err != nil || !bytes.Contains(said, []byte("0 problems")) {
		t.Errorf("%v\n%s", err, said)
	}
}
