package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/wsman"
)

// An account whose every write is denied is enough for all that looks: drift makes no
// write at all. What writes is refused, and changes nothing.
func TestDriftCannotWriteOnWindows(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]windows.Engine{"model": windows.Model, "PowerShell": windows.PowerShell} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if engine == windows.PowerShell && os.Getenv("FARMWALL_SOAK") != "1" {
				return // each start of it costs much; the scripts themselves are tried in it elsewhere
			}
			f := winFarmOf(t, 1, winOptions{engine: engine,
				host: func(o *windows.Options) { o.Faults.ReadOnly = []string{`LAB\reader`} },
				line: func(o *wsman.Options) {
					o.Accounts = append(o.Accounts, wsman.Account{Name: "reader", Password: winPassword, Domain: "LAB", Admin: true})
				}})
			h := f.hosts[0]
			f.must(exitOK, []string{"apply", "-y"})
			had, writes, files := h.texts(), h.Writes(), tree(t, filepath.Join(f.dir, "disk"))
			same := func(what string) {
				t.Helper()
				if h.Writes() != writes || strings.Join(h.texts(), "\n") != strings.Join(had, "\n") {
					t.Errorf("%s: the firewall was written to", what)
				}
				if now := tree(t, filepath.Join(f.dir, "disk")); now != files {
					t.Errorf("%s: files were\n%s\nand are\n%s", what, files, now)
				}
			}
			reader := []string{"-e", `ansible_user=LAB\reader`}
			verbs := []string{"drift", "verify", "plan", "ping"}
			if engine == windows.PowerShell { // each of its starts costs much, and all of these send one script
				verbs = verbs[:1]
			}
			for _, verb := range verbs {
				f.must(exitOK, append([]string{verb}, reader...))
			}
			if tried := h.Denied(); len(tried) > 0 {
				t.Errorf("reading tried to write: %q", tried)
			}
			same("reading")
			more := append(reader, "-e", `{"farmwall_rules": [{"id": "more", "protocol": "tcp", "port": 5000}]}`)
			f.must(exitFailed, append([]string{"apply", "-y"}, more...))
			if engine == windows.Model {
				f.must(exitFailed, append([]string{"remove", "-y"}, reader...))
				if len(h.Denied()) == 0 {
					t.Error("no write was tried: the test sees nothing")
				}
			}
			if h.Writes() != writes || strings.Join(h.texts(), "\n") != strings.Join(had, "\n") {
				t.Error("what was refused has changed the firewall")
			}
		})
	}
}

// tree is every file below a folder with its size and time of change.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(strings.ToLower(path), "farmwall") {
			return nil // others' files come and go
		}
		if info, err := d.Info(); err == nil {
			b.WriteString(path + " " + info.ModTime().String() + "\n")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
