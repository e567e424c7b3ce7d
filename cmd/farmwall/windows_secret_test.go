package main

import (
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab/windows/wsman"
)

// The seeded password is searched in all that farmwall prints and writes, and in all
// that its hosts are told.
func TestWindowsSecretsStayHome(t *testing.T) {
	f := winFarmOf(t, 2, winOptions{vars: "ansible_become_password=" + winPassword + "2\n"})
	plan := filepath.Join(f.dir, "plan")
	f.must(exitOK, []string{"ping", "-vv"})
	f.must(exitOK, []string{"plan", "-vv", "-o", plan})
	f.must(exitOK, []string{"plan", "--output", "json"})
	f.must(exitOK, []string{"apply", "-y", "-vv", "--output", "jsonl"})
	f.must(exitOK, []string{"rollback", f.lastRun(), "-y"})
	for _, verb := range [][]string{{"inventory", "vars", "w1"}, {"inventory", "vars", "w1", "--output", "json"}, {"inventory", "list"}, {"rules", "--output", "json"}} {
		if code, out := f.run2(append(verb, "-i", f.inv)...); code != exitOK {
			t.Errorf("%v: exit %d\n%s", verb, code, out)
		}
	}
	// Failures are where secrets leak: a wrong password, a host that answers nonsense,
	// one that is cut off.
	wrong := strings.ToUpper(winPassword)
	f.must(exitUnreachable, []string{"plan", "-e", "ansible_password=" + wrong}, "rejected")
	f.hosts[0].service.SetFaults(wsman.Faults{Status: 407})
	f.must(exitUnreachable, []string{"plan", "-vv"})
	f.hosts[0].service.SetFaults(wsman.Faults{AccessDenied: true})
	f.run("plan", "-vv")

	secrets := []string{winPassword, wrong, base64.StdEncoding.EncodeToString([]byte(winPassword))}
	search := func(where, text string) {
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%s shows the password", where)
			}
		}
	}
	search("what farmwall said", f.said.String())
	for _, h := range f.hosts {
		h.heard.mu.Lock()
		search("what "+h.Name()+" was told", h.heard.said.String())
		if h.heard.said.Len() == 0 {
			t.Error("nothing was heard, so nothing was tested")
		}
		h.heard.mu.Unlock()
	}
	files := 0
	err := filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == f.inv {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		search(path, string(text))
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files: %v", files, err)
	}
}

// One wrong password is tried on one host alone.
func TestWindowsWrongPasswordIsTriedOnce(t *testing.T) {
	f := winFarmOf(t, 5, winOptions{})
	f.must(exitUnreachable, []string{"plan", "-e", "ansible_password=wrong"}, "not tried: rejected at w")
	refused := 0
	for _, h := range f.hosts {
		refused += h.service.Counts().Refused
	}
	if refused != 1 {
		t.Errorf("it was tried %d times", refused)
	}
}
