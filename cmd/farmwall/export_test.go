package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExport(t *testing.T) {
	dir := t.TempDir()
	inv := filepath.Join(dir, "farm.ini")
	text := "[gateway]\ngw1 ansible_host=10.0.0.1\n[rdsh]\nrds1 ansible_host=10.0.0.2 ansible_connection=winrm\nrds2 ansible_host=10.0.0.3 ansible_shell_type=powershell\n"
	if err := os.WriteFile(inv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	for _, c := range []struct {
		args  []string
		files string
	}{
		{nil, "gw1.nft rds1.ps1 rds2.ps1"}, {[]string{"--format", "netsh"}, "rds1.cmd rds2.cmd"}, {[]string{"--format", "nft"}, "gw1.nft"}, {[]string{"--format", "iptables"}, "gw1.sh"}, {[]string{"--format", "powershell", "-l", "rds2"}, "rds2.ps1"},
	} {
		os.RemoveAll(out)
		said := mustFarmwall(t, exitOK, append([]string{"export", "-i", inv, "-o", out}, c.args...)...)
		entries, err := os.ReadDir(out)
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		for _, e := range entries {
			files = append(files, e.Name())
			if info, _ := e.Info(); info.Mode().Perm() != 0o600 || info.Size() < 500 || !strings.Contains(said, e.Name()) {
				t.Errorf("%s: %v, %d bytes; said %q", e.Name(), info.Mode(), info.Size(), said)
			}
		}
		if strings.Join(files, " ") != c.files {
			t.Errorf("%v: %v, want %s", c.args, files, c.files)
		}
	}
	if said := mustFarmwall(t, exitOK, "export", "-i", inv, "-l", "gw1"); !strings.Contains(said, "delete table inet farmwall") {
		t.Errorf("%s", said)
	}
	mustFarmwall(t, exitNotStarted, "export", "-i", inv)
	mustFarmwall(t, exitNotStarted, "export", "-i", inv, "--format", "firewalld")
	mustFarmwall(t, exitNoHost, "export", "-i", inv, "--format", "nft", "-l", "rds1")
}

func TestDoctor(t *testing.T) {
	file := filepath.Join(t.TempDir(), "d.ps1")
	if out := mustFarmwall(t, exitOK, "doctor", "-o", file); !strings.Contains(out, "-File "+file) {
		t.Errorf("%s", out)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "# farmwall doctor 1\r\n") {
		t.Errorf("%v: %.60q", err, text)
	}
}
