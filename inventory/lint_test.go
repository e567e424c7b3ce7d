//go:build unix

package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func lintOf(t *testing.T, files map[string]string, opt Options) string {
	t.Helper()
	dir := tree(t, files)
	t.Chdir(dir)
	if err := os.Chmod("open.key", 0o644); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	problems, warnings, err := Lint(t.Context(), []string{"hosts"}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return problems.Error() + "\n--\n" + warnings.Error()
}

// Each finding stands at its own place, mistakes and oddities at once.
func TestLint(t *testing.T) {
	v := passwords("", "p")
	got := lintOf(t, map[string]string{
		"hosts":                  "[gateway]\ng1 ras_sll=no ansible_ssh_private_key_file=open.key\ng2 ansible_ssh_private_key_file='{{ inventory_hostname }}.key' db_password=hunter2\ng3 ansible_password='{{ lookup(\"env\", \"X\") }}' my_token=\"{{ x }}\"\n[halb]\n[gatewy]\nx\n[misc]\ny1\ny[2:9]\n",
		"open.key":               "k",
		"group_vars/gateway.yml": "ansible_become_password: hunter3\nansible_ssh_retry: 1\nansible_ssh_retries: 3\nansible_pass: hunter4\nansible_python_interpreter: /usr/bin/python3\nansible_ssh_pipelining: true\n",
		"group_vars/all.yml":     sealedBy(t, v, "", "ansible_ssh_pass: sealed\n"),
		"vault_pass":             "p",
	}, Options{Vault: v})
	for _, want := range []string{
		`hosts:2: variable "ras_sll" does not exist (did you mean "ras_ssl"?)`,
		`hosts:2: the key file "open.key" can be read by others: its mode is -rw-r--r-- (chmod 600 open.key)`, `hosts:3: the key file "g2.key" of ansible_ssh_private_key_file cannot be read: no such file`,
		`hosts:3: db_password stands here in plain text`, `group_vars/gateway.yml:1: ansible_become_password stands here in plain text`, `group_vars/gateway.yml:4: ansible_pass stands here in plain text`,
		`hosts:5: group "halb" gives the role halb, but has no hosts`, `hosts:6: group "gatewy" gives no role (did you mean "gateway"?)`, `hosts:7: host "x" has no role`, `hosts:9: host "y1" has no role`, `hosts:10: host "y2" and 7 more of this line have no role`,
		`group_vars/gateway.yml:2: ansible_ssh_retry is not used`, `group_vars/gateway.yml:3: ansible_ssh_retries is not used`, `group_vars/gateway.yml:4: ansible_pass is no variable of a connection and does nothing (did you mean "ansible_password"?)`,
		`vault_pass: the vault password can be read by others`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing: %s", want)
		}
	}
	for _, wrong := range []string{"hunter", "sealed", "my_token", "ansible_ssh_pass", "python_interpreter", "pipelining"} {
		if strings.Contains(got, wrong) {
			t.Errorf("%q is in:\n%s", wrong, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 15 {
		t.Errorf("%d lines:\n%s", n, got)
	}
}

// An inventory that is as it should be has nothing to tell.
func TestLintOfACleanInventory(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := lintOf(t, map[string]string{"hosts": "[gateway]\ng ansible_private_key_file=" + key + " ansible_user=u\n[rdsh]\nr\n"}, Options{}); got != "\n--\n" {
		t.Errorf("got %s", got)
	}
}
