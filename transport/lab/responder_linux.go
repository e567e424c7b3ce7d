package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// responder answers probes and sentinels of one network namespace.
type responder struct {
	wire *wireSocket
	wake [2]int // a pipe: something was added

	mu     sync.Mutex
	added  []listener
	listed map[listener]bool // without descriptors: what is listened on already

	listeners []listener       // of the responder's own thread
	arrived   map[uint32][]int // by session: numbers of datagrams
}

// listener is a socket that waits for probes.
type listener struct {
	protocol uint8
	port     uint16
	family   int
	fd       int
}

// startResponder starts the thread that answers.
func startResponder(cable string) (*responder, error) {
	wire, err := openWire(cable)
	if err != nil {
		return nil, err
	}
	r := &responder{wire: wire, listed: map[listener]bool{}, arrived: map[uint32][]int{}}
	if err := unix.Pipe2(r.wake[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, err
	}
	ready := make(chan error)
	go func() {
		err := onOneCPU()
		ready <- err
		if err == nil {
			r.run()
		}
	}()
	return r, <-ready
}

// listen opens ports for probes, IPv4 and IPv6. Ports that something listens on
// already are fine.
func (r *responder) listen(protocol uint8, ports []uint16) error {
	if protocol != unix.IPPROTO_TCP && protocol != unix.IPPROTO_UDP {
		ports = []uint16{0}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, port := range ports {
		families := []int{unix.AF_INET6} // serves both, where there are ports
		if port == 0 {
			families = []int{unix.AF_INET, unix.AF_INET6}
		}
		for _, family := range families {
			l := listener{protocol: protocol, port: port, family: family}
			if r.listed[l] {
				continue
			}
			fd, err := openListener(l)
			if errors.Is(err, unix.EADDRINUSE) {
				continue
			}
			if err != nil {
				return fmt.Errorf("listen on protocol %d port %d: %w", protocol, port, err)
			}
			r.listed[l] = true
			l.fd = fd
			r.added = append(r.added, l)
		}
	}
	_, err := unix.Write(r.wake[1], []byte{0})
	return err
}

func openListener(l listener) (int, error) {
	kind, protocol := unix.SOCK_RAW, int(l.protocol)
	switch l.protocol {
	case unix.IPPROTO_TCP:
		kind = unix.SOCK_STREAM
	case unix.IPPROTO_UDP:
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(l.family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return 0, err
	}
	switch kind {
	case unix.SOCK_STREAM:
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if err = unix.Bind(fd, &unix.SockaddrInet6{Port: int(l.port)}); err == nil {
			err = unix.Listen(fd, 4096)
		}
	case unix.SOCK_RAW:
		if l.family == unix.AF_INET6 {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	case unix.SOCK_DGRAM:
		// An echo leaves from the address that was asked.
		if err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); err == nil {
			err = unix.Bind(fd, &unix.SockaddrInet6{Port: int(l.port)})
		}
	}
	if err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

// run answers until the process ends. Sentinels are taken first, then everything
// that arrived before them, and only then answered.
func (r *responder) run() {
	for {
		fds := []unix.PollFd{{Fd: int32(r.wake[0]), Events: unix.POLLIN}, {Fd: int32(r.wire.fd), Events: unix.POLLIN}}
		for _, l := range r.listeners {
			fds = append(fds, unix.PollFd{Fd: int32(l.fd), Events: unix.POLLIN})
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			fmt.Fprintln(os.Stderr, "lab: responder:", err)
			return
		}
		var asked []sentinel
		for s, ok := r.wire.next(); ok; s, ok = r.wire.next() {
			if !s.Answer {
				asked = append(asked, s)
			}
		}
		for i, l := range r.listeners {
			if len(asked) > 0 || fds[i+2].Revents != 0 {
				r.drain(l)
			}
		}
		for _, s := range asked {
			r.answer(s)
		}
		if fds[0].Revents != 0 {
			r.takeAdded()
		}
	}
}

func (r *responder) takeAdded() {
	var b [64]byte
	unix.Read(r.wake[0], b[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, r.added...)
	r.added = nil
}

// answer confirms that everything before the sentinel has been dealt with.
func (r *responder) answer(s sentinel) {
	if len(s.Sources) > 0 && s.link == r.wire.cable() {
		if _, err := resolve(s.link, s.Sources); err != nil {
			fmt.Fprintln(os.Stderr, "lab: responder:", err)
		}
	}
	back := sentinel{Answer: true, Session: s.Session, Round: s.Round, Arrived: r.arrived[s.Session]}
	if s.Last {
		delete(r.arrived, s.Session)
	}
	if err := r.wire.send(s.link, s.from, back); err != nil {
		fmt.Fprintln(os.Stderr, "lab: responder:", err)
	}
}

// drain deals with all that a listener has got.
func (r *responder) drain(l listener) {
	b, oob := make([]byte, 2048), make([]byte, 128)
	for {
		if l.protocol == unix.IPPROTO_TCP {
			fd, _, err := unix.Accept4(l.fd, unix.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			unix.Close(fd)
			continue
		}
		n, oobn, _, from, err := unix.Recvmsg(l.fd, b, oob, 0)
		if err != nil {
			return
		}
		data := b[:n]
		if l.family == unix.AF_INET && n > 0 { // raw IPv4 comes with its header
			data = data[min(n, int(b[0]&0xf)*4):]
		}
		session, number, ok := readDatagram(data)
		if ok {
			r.note(session, number)
		}
		if l.protocol == unix.IPPROTO_UDP {
			unix.Sendmsg(l.fd, data, oob[:oobn], from, 0)
		} else if ok {
			forgetArrival(l.protocol, from, b[:n], oob[:oobn])
		}
	}
}

// forgetArrival forgets the flow of a raw packet, which names its destination in
// its header (IPv4) or beside itself (IPv6).
func forgetArrival(protocol uint8, from unix.Sockaddr, packet, oob []byte) {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		if len(packet) >= 20 {
			forgetFlow(protocol, netip.AddrFrom4(a.Addr), netip.AddrFrom4([4]byte(packet[16:20])))
		}
	case *unix.SockaddrInet6:
		messages, err := unix.ParseSocketControlMessage(oob)
		if err != nil {
			return
		}
		for _, m := range messages {
			if m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= 16 {
				forgetFlow(protocol, netip.AddrFrom16(a.Addr), netip.AddrFrom16([16]byte(m.Data[:16])))
			}
		}
	}
}

// note remembers an arrival; a prober that died leaves no more than a few.
func (r *responder) note(session uint32, number int) {
	const sessions = 256
	if _, ok := r.arrived[session]; !ok && len(r.arrived) >= sessions {
		clear(r.arrived)
	}
	r.arrived[session] = append(r.arrived[session], number)
}

// A datagram of a probe: eight letters, the session, its number in it.
const datagramMark = "fw-probe"

func datagram(session uint32, number int) []byte {
	b := binary.BigEndian.AppendUint32([]byte(datagramMark), session)
	return binary.BigEndian.AppendUint32(b, uint32(number))
}

func readDatagram(b []byte) (session uint32, number int, ok bool) {
	if len(b) != len(datagramMark)+8 || string(b[:len(datagramMark)]) != datagramMark {
		return 0, 0, false
	}
	b = b[len(datagramMark):]
	return binary.BigEndian.Uint32(b), int(binary.BigEndian.Uint32(b[4:])), true
}

// sentinelWait bounds the waiting for a sentinel's answer, with another one sent
// every sentinelAgain: the wire loses none, but a pulled cable loses all.
const (
	sentinelWait  = 3 * time.Second
	sentinelAgain = 300 * time.Millisecond
)
