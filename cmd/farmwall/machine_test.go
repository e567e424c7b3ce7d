//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inOwnNamespace runs the test again in network and mount namespaces of its
// own, as root, and says whether this is that inner run.
func inOwnNamespace(t *testing.T, programs ...string) bool {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_INNER") == t.Name() {
		// ip keeps its names in files; those of this run are nobody else's.
		script := "mkdir -p /run/netns && mount -t tmpfs names /run/netns"
		if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return true
	}
	if os.Geteuid() != 0 {
		unable(t, "needs root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			unable(t, "needs "+p)
		}
	}
	c := exec.Command("unshare", "-n", "-m", "--propagation", "private",
		os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "15m")
	c.Env = append(os.Environ(), "FARMWALL_TEST_INNER="+t.Name())
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("inner run: %v", err)
	}
	return false
}

// unable skips with the reason, or fails where skipping is forbidden.
func unable(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatalf("must not skip: %s", reason)
	}
	t.Skip(reason)
}

// machine is a real Linux system in a container: systemd as PID 1 over an
// overlay of this machine's /, OpenSSH's sshd, and its own network namespace.
// Its disk outlives a boot, its kernel state does not.
type machine struct {
	t       *testing.T
	dir     string // tmpfs with the overlay
	address string
	netns   string
	boots   int
	init    *exec.Cmd
	console bytes.Buffer
}

// newMachine lays out the disk; nothing runs before boot. files are written
// into it, by absolute path.
func newMachine(t *testing.T, address string, files map[string]string) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir(), address: address}
	m.run("mount", "-t", "tmpfs", "machine", m.dir)
	for _, d := range []string{"up", "work", "root"} {
		if err := os.MkdirAll(filepath.Join(m.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.run("mount", "-t", "overlay", "machine", "-o",
		fmt.Sprintf("lowerdir=/,upperdir=%s/up,workdir=%s/work", m.dir, m.dir), m.dir+"/root")
	m.write("/etc/machine-id", strings.Repeat("0123456789abcdef", 2)+"\n")
	m.write("/etc/fstab", "")
	// What this machine's own root does at log-in is not the test's: it may wait for
	// locks that a crash leaves behind.
	for _, name := range []string{".bashrc", ".bash_profile", ".profile", ".bash_login"} {
		m.write("/root/"+name, "")
	}
	m.link("/etc/systemd/system/default.target", "/lib/systemd/system/multi-user.target")
	// Nor are the firewalls that are installed here.
	for _, unit := range []string{"multi-user.target.wants/ufw.service", "multi-user.target.wants/firewalld.service", "dbus-org.fedoraproject.FirewallD1.service"} {
		os.Remove(m.path("/etc/systemd/system/" + unit))
	}
	m.link("/etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service")
	m.write("/etc/ssh/sshd_config", "Port 22\nPermitRootLogin prohibit-password\nUsePAM no\nHostKey /etc/ssh/machine_key\nAuthorizedKeysFile /etc/ssh/machine_user.pub\n")
	m.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", m.path("/etc/ssh/machine_key"))
	m.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", m.dir+"/user")
	m.write("/etc/ssh/machine_user.pub", m.read(m.dir+"/user.pub"))
	for path, text := range files {
		m.write(path, text)
	}
	t.Cleanup(m.off)
	return m
}

// boot starts the machine in a new network namespace, joined to the test's own,
// and waits until its sshd answers.
func (m *machine) boot() {
	m.t.Helper()
	m.boots++
	m.netns = fmt.Sprintf("machine%d", m.boots)
	m.run("ip", "netns", "add", m.netns)
	m.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "eth0", "netns", m.netns)
	m.run("ip", "addr", "add", "10.79.0.254/24", "dev", "cable")
	m.run("ip", "link", "set", "cable", "up")
	m.run("ip", "-n", m.netns, "addr", "add", m.address+"/24", "dev", "eth0")
	m.run("ip", "-n", m.netns, "link", "set", "eth0", "up")
	m.run("ip", "-n", m.netns, "link", "set", "lo", "up")
	m.init = exec.Command("systemd-nspawn", "--boot", "--quiet", "--register=no", "--keep-unit", "--console=pipe", "--capability=CAP_NET_ADMIN,CAP_NET_RAW",
		"--network-namespace-path=/run/netns/"+m.netns, "--directory="+m.dir+"/root")
	m.init.Stdout, m.init.Stderr = &m.console, &m.console
	m.init.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.init.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.until("the machine runs", 90*time.Second, func() bool {
		out, _ := m.try("systemctl", "is-system-running", "--wait")
		return strings.Contains(out, "running") || strings.Contains(out, "degraded")
	})
}

// reboot asks the machine's systemd for a reboot and boots the same disk again.
func (m *machine) reboot() {
	m.t.Helper()
	m.try("systemctl", "reboot")
	m.gone()
	m.boot()
}

// crash cuts the power and boots the same disk again.
func (m *machine) crash() {
	m.t.Helper()
	m.cutPower()
	m.gone()
	m.boot()
}

func (m *machine) gone() {
	m.t.Helper()
	done := make(chan struct{})
	go func() { m.init.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		m.cutPower()
		<-done
		m.t.Logf("the machine did not go down by itself")
	}
	m.init = nil
	m.run("ip", "netns", "del", m.netns)
	exec.Command("ip", "link", "del", "cable").Run()
}

func (m *machine) off() {
	if m.init != nil {
		m.cutPower()
		m.init.Wait()
	}
	exec.Command("ip", "netns", "del", m.netns).Run()
	exec.Command("umount", m.dir+"/root").Run()
	exec.Command("umount", m.dir).Run()
}

// leader is the number of the machine's first process.
func (m *machine) leader() (int, error) {
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(m.init.Process.Pid)).Output()
	if err != nil {
		return 0, fmt.Errorf("no init yet: %w", err)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return strconv.Atoi(strings.TrimSpace(first))
}

// cutPower ends the machine's first process, and the kernel all others with it.
// Killing systemd-nspawn would leave the machine running.
func (m *machine) cutPower() {
	if pid, err := m.leader(); err == nil {
		syscall.Kill(pid, syscall.SIGKILL)
	} else {
		m.init.Process.Kill()
	}
}

// try runs a command inside the machine.
func (m *machine) try(argv ...string) (string, error) {
	leader, err := m.leader()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(leader), "-a"}, argv...)...).CombinedOutput()
	return string(out), err
}

