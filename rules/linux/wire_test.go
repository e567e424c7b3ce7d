//go:build linux

package linux

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"farmwall/rules"
)

// skip leaves a test out with the reason, or fails where nothing may be left out.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("FARMWALL_TEST_NO_SKIP") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// need skips the test where it is not root or a program is missing.
func need(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		skip(t, "needs root for network namespaces")
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			skip(t, "needs the program %s", p)
		}
	}
}

// netns is a network namespace that a goroutine of its own lives in.
type netns struct{ work chan func() }

func newNetns(t testing.TB) *netns {
	t.Helper()
	n := &netns{work: make(chan func())}
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			var one unix.CPUSet
			one.Set(0)
			err = unix.SchedSetaffinity(0, &one) // so that packets keep their order
		}
		failed <- err
		if err != nil {
			return
		}
		for f := range n.work {
			f()
		}
	}()
	if err := <-failed; err != nil {
		skip(t, "cannot make a network namespace: %v", err)
	}
	t.Cleanup(func() { close(n.work) })
	return n
}

// do runs f in the namespace.
func (n *netns) do(f func()) {
	done := make(chan struct{})
	n.work <- func() { defer close(done); f() }
	<-done
}

// run executes a program in the namespace and returns what it printed.
func (n *netns) run(t testing.TB, input string, argv ...string) string {
	t.Helper()
	out, err := n.try(input, argv...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, input)
	}
	return out
}

func (n *netns) try(input string, argv ...string) (out string, err error) {
	n.do(func() {
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdin = strings.NewReader(input)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		var b []byte
		if b, err = cmd.Output(); err != nil {
			err = fmt.Errorf("%w: %s", err, stderr.String())
		}
		out = string(b)
	})
	return out, err
}

// shell runs shell text in the namespace.
func (n *netns) shell(t testing.TB, text string) string {
	t.Helper()
	return n.run(t, "", "sh", "-ec", text)
}

// load has nft load a ruleset; nft 1.0.6 wants a newline between closing braces.
func (n *netns) load(t testing.TB, ruleset string) {
	t.Helper()
	n.run(t, strings.ReplaceAll(ruleset, "} }", "}\n}"), "nft", "-f", "-")
}

// observe reads the namespace as a host.
func (n *netns) observe(t testing.TB, s *System) *rules.State {
	t.Helper()
	out := n.run(t, "", "sh", "-c", s.Observe().Body, "sh", "")
	st, err := s.Decode([]byte(out))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return st
}

// wire is a host and a peer joined by a cable; the host is h0 with 10.9.0.1/24 and
// fd00:9::1/64, the peer p0 with 10.9.0.2 ... and fd00:9::2 ...
type wire struct{ host, peer *netns }

var wirePeers = []netip.Addr{
	netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("10.9.0.130"), netip.MustParseAddr("10.9.0.77"),
	netip.MustParseAddr("fd00:9::2"), netip.MustParseAddr("fd00:9::1:5"),
}

func wireHost(v4 bool) netip.Addr {
	if v4 {
		return netip.MustParseAddr("10.9.0.1")
	}
	return netip.MustParseAddr("fd00:9::1")
}

func newWire(t testing.TB) *wire {
	t.Helper()
	need(t, "nft", "ip", "sysctl")
	w := &wire{newNetns(t), newNetns(t)}
	var pid string
	w.peer.do(func() { pid = fmt.Sprint(unix.Gettid()) })
	w.host.shell(t, "ip link set lo up; ip link add h0 type veth peer name p0 netns "+pid)
	for _, n := range []*netns{w.host, w.peer} {
		// No router solicitations, no duplicate detection: only the test's packets.
		n.shell(t, "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.router_solicitations=0")
	}
	w.host.shell(t, "sysctl -qw net.ipv6.conf.h0.accept_dad=0; ip addr add 10.9.0.1/24 dev h0; ip addr add fd00:9::1/64 dev h0 nodad; ip link set h0 up")
	w.peer.shell(t, "sysctl -qw net.ipv6.conf.p0.accept_dad=0; ip link set lo up; ip link set p0 up")
	for _, a := range wirePeers {
		if a.Is4() {
			w.peer.shell(t, "ip addr add "+a.String()+"/24 dev p0")
		} else {
			w.peer.shell(t, "ip addr add "+a.String()+"/64 dev p0 nodad")
		}
	}
	return w
}

