package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"farmwall/transport/lab"
)

// needLoopback skips where 127.x.y.z is not there without more ado.
func needLoopback(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "darwin" {
		t.Skip("macOS has no 127.x.y.z beside 127.0.0.1 unless somebody adds it")
	}
}

const windowsFarm = `[gateway]
gw1 ansible_host=127.61.0.11

[rdsh]
rds1 ansible_host=127.61.0.31 ansible_port=5986
rds2 ansible_host=127.61.0.32 ansible_user=LAB\own ansible_password=hunter2-of-rds2

[publishing_agent]
pa1 ansible_host=127.61.0.21 ansible_connection=ssh ansible_shell_type=powershell ansible_port=2222 ansible_user=administrator

[all:vars]
ansible_connection=winrm
ansible_port=5985
`

// Windows hosts alone need no namespaces, no root and no Linux: they are reached
// from any shell.
func TestLabOfWindowsHosts(t *testing.T) {
	needLoopback(t)
	dir := filepath.Join(t.TempDir(), "lab")
	inv := filepath.Join(t.TempDir(), "farm.ini")
	if err := os.WriteFile(inv, []byte(windowsFarm), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"down", "Ctrl-C"} {
		holder := exec.Command(binary(t), "lab", "up", "--lab", dir, "-i", inv)
		said, err := holder.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		defer holder.Process.Kill()
		if line, err := bufio.NewReader(said).ReadString('\n'); err != nil || !strings.HasPrefix(line, "4 hosts up in ") {
			t.Fatalf("%q %v", line, err)
		}
		t.Setenv(lab.EnvDir, dir)
		out := mustFarmwall(t, exitOK, "lab", "exec", "--", "farmwall", "ping", "-i", inv)
		for _, want := range []string{"http, ntlm, sealed", "https, ntlm, TLS", "profile Domain", "privilege administrator", "ok=4"} {
			if !strings.Contains(out, want) {
				t.Errorf("ping does not say %q:\n%s", want, out)
			}
		}
		mustFarmwall(t, exitOK, "lab", "host", "gw1", "--", "add", "v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=9|Name=by hand|")
		if out := mustFarmwall(t, exitOK, "lab", "host", "gw1", "--", "rules", "=by hand|"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "Action=Block") {
			t.Errorf("%q", out)
		}
		mustFarmwall(t, exitOK, "lab", "reboot", "rds1", "rds2")
		mustFarmwall(t, exitOK, "lab", "cut", "gw1")
		out = mustFarmwall(t, exitOK, "lab", "list")
		for _, want := range []string{"gw1 Windows on pulled 1 5985 127.61.0.11", "rds1 Windows on plugged 2 5986", "pa1 Windows on plugged 1 2222"} {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
				t.Errorf("no %q:\n%s", want, out)
			}
		}
		for want, args := range map[string][]string{
			"up in " + dir + " already": {"up", "-i", inv},
			"no host \"gw9\"":           {"off", "gw9"},
			"Windows hosts only":        {"shell", "rds1"},
			"rule \"none\"":             {"host", "gw1", "--", "remove", "none"},
			"it must be model":          {"up", "-i", inv, "--engine", "wine"},
		} {
			if out := mustFarmwall(t, exitNotStarted, append([]string{"lab"}, args...)...); !strings.Contains(out, want) {
				t.Errorf("lab %v does not say %q: %s", args, want, out)
			}
		}
		if out := mustFarmwall(t, exitOK, "lab", "host", "gw1", "--", "help"); !strings.Contains(out, "disable NAME") {
			t.Errorf("%s", out)
		}
		if end == "down" {
			mustFarmwall(t, exitOK, "lab", "down")
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
	}
	mustFarmwall(t, 7, "lab", "up", "--lab", dir, "-i", inv, "-l", "gw1", "--", "sh", "-c", "exit 7")
}
