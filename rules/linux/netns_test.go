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
			err = unix.Listen(fd, 512)
		}
	})
	if err != nil {
		t.Fatalf("socket on %s port %d: %v", a, port, err)
	}
	return fd
}

const sentinelType = 0x88b5 // for local experiments (IEEE 802)

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// sentinel is a socket that sends and receives frames no firewall looks at. To close one
// costs the kernel tens of milliseconds, so it lives as long as its wire.
func (n *netns) sentinel(t testing.TB, dev string) (fd, index int) {
	t.Helper()
	var err error
	n.do(func() {
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(sentinelType))); err != nil {
			return
		}
		index = ifindex(t, dev)
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(sentinelType), Ifindex: index})
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd, index
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
