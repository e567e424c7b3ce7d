//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
)

// secretWords are what the test below hides, each in another place.
func secretWords() map[string]string {
	words := map[string]string{}
	for _, place := range []string{"whole", "inline", "env", "file", "pipe", "extra", "vault-password", "raw"} {
		words[place] = "canary-" + place + "-Zq7"
	}
	return words
}

// secretFarm puts a secret into each place where one can be kept, besides a farm's
// inventory, and returns flags that use them.
func secretFarm(t *testing.T, source string) []string {
	t.Helper()
	words := secretWords()
	dir := filepath.Dir(source)
	v := &inventory.Vault{}
	v.Add("", inventory.NewSecret(words["vault-password"]))
	sealed := func(text string) string {
		b, err := v.Encrypt([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	inline := "!vault |\n  " + strings.ReplaceAll(strings.TrimSpace(sealed(words["inline"])), "\n", "\n  ")
	t.Setenv("FARMWALL_CANARY", words["env"])
	for name, text := range map[string]string{
		"pw": words["vault-password"] + "\n", "secret-file": words["file"] + "\n", "secret-pipe": words["pipe"] + "\n", "extra.yml": sealed("from_extra: " + words["extra"] + "\n"),
		"group_vars/halb/vault.yml": sealed("vault_password: " + words["whole"] + "\nunused_secret: {deep: [" + words["raw"] + "]}\n"),
		"group_vars/halb/main.yml": "ansible_password: \"{{ vault_password }}{{ inline_password }}{{ lookup('env', 'FARMWALL_CANARY') }}\"\ninline_password: " + inline +
			"\nansible_become_password: \"{{ lookup('file', '" + dir + "/secret-file') }}{{ lookup('pipe', 'cat " + dir + "/secret-pipe') }}{{ from_extra }}\"\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"-i", source, "--vault-password-file", filepath.Join(dir, "pw"), "-e", "@" + filepath.Join(dir, "extra.yml")}
}

// noSecret looks for the words, also as base64 and in the journal's bytes.
func noSecret(t *testing.T, what string, text []byte) {
	t.Helper()
	for place, word := range secretWords() {
		for _, form := range []string{word, base64.StdEncoding.EncodeToString([]byte(word)), fmt.Sprintf("%x", word)} {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("%s: holds the secret of %s", what, place)
			}
		}
	}
}

// Secrets are used, and appear in nothing that farmwall prints or writes: not in
// plans, the journal, listings, errors, or what -v says.
func TestSecretsAppearNowhere(t *testing.T) {
	farm, source := farmOf(t, 2, handWritten)
	flags := secretFarm(t, source)
	state, plan := t.TempDir(), filepath.Join(t.TempDir(), "plan")
	use := func(want int, args ...string) {
		t.Helper()
		args = append(args, flags...)
		if args[0] != "inventory" && args[0] != "rules" {
			args = append(args, "--state", state)
		}
		out, code := inFarm(t, farm, args...)
		noSecret(t, strings.Join(args[:2], " "), []byte(out))
		if code != want {
			t.Errorf("farmwall %v: exit %d, want %d\n%s", args, code, want, out)
		}
	}
	for _, verb := range []string{"list", "graph", "lint"} {
		use(exitOK, "inventory", verb)
		use(exitOK, "inventory", verb, "--output", "json")
	}
	use(exitOK, "inventory", "vars", "halb000")
	use(exitOK, "inventory", "vars", "halb000", "--output", "json")
	use(exitOK, "inventory", "list", "--output", "hosts")
	use(exitOK, "rules", "-v")
	use(exitOK, "plan", "-v", "-D", "-o", plan)
	use(exitOK, "plan", "--output", "json", "-v")
	use(exitOK, "apply", "-v", plan)
	use(exitOK, "verify", "-v")
	use(exitOK, "drift", "--output", "jsonl", "-v")
	for _, format := range reportFormats().names() {
		use(exitOK, "report", "--since", "1d", "--format", format)
		use(exitOK, "report", "--latest", "--format", format)
	}
	for _, format := range graphFormats().names() {
		use(exitOK, "graph", "--format", format)
	}
	use(exitNotStarted, "plan", "-e", "ansible_port={{ vault_password }}{{ lookup('env', 'FARMWALL_CANARY') }}")
	use(exitNotStarted, "plan", "-e", "ras_version={{ inline_password }}")
	use(exitNotStarted, "plan", "-e", "ansible_user={{ vault_password | int / 0 }}")
	written := 0
	for _, dir := range []string{state, filepath.Dir(plan)} {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			written++
			text, err := os.ReadFile(name)
			noSecret(t, name, text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if written < 2 {
		t.Errorf("only %d files were written", written)
	}
}

// The secrets of the test above do arrive where they are used.
func TestSecretsArrive(t *testing.T) {
	source := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(source, []byte("[halb]\nh ansible_host=127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := secretFarm(t, source)
	v := &inventory.Vault{}
	if err := v.AddFile(context.Background(), flags[3]); err != nil {
		t.Fatal(err)
	}
	extra, err := inventory.ParseExtra(flags[5:], v)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(t.Context(), []string{source}, inventory.Options{Vault: v, Extra: extra})
	if err != nil {
		t.Fatal(err)
	}
	words, a := secretWords(), inv.Host("h").Access
	if got, want := a.Password.Reveal(), words["whole"]+words["inline"]+words["env"]; got != want {
		t.Errorf("password: %q", got)
	}
	if got, want := a.BecomePassword.Reveal(), words["file"]+words["pipe"]+words["extra"]; got != want {
		t.Errorf("become password: %q", got)
	}
}