// passes sends one packet of the flow and says whether the other end's socket got it
// (UDP) or the connection was made (TCP). It waits for no time-out: a frame that no
// firewall sees follows the packet on the same wire, and once that has arrived the
// packet's fate is decided.
func (w *wire) passes(t testing.TB, in bool, proto rules.Protocol, port uint16, remote netip.Addr) bool {
	t.Helper()
	from, to := w.peer, w.host
	src, dst := remote, wireHost(remote.Is4())
	if !in {
		from, to, src, dst = w.host, w.peer, dst, src
	}
	listener := to.socket(t, proto, dst, port, true)
	defer unix.Close(listener)
	sender := from.socket(t, proto, src, 0, false)
	defer unix.Close(sender)
	mark := to.sentinel(t, map[bool]string{true: "h0", false: "p0"}[in])
	defer unix.Close(mark)
	from.do(func() {
		err := unix.Connect(sender, sockaddr(dst, port))
		if err == nil && proto == rules.UDP {
			_, err = unix.Write(sender, []byte("x"))
		}
		_ = err // a filter of the sender itself answers here: EPERM
	})
	from.sendSentinel(t, map[bool]string{true: "p0", false: "h0"}[in])
	waitReadable(t, mark)
	if proto == rules.TCP {
		state, err := unix.GetsockoptTCPInfo(sender, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			t.Fatal(err)
		}
		return state.State == 1 // ESTABLISHED
	}
	var b [8]byte
	_, err := unix.Read(listener, b[:])
	return err == nil
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Port: int(port), Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Port: int(port), Addr: a.As16()}
}

func (n *netns) socket(t testing.TB, proto rules.Protocol, a netip.Addr, port uint16, listen bool) (fd int) {
	t.Helper()
	family, kind := unix.AF_INET6, unix.SOCK_STREAM
	if a.Is4() {
		family = unix.AF_INET
	}
	if proto == rules.UDP {
		kind = unix.SOCK_DGRAM
	}
	var err error
	n.do(func() {
		if fd, err = unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
			err = unix.Bind(fd, sockaddr(a, port))
		}
		if err == nil && listen && kind == unix.SOCK_STREAM {
			err = unix.Listen(fd, 8)
		}
	})
	if err != nil {
		t.Fatalf("socket on %s port %d: %v", a, port, err)
	}
	return fd
}

const sentinelType = 0x88b5 // for local experiments (IEEE 802)

func htons(v uint16) uint16 { return v<<8 | v>>8 }

func (n *netns) sentinel(t testing.TB, dev string) (fd int) {
	t.Helper()
	var err error
	n.do(func() {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(sentinelType))); err != nil {
			return
		}
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(sentinelType), Ifindex: ifindex(t, dev)})
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func ifindex(t testing.TB, dev string) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(dev)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req); err != nil {
		t.Fatal(err)
	}
	return int(req.Uint32())
}

func (n *netns) sendSentinel(t testing.TB, dev string) {
	t.Helper()
	var err error
	n.do(func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		to := &unix.SockaddrLinklayer{Protocol: htons(sentinelType), Ifindex: ifindex(t, dev), Halen: 6,
			Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
		err = unix.Sendto(fd, []byte("sentinel"), 0, to)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func waitReadable(t testing.TB, fd int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
		if n == 1 && err == nil {
			return
		}
	}
	t.Fatal("the sentinel did not arrive")
}
