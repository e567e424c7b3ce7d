//go:build linux

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"farmwall/transport/lab"
)

// labInventory is three hosts for a lab, one of them no member, and a folder
// for the lab.
func labInventory(t *testing.T) (inventory, dir string) {
	t.Helper()
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	inventory = filepath.Join(t.TempDir(), "hosts.ini")
	text := "[gateway]\ngw1 ansible_host=10.77.0.11 ras_addresses=10.77.0.11,fd77::11\n" +
		"[publishing_agent]\npa1 ansible_host=10.77.0.12 ansible_user=admin ansible_become=true ansible_ssh_private_key_file=/no/such/key\n" +
		"[others]\nout ansible_host=10.78.0.13\n"
	if err := os.WriteFile(inventory, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return inventory, filepath.Join(t.TempDir(), "lab")
}

func TestLabUpForOneCommand(t *testing.T) {
	inventory, dir := labInventory(t)
	out := mustFarmwall(t, 0, "lab", "up", "--lab", dir, "-i", inventory, "--", "farmwall", "ping", "-i", inventory)
	for _, host := range []string{"gw1", "pa1", "out"} {
		if !strings.Contains(out, "ok: "+host) {
			t.Errorf("no word of %s:\n%s", host, out)
		}
	}
	mustFarmwall(t, 7, "lab", "up", "--lab", dir, "-i", inventory, "-l", "gw1", "--", "sh", "-c", "exit 7")
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the lab's folder is left")
	}
}

func TestLabStaysUp(t *testing.T) {
	inventory, dir := labInventory(t)
	ruleset := filepath.Join(t.TempDir(), "rules.nft")
	if err := os.WriteFile(ruleset, []byte("table inet mine {\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"down", "Ctrl-C"} {
		t.Run(end, func(t *testing.T) {
			holder := exec.Command(binary(t), "lab", "up", "--lab", dir, "-i", inventory, "--ruleset", ruleset)
			said, err := holder.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			defer holder.Process.Kill()
			if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.HasPrefix(line, "3 hosts up in ") {
				t.Fatalf("%q %v", line, err)
			}
			t.Setenv(lab.EnvDir, dir)
			if out := mustFarmwall(t, 0, "lab", "host", "gw1", "--", "sh", "-c", "hostname; nft list tables"); out != "gw1\ntable inet mine\n" {
				t.Errorf("%q", out)
			}
			mustFarmwall(t, 3, "lab", "exec", "--", "sh", "-c", "test -d $FARMWALL_STATE && exit 3")
			mustFarmwall(t, 0, "lab", "reboot", "pa1", "out")
			mustFarmwall(t, 0, "lab", "cut", "gw1")
			out := mustFarmwall(t, 0, "lab", "list")
			for host, want := range map[string]string{"gw1": "Linux on pulled 1 22", "pa1": "Linux on plugged 2 22", "out": "Linux on plugged 2 22"} {
				found := false
				for _, line := range strings.Split(out, "\n") {
					found = found || strings.HasPrefix(strings.Join(strings.Fields(line), " "), host+" "+want)
				}
				if !found {
					t.Errorf("%s is not %q:\n%s", host, want, out)
				}
			}
			if out := mustFarmwall(t, 1, "lab", "up", "-i", inventory); !strings.Contains(out, "up in "+dir+" already") {
				t.Errorf("a second lab in the same folder: %s", out)
			}
			if end == "down" {
				mustFarmwall(t, 0, "lab", "down")
			} else {
				holder.Process.Signal(syscall.SIGINT)
			}
			ended := make(chan error, 1)
			go func() { ended <- holder.Wait() }()
			select {
			case err := <-ended:
				if err != nil {
					t.Errorf("the holder: %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the holder does not end")
			}
			if _, err := os.Lstat(dir); err == nil {
				t.Error("the lab's folder is left")
			}
			if out := mustFarmwall(t, 1, "lab", "list"); !strings.Contains(out, "no lab is up") {
				t.Errorf("%s", out)
			}
		})
	}
}

func TestLabTellsWhatIsMissing(t *testing.T) {
	_, dir := labInventory(t)
	t.Setenv(lab.EnvDir, dir)
	names := filepath.Join(t.TempDir(), "names.ini")
	if err := os.WriteFile(names, []byte("[gateway]\ngw1 ansible_host=gw1.example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"no lab is up", []string{"exec", "--", "true"}},
		{"which command?", []string{"exec"}},
		{"which host", []string{"host", "gw1"}},
		{"which host?", []string{"cut"}},
		{"which inventory?", []string{"up"}},
		{"gw1 has no address", []string{"up", "-i", names}},
	} {
		if out := mustFarmwall(t, 1, append([]string{"lab"}, c.args...)...); !strings.Contains(out, c.want) {
			t.Errorf("lab %v does not say %q: %s", c.args, c.want, out)
		}
	}
}
