//go:build linux

package firewalld_test

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
	"farmwall/rules/linux"
	"farmwall/rules/linux/firewalld"
	"farmwall/rules/linux/nftables"
)

// system is the dialect under test.
var system = linux.New(firewalld.Manager{}, nftables.Manager{})

// skip ends a test that cannot run here; where skipping is forbidden it fails.
func skip(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatal("may not be skipped: " + reason)
	}
	t.Skip(reason)
}

// needs skips the test unless it runs as root and the programs are installed.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		skip(t, "needs root")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			skip(t, p+" is not installed")
		}
	}
}

// host is a network namespace with mounts of its own: /run, /var/lib and /etc are
// private, so that it is a machine as far as the scripts can see. It is 192.0.2.10
// and 2001:db8::10, its client 192.0.2.1 and 2001:db8::1.
type host struct {
	t      testing.TB
	pid    string
	client string // a process in the network namespace at the other end of eth0
}

// setUp makes the mounts and a client behind a wire.
const setUp = `set -e
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
# As systemd would have it; nothing here asks it for anything that has to succeed.
mkdir -p /run/systemd/system /run/dbus
dbus-daemon --system --nofork --nopidfile >/dev/null 2>&1 &
while [ ! -S /run/dbus/system_bus_socket ]; do sleep 0.05; done
firewalld --nofork >/dev/null 2>&1 &
until busctl --auto-start=no call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1 getDefaultZone >/dev/null 2>&1; do sleep 0.1; done
echo $client
exec sleep 100000`

// newHost starts a host with a firewalld of its own.
func newHost(t testing.TB) *host {
	t.Helper()
	needs(t, "unshare", "nsenter", "nft", "ip", "flock", "setsid", "dbus-daemon", "firewall-cmd", "busctl")
	cmd := exec.Command("unshare", "-n", "-m", "sh", "-c", setUp)
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
	h := &host{t: t, pid: fmt.Sprint(cmd.Process.Pid)}
	t.Cleanup(func() {
		h.stopAll()
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

// stopAll ends what the scripts left running in the host's network namespace.
func (h *host) stopAll() {
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

// command is a program in the host.
func (h *host) command(ctx context.Context, argv ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"-t", h.pid, "-n", "-m", "--"}, argv...)...)
}

// sh runs shell text in the host and returns what it printed; it must not fail.
func (h *host) sh(text string) string {
	h.t.Helper()
	out, err := h.try(text)
	if err != nil {
		h.t.Fatalf("%s\n%v\n%s", text, err, out)
	}
	return out
}

func (h *host) try(text string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := h.command(ctx, "sh", "-c", text).CombinedOutput()
	return string(out), err
}

// foreign is all that firewalld holds, loaded and permanent.
func (h *host) foreign() string {
	h.t.Helper()
	return h.sh("nft list table inet firewalld; echo permanent; cd /etc/firewalld/zones; cat public.xml internal.xml docker.xml 2>/dev/null || true")
}

// run runs a script as the transport would and returns what it printed.
func (h *host) run(s rules.Script) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	cmd := h.command(ctx, "sh", "-c", "(\n"+s.Body+"\n)", "farmwall", "")
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

// frame runs a script of the frame and reads its answer.
func (h *host) frame(s rules.Script) *rules.Report {
	h.t.Helper()
	out, err := h.run(s)
	if err != nil {
		h.t.Fatal(err)
	}
	r, err := system.Answer(out)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

// state observes the host.
func (h *host) state() *rules.State {
	h.t.Helper()
	out, err := h.run(system.Observe())
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := system.Decode(out)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// request makes the change of a host from the state that was seen to the wanted set.
func (h *host) request(s *rules.State, want rules.Set, window time.Duration) rules.ChangeRequest {
	h.t.Helper()
	if err := system.Check(s, want); err != nil {
		h.t.Fatal(err)
	}
	target, err := system.Target(s, want)
	if err != nil {
		h.t.Fatal(err)
	}
	undo, err := system.Undo(s)
	if err != nil {
		h.t.Fatal(err)
	}
	return rules.ChangeRequest{
		Run: "run-1", Controller: "admin@controller", Lease: s.Lease.Number,
		Ours: s.Ours, Rest: s.Rest, Window: window, Target: target, Undo: undo, Digest: want.Digest(),
	}
}

// apply changes the host and stops before the confirm.
func (h *host) apply(want rules.Set) *rules.Report {
	h.t.Helper()
	r := h.frame(system.Change(h.request(h.state(), want, time.Minute)))
	if r.Result != rules.Applied {
		h.t.Fatalf("change: %+v", r)
	}
	return r
}

func (h *host) confirm(lease uint64) *rules.Report {
	h.t.Helper()
	return h.frame(system.Confirm(rules.ConfirmRequest{
		Run: "run-1", Controller: "admin@controller", Lease: lease, Time: time.Unix(1700000000, 0),
	}))
}

func (h *host) revert(lease uint64) *rules.Report {
	h.t.Helper()
	return h.frame(system.Revert(rules.RevertRequest{Run: "run-1", Lease: lease}))
}

// confirmed applies and confirms.
func (h *host) confirmed(want rules.Set) {
	h.t.Helper()
	if r := h.confirm(h.apply(want).Lease); r.Result != rules.Confirmed || r.Unsaved != "" {
		h.t.Fatalf("confirm: %+v", r)
	}
}

// nothingToDo fails unless the host holds the wanted set exactly.
func (h *host) nothingToDo(want rules.Set) {
	h.t.Helper()
	if d := system.Diff(h.state(), want); len(d) > 0 {
		h.t.Errorf("there are still differences: %s", show(d))
	}
}

func show(d []rules.Change) string {
	var b strings.Builder
	for _, c := range d {
		fmt.Fprintf(&b, "\n%s %v %s", c.Verb, c.Places, c.Note)
		for _, f := range rules.Fields(c) {
			fmt.Fprintf(&b, " %s %q -> %q", f.Name, f.Old, f.New)
		}
	}
	return b.String()
}

// differences are the lines that only one of two texts has.
func differences(before, after string) string {
	count := map[string]int{}
	for _, l := range strings.Split(before, "\n") {
		count[l]--
	}
	for _, l := range strings.Split(after, "\n") {
		count[l]++
	}
	var out strings.Builder
	for _, text := range []string{before, after} {
		for _, l := range strings.Split(text, "\n") {
			if count[l] != 0 {
				fmt.Fprintf(&out, "%+d %s\n", count[l], l)
				count[l] = 0
			}
		}
	}
	if out.Len() == 0 && before != after {
		return "the same lines in another order"
	}
	return out.String()
}
