//go:build linux

package linux

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"farmwall/rules"
)

// wire is a host and a peer joined by two cables: the host is h0 with 10.9.0.1/24 and
// fd00:9::1/64, and h1 with 10.8.0.1/24, which is in group 7; the peer is p0 and p1 with
// the addresses of wirePeers, one of which is far: it is reached by the default route.
type wire struct {
	host, peer *netns
	listeners  map[listener]int
	port       uint16          // the last source port: each is used once
	posts      map[string]post // by device, of which no two have one name
}

type listener struct {
	ns    *netns
	proto rules.Protocol
	at    netip.AddrPort
}

var wirePeers = []netip.Addr{
	netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("10.9.0.130"), netip.MustParseAddr("10.9.0.77"),
	netip.MustParseAddr("fd00:9::2"), netip.MustParseAddr("fd00:9::1:5"),
	netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("fd00:77::9"),
}

// wireHost is the host's address on the peer's cable.
func wireHost(peer netip.Addr) netip.Addr {
	switch {
	case peer.Is6():
		return netip.MustParseAddr("fd00:9::1")
	case netip.MustParsePrefix("10.8.0.0/24").Contains(peer):
		return netip.MustParseAddr("10.8.0.1")
	}
	return netip.MustParseAddr("10.9.0.1")
}

func newWire(t testing.TB) *wire {
	t.Helper()
	need(t, "nft", "ip", "sysctl")
	w := &wire{host: newNetns(t), peer: newNetns(t), listeners: map[listener]int{}, port: 32768, posts: map[string]post{}}
	var pid string
	w.peer.do(func() { pid = fmt.Sprint(unix.Gettid()) })
	// No router solicitations, no duplicate detection, no questions for neighbours: only
	// the test's packets.
	const quiet = `sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.router_solicitations=0 net.ipv6.conf.default.router_solicitations=0
ip link set lo up
`
	cables := `ip link add h0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02 netns PID
ip link add h1 address 02:00:00:00:01:01 type veth peer name p1 address 02:00:00:00:01:02 netns PID
ip addr add 10.9.0.1/24 dev h0; ip addr add 10.8.0.1/24 dev h1; ip addr add fd00:9::1/64 dev h0 nodad
ip link set h1 group 7; ip link set h0 up; ip link set h1 up
ip route add default via 10.9.0.2; ip -6 route add default via fd00:9::2
`
	w.peer.shell(t, quiet)
	neighbours, addresses := "", ""
	for _, a := range wirePeers {
		switch text := a.String(); {
		case a.Is4() && wireHost(a) == netip.MustParseAddr("10.8.0.1"):
			neighbours += "ip neigh replace " + text + " lladdr 02:00:00:00:01:02 dev h1 nud permanent\n"
			addresses += "ip addr add " + text + "/24 dev p1\n"
		case strings.HasPrefix(text, "198.") || strings.HasPrefix(text, "fd00:77"):
			addresses += "ip addr add " + text + " dev lo\n"
		default:
			neighbours += "ip neigh replace " + text + " lladdr 02:00:00:00:00:02 dev h0 nud permanent\n"
			addresses += "ip addr add " + text + map[bool]string{true: "/24 dev p0\n", false: "/64 dev p0 nodad\n"}[a.Is4()]
		}
	}
	w.host.shell(t, quiet+strings.ReplaceAll(cables, "PID", pid)+neighbours)
	w.peer.shell(t, "ip link set p0 up; ip link set p1 up\n"+addresses+`ip neigh replace 10.9.0.1 lladdr 02:00:00:00:00:01 dev p0 nud permanent
ip neigh replace fd00:9::1 lladdr 02:00:00:00:00:01 dev p0 nud permanent
ip neigh replace 10.8.0.1 lladdr 02:00:00:00:01:01 dev p1 nud permanent
`)
	t.Cleanup(func() {
		for _, fd := range w.listeners {
			unix.Close(fd)
		}
		for _, p := range w.posts {
			unix.Close(p.fd)
		}
	})
	return w
}

// shot is one packet, or one connection's beginning, of a flow.
type shot struct {
	in     bool
	proto  rules.Protocol
	port   uint16
	remote netip.Addr // invalid: the host to itself, over lo
	v6     bool       // of lo

	open   bool
	sender int
	from   uint16 // its source port
}

// ends are where the shot starts and where it goes.
func (s *shot) ends() (from, to netip.Addr) {
	switch {
	case !s.remote.IsValid() && s.v6:
		return netip.IPv6Loopback(), netip.IPv6Loopback()
	case !s.remote.IsValid():
		lo := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		return lo, lo
	case s.in:
		return s.remote, wireHost(s.remote)
	}
	return wireHost(s.remote), s.remote
}

// passes sends one packet and says whether it came through.
func (w *wire) passes(t testing.TB, in bool, proto rules.Protocol, port uint16, remote netip.Addr) bool {
	t.Helper()
	s := []*shot{{in: in, proto: proto, port: port, remote: remote}}
	w.fire(t, s)
	return s[0].open
}

