package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
)

func load(t *testing.T, text string) *inventory.Inventory {
	t.Helper()
	file := filepath.Join(t.TempDir(), "hosts.ini")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := inventory.Load(context.Background(), []string{file}, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestSpecsAreTheInventorysHosts(t *testing.T) {
	specs, guests, err := Specs(load(t, `
[gateway]
gw1 ansible_host=10.77.0.11 ras_addresses=10.77.0.11,fd77::11
gw2 ansible_host=gw2.example.com ras_addresses=10.77.0.12 ansible_port=2222
[others]
out ansible_host=10.78.0.13
win ansible_host=10.78.0.14 ansible_connection=winrm ansible_port=5985
winssh ansible_host=10.78.0.15 ansible_shell_type=powershell
`))
	if err != nil || len(specs) != 3 {
		t.Fatalf("%+v %v", specs, err)
	}
	if len(guests) != 2 || guests[0].Name != "win" || guests[0].Port != 5985 || guests[1].Name != "winssh" {
		t.Errorf("the Windows hosts: %+v", guests)
	}
	if got := specs[0].Addresses; len(got) != 2 || got[0].String() != "10.77.0.11" || got[1].String() != "fd77::11" {
		t.Errorf("gw1 has %v", got)
	}
	if s := specs[1]; s.Port != 2222 || len(s.Names) != 1 || s.Names[0] != "gw2.example.com" || len(s.Addresses) != 1 {
		t.Errorf("gw2: %+v", s)
	}
	if s := specs[2]; s.Name != "out" || s.Addresses[0].String() != "10.78.0.13" {
		t.Errorf("a host that is no member: %+v", s)
	}
}

func TestSpecsNamesEveryHostThatCannotBe(t *testing.T) {
	_, _, err := Specs(load(t, `
[gateway]
gw1 ansible_host=gw1.example.com
win ansible_host=win.example.com ansible_connection=winrm
ok ansible_host=10.77.0.4
`))
	var problems inventory.Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Fatalf("%v", err)
	}
	for i, want := range []string{"gw1 has no address", "win has no address"} {
		if !strings.Contains(problems[i].Error(), want) {
			t.Errorf("%v does not say %q", problems[i], want)
		}
	}
}
