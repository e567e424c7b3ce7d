//go:build linux

package linuxtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"farmwall/rules"
)

// Machine says what kind of host a manager's tests want.
type Machine struct {
	// System is the dialect under test.
	System rules.Dialect
	// Programs are what it needs beside those that every host needs.
	Programs []string
	// Starts is shell text that starts what rules the host.
	Starts string
	// Ruleset is shell text that prints all that the manager's programs know, as it is.
	Ruleset string
	// Foreign is what is not ours in what Ruleset prints.
	Foreign func(ruleset string) string
}

// Host is a network namespace with mounts of its own: /run, /var/lib and /etc are
// private, so that it is a machine as far as the scripts can see. It is 192.0.2.10
// and 2001:db8::10, its client 192.0.2.1 and 2001:db8::1.
type Host struct {
	T testing.TB
	Machine
	pid    string
	client string // a process in the network namespace at the other end of eth0
}

// wire makes the mounts and a client behind a wire; $1 is the shell that is to be sh.
const wire = `set -e
mount --make-rprivate /
mount -t tmpfs -o size=64m tmpfs /run
mount -t tmpfs -o size=64m tmpfs /var/lib
mkdir /run/etc /run/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/work overlay /etc
unshare -n sleep 100000 >/dev/null 2>&1 &
client=$!
while [ "$(readlink /proc/$client/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
ip link set lo up
ip link add eth0 type veth peer name eth0 netns $client
ip link set eth0 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 2001:db8::10/64 dev eth0 nodad
ip route add default via 192.0.2.1
ip -6 route add default via 2001:db8::1
nsenter -t $client -n sh -ec 'ip link set lo up; ip link set eth0 up; ip addr add 192.0.2.1/24 dev eth0; ip addr add 2001:db8::1/64 dev eth0 nodad'
[ "$1" = sh ] || mount --bind "$(readlink -f "$(command -v "$1")")" "$(readlink -f /bin/sh)"
`

// SetUp is the program of a host's first process: it starts what rules the host, prints
// the client's number, and becomes the program in last.
func SetUp(starts, last string) string {
	return wire + starts + "\necho $client\nexec " + last
}

// NewHost starts a host whose /bin/sh is the shell: sh (the machine's own), bash,
// dash or busybox.
func NewHost(t testing.TB, m Machine, shell string) *Host {
	t.Helper()
	Needs(t, append([]string{"unshare", "nsenter", "nft", "ip", "flock", "setsid"}, m.Programs...)...)
	if shell != "sh" {
		Needs(t, shell)
	}
	cmd := exec.Command("unshare", "-n", "-m", "sh", "-c", SetUp(m.Starts, "sleep 100000"), "sh", shell)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := &Host{T: t, Machine: m, pid: fmt.Sprint(cmd.Process.Pid)}
	t.Cleanup(func() {
		h.StopAll()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the namespace could not be set up: %v\n%s", err, problem.String())
	}
	h.client = strings.TrimSpace(line)
	return h
}

// StopAll ends what the scripts left running in the host's network namespace.
func (h *Host) StopAll() {
	mine, err := os.Readlink("/proc/" + h.pid + "/ns/net")
	if err != nil {
		return
	}
	all, _ := filepath.Glob("/proc/[0-9]*/ns/net")
	for _, f := range all {
		if ns, err := os.Readlink(f); err == nil && ns == mine {
			pid := strings.Split(f, "/")[2]
			// A thread of the test itself may have gone there to open a connection.
			if pid != h.pid && pid != fmt.Sprint(os.Getpid()) {
				_ = exec.Command("kill", "-9", pid).Run()
			}
		}
	}
}

// Command is a program in the host.
func (h *Host) Command(ctx context.Context, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"-t", h.pid, "-n", "-m", "--"}, argv...)...)
}

// Sh runs shell text in the host and returns what it printed; it must not fail.
func (h *Host) Sh(text string, environment ...string) string {
	h.T.Helper()
	out, err := h.Try(text, environment...)
	if err != nil {
		h.T.Fatalf("%s\n%v\n%s", text, err, out)
	}
	return out
}

// Try is Sh for shell text that may fail.
func (h *Host) Try(text string, environment ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := h.Command(ctx, "sh", "-c", text)
	cmd.Env = append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Feed runs a program of the host with text as its input.
func (h *Host) Feed(text string, argv ...string) {
	h.T.Helper()
	cmd := h.Command(context.Background(), argv...)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		h.T.Fatalf("%v\n%s\n%v\n%s", argv, text, err, out)
	}
}

// Run runs a script as the transport would and returns what it printed.
func (h *Host) Run(s rules.Script) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := h.Command(ctx, "sh", "-c", "(\n"+s.Body+"\n)", "farmwall", "")
	cmd.Stdin = bytes.NewReader(s.Input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%s: %w: %s", s.Name, err, stderr.String())
	}
	return out, err
}

// Ruleset is all that the manager's programs know, as it is.
func (h *Host) Ruleset() string {
	h.T.Helper()
	return h.Sh(h.Machine.Ruleset)
}
