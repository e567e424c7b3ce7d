//go:build linux

package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// A real systemd takes the units, hands the vault's password over, starts drift with
// next to no rights, and keeps its exit code.
func TestARealTimerLooksForDrift(t *testing.T) {
	if os.Getenv("FARMWALL_SOAK") != "1" && os.Getenv("FARMWALL_TEST_INNER") == "" {
		t.Skip("a machine's boot is left to make soak")
	}
	if !inOwnNamespace(t, "systemd-nspawn", "sshd", "nft") {
		return
	}
	m := newMachine(t, "10.79.0.20", nil)
	program, err := os.ReadFile(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	m.write("/usr/local/bin/farmwall", string(program))
	if err := os.Chmod(m.path("/usr/local/bin/farmwall"), 0o755); err != nil {
		t.Fatal(err)
	}
	m.write("/etc/farmwall wall/password", "the vault's password\n")
	m.write("/etc/farmwall wall/key", m.read(m.dir+"/user"))
	m.write("/etc/farmwall wall/tell", "#!/bin/sh\ncat > \"$STATE/told\" 2>/dev/null || cat > /var/lib/watched/told\n")
	m.write("/etc/farmwall wall/known_hosts", "127.0.0.1 "+m.read(m.path("/etc/ssh/machine_key.pub")))
	m.write("/etc/farmwall wall/group_vars/all.yml", "ansible_user: root\nansible_ssh_private_key_file: /etc/farmwall wall/key\n")
	m.write("/etc/farmwall wall/hosts.ini", "[halb]\nmachine ansible_host=127.0.0.1\n")
	os.Chmod(m.path("/etc/farmwall wall/key"), 0o600)
	os.Chmod(m.path("/etc/farmwall wall/password"), 0o600)
	os.Chmod(m.path("/etc/farmwall wall/tell"), 0o755)
	m.boot()
	in := func(args ...string) string {
		return m.in(append([]string{"env", "-u", "FARMWALL_SOAK", "/usr/local/bin/farmwall"}, args...)...)
	}
	in("secrets", "encrypt", "/etc/farmwall wall/group_vars/all.yml", "--vault-password-file", "/etc/farmwall wall/password")
	flags := []string{"-i", "/etc/farmwall wall/hosts.ini", "--known-hosts", "/etc/farmwall wall/known_hosts", "--vault-password-file", "/etc/farmwall wall/password", "--state", "/var/lib/watched"}
	in(append([]string{"apply", "-y"}, flags...)...)
	in(append([]string{"schedule", "install", "--name", "night", "--every", "1d", "--notify", "exec:/etc/farmwall%20wall/tell"}, flags...)...)
	in(append([]string{"schedule", "install", "--name", "odd", "--every", "90m"}, flags...)...)

	var all []struct {
		Name, Every string
		Enabled     bool
		Next, Last  time.Time
	}
	if err := json.Unmarshal([]byte(in("schedule", "show", "--output", "json")), &all); err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, e := range all {
		if !e.Enabled || e.Next.Before(time.Now()) || e.Next.After(time.Now().Add(25*time.Hour)) {
			t.Errorf("%+v", e)
		}
	}
	service := "farmwall-schedule-night.service"
	if out, err := m.try("systemctl", "start", service); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, m.in("journalctl", "-u", service, "--no-pager"))
	}
	m.in("nft", "delete", "table", "inet", "farmwall")
	if out, err := m.try("systemctl", "start", service); err == nil {
		t.Errorf("drift is no failure of the unit: %s", out)
	}
	if got := strings.TrimSpace(m.in("systemctl", "show", "-P", "ExecMainStatus", service)); got != "2" {
		t.Errorf("exit %s: %s", got, m.in("journalctl", "-u", service, "--no-pager"))
	}
	if told := m.in("cat", "/var/lib/watched/told"); !strings.Contains(told, `"condition":"drifted"`) {
		t.Errorf("told %s", told)
	}
	if out := m.in("systemd-analyze", "security", "--no-pager", service); !strings.Contains(out, "OK") {
		t.Errorf("%s", out)
	}
	t.Log(in("schedule", "show"))
	in("schedule", "remove", "--name", "night")
	in("schedule", "remove", "--name", "night")
	in("schedule", "remove", "--name", "odd")
	if out := in("schedule", "show"); !strings.Contains(out, "No schedule") {
		t.Errorf("%s", out)
	}
	if out := m.in("systemctl", "list-timers", "--all"); strings.Contains(out, "farmwall") {
		t.Errorf("%s", out)
	}
}