// in runs a command inside the machine and fails the test if it fails.
func (m *machine) in(argv ...string) string {
	m.t.Helper()
	out, err := m.try(argv...)
	if err != nil {
		m.t.Fatalf("%v: %v: %s", argv, err, out)
	}
	return out
}

// until polls, for what no event tells.
func (m *machine) until(what string, limit time.Duration, done func() bool) {
	m.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if done() {
			return
		}
	}
	m.t.Fatalf("not within %v: %s\n%s", limit, what, m.console.String())
}

func (m *machine) run(argv ...string) {
	m.t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %v: %s", argv, err, out)
	}
}

func (m *machine) path(p string) string { return m.dir + "/root" + p }

func (m *machine) read(path string) string {
	m.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(b)
}

func (m *machine) write(path, text string) {
	m.t.Helper()
	full := m.path(path)
	os.MkdirAll(filepath.Dir(full), 0o755)
	os.Remove(full)
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) link(path, target string) {
	m.t.Helper()
	full := m.path(path)
	os.MkdirAll(filepath.Dir(full), 0o755)
	os.Remove(full)
	if err := os.Symlink(target, full); err != nil {
		m.t.Fatal(err)
	}
}

// inventory writes an inventory whose only member is the machine, and the
// files to reach it; it returns the flags for farmwall.
func (m *machine) inventory(role string) []string {
	m.t.Helper()
	dir := m.t.TempDir()
	hosts := fmt.Sprintf("[%s]\nmachine ansible_host=%s\n[%s:vars]\nansible_user=root\nansible_ssh_private_key_file=%s/user\n", role, m.address, role, m.dir)
	if err := os.WriteFile(dir+"/hosts.ini", []byte(hosts), 0o600); err != nil {
		m.t.Fatal(err)
	}
	key := m.read(m.path("/etc/ssh/machine_key.pub"))
	if err := os.WriteFile(dir+"/known_hosts", []byte(m.address+" "+key), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return []string{"-i", dir + "/hosts.ini", "--known-hosts", dir + "/known_hosts", "--state", dir + "/state"}
}