// fire sends all shots at once and says of each whether it is open: for TCP that the
// connection was made, for UDP that the answer came back. It waits for no time-out:
// frames that no firewall sees follow the packets on the same wires, there and back,
// and once these have arrived the packets' fate is decided.
func (w *wire) fire(t testing.TB, shots []*shot) {
	t.Helper()
	for _, ns := range []*netns{w.host, w.peer} {
		for _, s := range shots {
			if starts, _ := w.spaces(s); starts == ns {
				w.prepare(t, s)
			}
		}
		ns.do(func() {
			for i, s := range shots {
				if starts, _ := w.spaces(s); starts == ns {
					s.launch(uint32(i))
				}
			}
		})
	}
	w.settle(t)
	w.echo(shots)
	w.settle(t)
	for _, s := range shots {
		if s.proto == rules.TCP {
			unix.SetsockoptLinger(s.sender, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		} else {
			var b [8]byte
			n, _, err := unix.Recvfrom(s.sender, b[:], unix.MSG_DONTWAIT)
			s.open = err == nil && n > 0
		}
		unix.Close(s.sender)
	}
}

// spaces are where the shot starts and ends.
func (w *wire) spaces(s *shot) (starts, arrives *netns) {
	switch {
	case !s.remote.IsValid():
		return w.host, w.host
	case s.in:
		return w.peer, w.host
	}
	return w.host, w.peer
}

// prepare makes the shot's sender, with a source port that no connection had before,
// and its listener.
func (w *wire) prepare(t testing.TB, s *shot) {
	t.Helper()
	starts, arrives := w.spaces(s)
	from, to := s.ends()
	at := listener{arrives, s.proto, netip.AddrPortFrom(to, s.port)}
	if _, ok := w.listeners[at]; !ok {
		w.listeners[at] = arrives.socket(t, s.proto, to, s.port, true)
	}
	if w.port++; w.port >= 65000 {
		t.Fatal("no source ports are left: make another wire")
	}
	s.sender, s.from = starts.socket(t, s.proto, from, w.port, false), w.port
}

func (s *shot) launch(id uint32) {
	_, to := s.ends()
	err := unix.Connect(s.sender, sockaddr(to, s.port))
	if err == nil && s.proto == rules.UDP {
		_, err = unix.Write(s.sender, binary.BigEndian.AppendUint32(nil, id))
	}
	_ = err // a filter of the sender itself answers here: EPERM
}

// echo answers every datagram that arrived, and takes every connection: it is there once
// the third packet of TCP has come.
func (w *wire) echo(shots []*shot) {
	for _, ns := range []*netns{w.host, w.peer} {
		ns.do(func() {
			for l, fd := range w.listeners {
				for l.ns == ns && l.proto == rules.UDP {
					var b [8]byte
					n, from, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT)
					if err != nil {
						break
					}
					_ = unix.Sendto(fd, b[:n], 0, from)
				}
				for l.ns == ns && l.proto == rules.TCP {
					c, from, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
					if err != nil {
						break
					}
					unix.SetsockoptLinger(c, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
					unix.Close(c)
					for _, s := range shots {
						s.open = s.open || s.proto == rules.TCP && s.from == portOf(from)
					}
				}
			}
		})
	}
}

// settle waits until all that is on the wires has arrived, and what it gave rise to.
func (w *wire) settle(t testing.TB) {
	t.Helper()
	for range 2 {
		w.signal(t, w.host, w.host, "lo", "lo")
		for _, dev := range []string{"0", "1"} {
			w.signal(t, w.peer, w.host, "p"+dev, "h"+dev)
			w.signal(t, w.host, w.peer, "h"+dev, "p"+dev)
		}
	}
}

// signal sends a sentinel from one end of a wire and waits for it at the other.
func (w *wire) signal(t testing.TB, from, to *netns, dev, arrives string) {
	t.Helper()
	a, mark := w.post(t, from, dev), w.post(t, to, arrives)
	var err error
	from.do(func() { // on the processor that the packets were sent from
		err = unix.Sendto(a.fd, []byte("sentinel"), 0, &unix.SockaddrLinklayer{Protocol: htons(sentinelType), Ifindex: a.index,
			Halen: 6, Addr: [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}})
	})
	if err != nil {
		t.Fatal(err)
	}
	waitReadable(t, mark.fd)
	var b [16]byte
	if _, err := unix.Read(mark.fd, b[:]); err != nil {
		t.Fatal(err)
	}
}

// post is the end of a wire where sentinels start and arrive.
type post struct{ fd, index int }

func (w *wire) post(t testing.TB, ns *netns, dev string) post {
	p, ok := w.posts[dev]
	if !ok {
		p.fd, p.index = ns.sentinel(t, dev)
		w.posts[dev] = p
	}
	return p
}

func portOf(a unix.Sockaddr) uint16 {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return uint16(a.Port)
	case *unix.SockaddrInet6:
		return uint16(a.Port)
	}
	return 0
}
