//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// readOnlyKey makes a key that may only read the farm's hosts, and returns the flags
// that use it.
func readOnlyKey(t *testing.T, farm *lab.Farm) []string {
	t.Helper()
	dir := t.TempDir()
	key := filepath.Join(dir, "drift")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "drift@desk", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mustFarmwall(t, 0, "export", "--format", "ssh-readonly", "--key", key+".pub", "-o", dir)
	program, err := os.ReadFile(filepath.Join(dir, "farmwall-readonly"))
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile(filepath.Join(dir, "authorized_keys"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(line), `restrict,command="/usr/local/sbin/farmwall-readonly" ssh-ed25519 `) || !strings.Contains(string(program), "# "+string(line)) {
		t.Errorf("the line is %s", line)
	}
	// The hosts of the lab share this machine's /usr; so the program lies elsewhere there.
	const place = "/etc/farmwall-readonly"
	for _, h := range farm.Hosts() {
		script := "cat >" + place + " && chmod 755 " + place
		if res, err := h.Exec(context.Background(), []string{"sh", "-c", script}, strings.NewReader(string(program))); err != nil || res.Code != 0 {
			t.Fatalf("%v: %s", err, res.Stderr)
		}
		add := fmt.Sprintf("echo '%s' >>/etc/ssh/authorized", strings.TrimSpace(strings.Replace(string(line), "/usr/local/sbin/farmwall-readonly", place, 1)))
		if res, err := h.Exec(context.Background(), []string{"sh", "-c", add}, nil); err != nil || res.Code != 0 {
			t.Fatalf("%v: %s", err, res.Stderr)
		}
	}
	return []string{"-e", "ansible_ssh_private_key_file=" + key, "-e", `ansible_ssh_common_args="-o IdentitiesOnly=yes"`}
}

// With a key whose forced command allows only the script that reads, every verb that
// looks works, through sudo too; every verb that writes is refused and changes nothing.
func TestDriftCannotWrite(t *testing.T) {
	farm, inv := farmOf(t, 1, handWritten)
	h := farm.Hosts()[0]
	flags := []string{"-i", inv, "--state", filepath.Join(t.TempDir(), "state")}
	run := func(code int, more []string, args ...string) string {
		t.Helper()
		out, got := inFarm(t, farm, append(append(args, flags...), more...)...)
		if got != code {
			t.Fatalf("%v: exit %d, want %d\n%s", args, got, code, out)
		}
		return out
	}
	run(0, nil, "apply", "-y")
	key := readOnlyKey(t, farm)
	before := rulesetOf(t, h)
	files := filesOf(t, h)
	more := append(key, "-e", `{"farmwall_rules": [{"id": "more", "protocol": "tcp", "port": 5000}]}`)
	run(0, key, "drift")
	run(0, append(key, "-b"), "drift")
	run(0, key, "verify")
	run(0, key, "ping")
	run(2, more, "plan", "--detailed-exitcode")
	for _, args := range [][]string{{"apply", "-y"}, {"drift", "--fix", "--to", "inventory", "-y"}, {"remove", "-y"}} {
		if out := run(3, more, args...); !strings.Contains(out, "refused: this key may only read") {
			t.Errorf("%v:\n%s", args, out)
		}
	}
	// What somebody else would ask for is refused as well, whatever it looks like.
	private := strings.TrimPrefix(key[1], "ansible_ssh_private_key_file=")
	for _, command := range []string{"", "id", "/bin/sh", "exec /bin/sh -c 'eval \"$(echo aWQ= | base64 -d)\"' farmwall \"$SSH_CONNECTION\"", "cat /etc/shadow; exit 0", "nft flush ruleset"} {
		argv := []string{"ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i", private, "root@" + h.Addresses[0].String()}
		if command != "" {
			argv = append(argv, command)
		}
		var out transcript
		code, err := farm.Run(context.Background(), lab.Command{Argv: argv, Stdin: strings.NewReader("id\n"), Stdout: &out, Stderr: &out})
		if err != nil || code != 126 || !strings.Contains(out.String(), "refused: this key may only read") || strings.Contains(out.String(), "uid=") {
			t.Errorf("%q: exit %d, %v\n%s", command, code, err, out.String())
		}
	}
	if now := rulesetOf(t, h); now != before {
		t.Errorf("the host has\n%s\nand had\n%s", now, before)
	}
	if now := filesOf(t, h); now != files {
		t.Errorf("files were\n%s\nand are\n%s", files, now)
	}
	// Drift sees what somebody changed, with this key as with any.
	if res, err := h.Exec(context.Background(), []string{"nft", "flush", "chain", "inet", "farmwall", "input"}, nil); err != nil || res.Code != 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	if out := run(2, key, "drift"); !strings.Contains(out, "the host was changed") {
		t.Errorf("%s", out)
	}
}

// filesOf is every file of ours on a host with its sum and time of change.
func filesOf(t *testing.T, h *lab.Host) string {
	t.Helper()
	res, err := h.Exec(context.Background(), []string{"sh", "-c", "find /etc/farmwall /etc/systemd /var/lib/farmwall /run/farmwall -type f 2>/dev/null | sort | xargs -r stat -c '%n %s %y %a'"}, nil)
	if err != nil || res.Code != 0 {
		t.Fatalf("%v: %s", err, res.Stderr)
	}
	return string(res.Stdout)
}

func TestBadReadOnlyKeys(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "key")
	if err := os.WriteFile(file, []byte("-----BEGIN OPENSSH PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"which public key", "export", "--format", "ssh-readonly"},
		{"no such file", "export", "--format", "ssh-readonly", "--key", dir + "/none"},
		{"holds no public key", "export", "--format", "ssh-readonly", "--key", file},
		{"--key is for", "export", "--format", "nft", "--key", file, "-i", "a,"},
		{"ssh-readonly", "export", "--format", "ssh"},
	} {
		if out := mustFarmwall(t, 1, c[1:]...); !strings.Contains(out, c[0]) {
			t.Errorf("%v:\n%s", c[1:], out)
		}
	}
}
