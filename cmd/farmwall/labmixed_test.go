//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/transport/lab"
)

// A mixed farm is one lab: Linux hosts reach Windows hosts, and one farmwall changes
// both.
func TestLabOfAMixedFarm(t *testing.T) {
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	inv := filepath.Join(t.TempDir(), "farm.yml")
	text := "all:\n  children:\n    gateway:\n      hosts:\n        gw1: { ansible_host: 10.77.0.11, ansible_user: root }\n" +
		"    rdsh:\n      vars: { ansible_connection: winrm }\n      hosts:\n        rds1: { ansible_host: rds1.example.com, ras_addresses: [10.77.0.31] }\n        rds2: { ansible_host: 10.77.0.32, ansible_port: 5985 }\n"
	if err := os.WriteFile(inv, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "lab")
	script := "farmwall() { " + binary(t) + " \"$@\"; }\n" +
		"farmwall apply -y -i " + inv + " && farmwall plan --detailed-exitcode -i " + inv + " && farmwall verify -i " + inv +
		" && farmwall lab off rds1 && farmwall lab list"
	out := mustFarmwall(t, exitOK, "lab", "up", "--lab", dir, "-i", inv, "--", "sh", "-c", script)
	for _, want := range []string{"changed=3", "3 hosts unchanged", "rds1  Windows  off"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q:\n%s", want, out)
		}
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the lab's folder is left")
	}
}
