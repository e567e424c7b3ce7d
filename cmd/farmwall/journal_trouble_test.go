//go:build linux

package main

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// A journal that cannot be used stops a run before any host is changed, with one error
// that says what to do.
func TestAJournalThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	s := sessionHosts(t, 1, 0)
	before := s.ruleset()
	unchanged := func(when string) {
		t.Helper()
		if now := s.ruleset(); now != before {
			t.Errorf("%s: the host is now\n%s", when, now)
		}
	}
	// A run that does not exist.
	for _, verb := range [][]string{{"rollback", "20200101-000000-00000000", "-y"}, {"confirm", "20200101-000000-00000000"}} {
		s.says(s.run(1, verb...), "no such run", "farmwall history list")
	}
	file := filepath.Join(s.state, "journal.db")

	t.Run("newer", func(t *testing.T) {
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		defer os.WriteFile(file, old, 0o600)
		newer := append([]byte(nil), old...)
		copy(newer[60:], "\x00\x00\x00\x63") // user_version, https://www.sqlite.org/fileformat.html
		if err := os.WriteFile(file, newer, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, verb := range [][]string{{"apply", "-y"}, {"plan"}, {"recover"}, {"drift"}} {
			s.says(s.run(1, verb...), "written by a newer farmwall", "format 99", "--state")
		}
		unchanged("newer")
	})

	t.Run("full disk", func(t *testing.T) {
		full := filepath.Join(t.TempDir(), "full")
		if err := os.Mkdir(full, 0o700); err != nil {
			t.Fatal(err)
		}
		// Room for the journal, and then none for a run.
		script := `mount -t tmpfs -o size=4m,mode=700 full "$1" && shift && "$@" plan >/dev/null && (cat /dev/zero >"$0/filler" 2>/dev/null || true) && exec "$@" apply -y`
		var out transcript
		code, err := s.farm.Run(t.Context(), lab.Command{Argv: []string{"unshare", "-m", "sh", "-c", script, full, full, binary(t), "-i", s.inv, "--state", full}, Stdout: &out, Stderr: &out})
		if err != nil || code != 1 {
			t.Fatalf("%v, exit %d\n%s", err, code, out.String())
		}
		s.says(out.String(), "the disk is full", "--state")
		unchanged("full disk")
	})

	t.Run("locked", func(t *testing.T) {
		if os.Getenv("FARMWALL_SOAK") != "1" {
			t.Skip("make soak runs this: it waits half a minute")
		}
		db, err := sql.Open("sqlite", "file:"+file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		for _, line := range []string{"PRAGMA locking_mode = EXCLUSIVE", "BEGIN EXCLUSIVE"} {
			if _, err := db.Exec(line); err != nil {
				t.Fatal(err)
			}
		}
		s.says(s.run(1, "apply", "-y"), "another program holds the journal", file)
		unchanged("locked")
	})

	// Nothing of that has harmed the journal.
	s.run(0, "apply", "-y")
	mustFarmwall(t, 0, "history", "verify", "--state", s.state)
	if strings.Contains(s.run(0, "plan"), "recover") {
		t.Error("something was left behind")
	}
}
