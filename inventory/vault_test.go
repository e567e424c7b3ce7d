package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func passwords(pairs ...string) *Vault {
	v := &Vault{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], NewSecret(pairs[i+1]))
	}
	return v
}

// sealedBy encrypts for a test.
func sealedBy(t testing.TB, v *Vault, label, text string) string {
	t.Helper()
	b, err := v.Encrypt([]byte(text), label)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func inlineBy(t testing.TB, v *Vault, label, text string, indent int) string {
	t.Helper()
	blanks := "\n" + strings.Repeat(" ", indent)
	return "!vault |" + blanks + strings.ReplaceAll(strings.TrimSpace(sealedBy(t, v, label, text)), "\n", blanks)
}

func TestSecretsOutOfVaults(t *testing.T) {
	v := passwords("dev", "d", "prod", "p")
	files := map[string]string{
		"hosts":                    "[gateway]\ng1\ng2 ansible_become_password='{{ vault_become }}'\n",
		"group_vars/gateway.yml":   "ansible_password: " + inlineBy(t, v, "prod", "hunter2", 2) + "\nansible_user: admin\n",
		"group_vars/all/vault.yml": sealedBy(t, v, "dev", "vault_become: hunter3\nras_ssl: no\n"),
	}
	dir := tree(t, files)
	inv, err := Load(t.Context(), []string{filepath.Join(dir, "hosts")}, Options{Vault: v})
	if err != nil {
		t.Fatal(err)
	}
	h := inv.Host("g2")
	equal(t, "password", h.Access.Password.Reveal(), "hunter2")
	equal(t, "become", h.Access.BecomePassword.Reveal(), "hunter3")
	equal(t, "ras_ssl", h.SSL.Value, false)
	for _, name := range []string{"ansible_password", "vault_become", "ras_ssl"} {
		if !h.Vars[name].Secret() {
			t.Errorf("%s may be shown", name)
		}
	}
	if h.Vars["ansible_user"].Secret() {
		t.Error("ansible_user may not be shown")
	}
	for _, text := range []string{fmt.Sprintf("%+v", h), fmt.Sprintf("%v", h.Access)} {
		if strings.Contains(text, "hunter2") {
			t.Error("a secret is printed")
		}
	}
}

// A wrong password, a changed byte, no password: each is one error with its place.
func TestVaultsThatDoNotOpen(t *testing.T) {
	right, wrong := passwords("", "right"), passwords("", "wrong")
	whole := sealedBy(t, right, "", "a: 1\n")
	inline := "gateway:\n  hosts: g\n  vars:\n    x: 1\n    ansible_password: " + inlineBy(t, right, "", "secret", 6) + "\n"
	flip := func(text string, line, column int, to byte) string {
		lines := strings.Split(text, "\n")
		b := []byte(lines[line-1])
		if b[column] == to {
			to = '0' + (to-'0'+1)%10
		}
		b[column] = to
		lines[line-1] = string(b)
		return strings.Join(lines, "\n")
	}
	cut := whole[:len(whole)-len(whole)/3]
	tests := []struct {
		name, vars, hosts string
		vault             *Vault
		want              string
	}{
		{"whole, none", whole, "", nil, "group_vars/all.yml:1: the file cannot be opened: it is encrypted with Ansible Vault, and no vault password was given (give it with --vault-password-file"},
		{"whole, wrong", whole, "", wrong, "group_vars/all.yml:1: the file cannot be opened: the password is wrong, or the encrypted text was changed (check"},
		{"whole, changed", flip(whole, 4, 3, '5'), "", right, "group_vars/all.yml:1: the file cannot be opened: the password is wrong, or the encrypted text was changed"},
		{"whole, damaged", flip(whole, 4, 3, 'x'), "", right, "group_vars/all.yml:4: the file cannot be opened: the encrypted text is damaged here"},
		{"whole, cut", cut, "", right, "group_vars/all.yml:"},
		{"whole, version", strings.Replace(whole, ";1.1;", ";1.0;", 1), "", right, `group_vars/all.yml:1: the file cannot be opened: format "1.0"`},
		{"whole, cipher", strings.Replace(whole, "AES256", "AES", 1), "", right, `group_vars/all.yml:1: the file cannot be opened: cipher "AES"`},
		{"inline, none", "", inline, nil, `hosts.yml:5: ansible_password of host "g": the encrypted value at hosts.yml:5 cannot be opened: it is encrypted`},
		{"inline, wrong", "", inline, wrong, "hosts.yml:5: the encrypted value cannot be opened: the password is wrong"},
		{"inline, changed", "", flip(inline, 9, 10, '5'), right, "hosts.yml:"},
		{"inline, damaged", "", flip(inline, 9, 10, 'x'), right, "hosts.yml:9: the encrypted value cannot be opened: the encrypted text is damaged here"},
		{"mistake in an encrypted file", sealedBy(t, right, "", "a: 1\nras_farm: hunter2 is secret\n b: c\n"), "", right, "group_vars/all.yml:3: broken YAML"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			files := map[string]string{"hosts.yml": "gateway: {hosts: g}\n"}
			if test.hosts != "" {
				files["hosts.yml"] = test.hosts
			}
			if test.vars != "" {
				files["group_vars/all.yml"] = test.vars
			}
			t.Chdir(tree(t, files))
			inv, err := Load(t.Context(), []string{"hosts.yml"}, Options{Vault: test.vault})
			problems, _ := err.(Problems)
			if inv != nil || len(problems) == 0 || !strings.HasPrefix(filepath.ToSlash(err.Error()), test.want) {
				t.Errorf("got %v\nwant %s", err, test.want)
			}
			if test.name[:5] != "mista" && len(problems) != 1 {
				t.Errorf("%d errors for one mistake: %v", len(problems), err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

// What nobody needs stays closed and stops nobody, as in Ansible.
func TestSealedAndNotNeeded(t *testing.T) {
	other := passwords("other", "x")
	text := "---\ngateway:\n  hosts: g\n  vars:\n    unused: " + inlineBy(t, other, "other", "secret", 6) + "\n"
	dir := tree(t, map[string]string{"hosts.yml": text})
	for _, v := range []*Vault{nil, passwords("dev", "y")} {
		inv, err := Load(t.Context(), []string{filepath.Join(dir, "hosts.yml")}, Options{Vault: v})
		if err != nil {
			t.Error(err)
			continue
		}
		if s, ok := inv.Host("g").Vars["unused"].Any.(*Sealed); !ok || !strings.HasPrefix(s.Text(), "$ANSIBLE_VAULT;1.2;AES256;other\n") {
			t.Errorf("got %#v", inv.Host("g").Vars["unused"].Any)
		}
	}
}

// A mistake in a secret value is told without the value.
func TestMistakesInSecretsAreMasked(t *testing.T) {
	v := passwords("", "p")
	secret := "hunter2hunter2"
	dir := tree(t, map[string]string{
		"hosts":              "[gateway]\ng ansible_host='{{ where }}' ras_version='{{ version }}'\n",
		"group_vars/all.yml": sealedBy(t, v, "", "where: "+secret+" x\nversion: "+secret+"\nansible_port: "+secret+"\nras_roles: ["+secret+"]\nfarmwall_keep: "+secret+"!\n\""+secret+"\": 2024-13-45\n"),
	})
	_, err := Load(t.Context(), []string{filepath.Join(dir, "hosts")}, Options{Vault: v})
	if problems, _ := err.(Problems); len(problems) < 5 {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the errors hold the secret:\n%v", err)
	}
}

func TestVaultPasswordSources(t *testing.T) {
	dir := tree(t, map[string]string{
		"plain": "  päss word \r\n\n", "marked": "\ufeffpw\n", "empty": " \n", "program": "#!/bin/sh\necho \"from $0\" >/dev/null; echo pw\n",
		"keys-client.sh": "#!/bin/sh\necho \"$1=$2\"\n", "keys-client": "#!/bin/sh\necho \"$1=$2\"\n", "failing": "#!/bin/sh\necho hunter2; echo hunter2 >&2; exit 1\n", "noprogram": "pw\n",
	})
	for _, name := range []string{"program", "keys-client.sh", "keys-client", "failing", "noprogram"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(label string) (Secret, error) { return NewSecret("typed for " + label), nil }
	for id, want := range map[string]string{
		"plain": "default päss word", "dev@marked": "dev pw", "x@program": "x pw", "dev@keys-client.sh": "dev --vault-id=dev", "keys-client": "default --vault-id=default",
		"prod@prompt": "prod typed for prod", "prompt": "default typed for ",
	} {
		v := &Vault{}
		label, file, ok := strings.Cut(id, "@")
		if !ok {
			label, file = "", label
		}
		if file != "prompt" {
			file = filepath.Join(dir, file)
		}
		if label != "" {
			file = label + "@" + file
		}
		if err := v.AddSource(t.Context(), file, ask); err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		equal(t, id, v.passwords[0].label+" "+v.passwords[0].secret.Reveal(), want)
	}
	for id, want := range map[string]string{"empty": "holds no password", "missing": "no such file", "failing": "exit status 1", "noprogram": "it may be run, so it was", "x@": "names no source"} {
		v := &Vault{}
		file := filepath.Join(dir, id)
		if strings.Contains(id, "@") {
			file = id
		}
		err := v.AddSource(t.Context(), file, ask)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || !v.Empty() {
			t.Errorf("%s: got %v", id, err)
		}
	}
}

func TestEncryptWithWhichPassword(t *testing.T) {
	if _, err := (&Vault{}).Encrypt(nil, ""); err == nil {
		t.Error("encrypted without a password")
	}
	v := passwords("a", "1", "b", "2")
	if _, err := v.Encrypt(nil, ""); err == nil || !strings.Contains(err.Error(), "a, b") {
		t.Errorf("got %v", err)
	}
	if _, err := v.Encrypt(nil, "c"); err == nil {
		t.Error("encrypted with a password that was not given")
	}
	for size := range 40 {
		text := bytes.Repeat([]byte{0xff, 0}, size)[:size]
		sealed, err := v.Encrypt(text, "b")
		if err != nil {
			t.Fatal(err)
		}
		plain, label, err := v.Decrypt(sealed)
		if err != nil || label != "b" || !bytes.Equal(plain, text) {
			t.Fatalf("%d bytes: %q, %q, %v", size, plain, label, err)
		}
	}
}

// Many inline values are checked side by side, and an interrupt ends it.
func TestManySealedValues(t *testing.T) {
	v := passwords("", "p")
	value := inlineBy(t, v, "", "x", 6)
	var b strings.Builder
	b.WriteString("gateway:\n  hosts: g\n  vars:\n")
	for i := range 60 {
		fmt.Fprintf(&b, "    v%d: %s\n", i, value)
	}
	dir := tree(t, map[string]string{"hosts.yml": b.String()})
	if _, err := Load(t.Context(), []string{filepath.Join(dir, "hosts.yml")}, Options{Vault: v}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	<-ctx.Done()
	if _, err := Load(ctx, []string{filepath.Join(dir, "hosts.yml")}, Options{Vault: v}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func FuzzVault(f *testing.F) {
	v := passwords("", "p", "dev", "q")
	for _, label := range []string{"", "dev"} {
		b, err := v.Encrypt([]byte("text"), "default")
		if label != "" {
			b, err = v.Encrypt([]byte("text"), label)
		}
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add("$ANSIBLE_VAULT;1.1;AES256\n3132\n")
	f.Add("$ANSIBLE_VAULT;1.2;AES256;\r\n30300a30300a3030\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSealed(text)
		if err != nil {
			var format *vaultFormatError
			if !errors.As(err, &format) || format.line < 1 || format.line > 2+strings.Count(strings.ReplaceAll(text, "\r", "\n"), "\n") {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(s.mac) != 32 || len(s.cipher) == 0 || strings.Contains(s.label, "\n") {
			t.Fatalf("%+v", s)
		}
	})
}
