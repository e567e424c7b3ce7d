package lab

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"
)

// openShot opens the probe's socket; nothing is sent yet.
func openShot(p Probe) (int, error) {
	family := unix.AF_INET6
	if p.To.Is4() {
		family = unix.AF_INET
	}
	kind := unix.SOCK_RAW
	switch p.Protocol {
	case unix.IPPROTO_TCP:
		kind = unix.SOCK_STREAM
	case unix.IPPROTO_UDP:
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, int(p.Protocol))
	if err != nil {
		return -1, err
	}
	if p.From.IsValid() {
		err = unix.Bind(fd, sockaddr(p.From, 0))
	}
	switch {
	case err != nil:
	case kind == unix.SOCK_STREAM:
		err = prepareHandshake(fd, family)
	default: // no packet leaves by this; a raw socket has no port
		port := p.Port
		if kind == unix.SOCK_RAW {
			port = 0
		}
		err = unix.Connect(fd, sockaddr(p.To, port))
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// prepareHandshake makes closing leave nothing behind, and keeps ICMP errors in
// the socket's queue: on this fast wire one may come while connect still holds the
// socket, and the kernel then waits for the next SYN (1 s) before it tells.
func prepareHandshake(fd, family int) error {
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return err
	}
	if family == unix.AF_INET {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVERR, 1)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
}

// queuedError takes the first ICMP error from a socket's queue.
func queuedError(fd int) error {
	oob := make([]byte, 512)
	_, n, _, _, err := unix.Recvmsg(fd, nil, oob, unix.MSG_ERRQUEUE)
	if err != nil {
		return nil // the queue is empty
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return err
	}
	for _, m := range messages { // struct sock_extended_err begins with the error
		v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if (v4 || v6) && len(m.Data) >= 4 {
			return unix.Errno(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return nil
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(port)}
	}
	return &unix.SockaddrInet6{Addr: a.As16(), Port: int(port)}
}

// source is the address that the probe comes from, where it can be found out.
func (s *shot) source() []netip.Addr {
	if s.fd < 0 {
		return nil
	}
	if s.From.IsValid() {
		return []netip.Addr{s.From}
	}
	fd := s.fd
	if s.Protocol == unix.IPPROTO_TCP { // not connected yet: ask a datagram socket for the same way
		probe := s.Probe
		probe.Protocol = unix.IPPROTO_UDP
		var err error
		if fd, err = openShot(probe); err != nil {
			return nil
		}
		defer unix.Close(fd)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return nil
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return []netip.Addr{netip.AddrFrom4(a.Addr)}
	case *unix.SockaddrInet6:
		return []netip.Addr{netip.AddrFrom16(a.Addr)}
	}
	return nil
}

// fire sends the probe.
func (s *shot) fire(session uint32, number int) {
	if s.Protocol == unix.IPPROTO_TCP {
		if err := unix.Connect(s.fd, sockaddr(s.To, s.Port)); !errors.Is(err, unix.EINPROGRESS) {
			s.failed = err
		}
		return
	}
	_, s.failed = unix.Write(s.fd, datagram(session, number))
}

// result looks at the socket after all is over.
func (s *shot) result() Answer {
	a := Answer{Probe: s.Probe, Arrived: s.arrived}
	err := s.failed
	switch {
	case s.fd < 0:
		a.Reach = Unreachable
	case err != nil:
	case s.Protocol == unix.IPPROTO_TCP:
		err = s.handshake(&a)
	default:
		err = s.echo(&a)
	}
	switch {
	case err != nil:
		a.Why = err.Error()
		if a.Reach == "" {
			a.Reach = reachOf(err)
		}
	case a.Reach == "" && s.carried:
		a.Reach = Filtered
	case a.Reach == "":
		a.Reach, a.Why = Unreachable, "the wire does not carry anything there"
	}
	return a
}

func (s *shot) handshake(a *Answer) error {
	if err := queuedError(s.fd); err != nil {
		return err
	}
	poll := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}
	unix.Ppoll(poll, &unix.Timespec{}, nil)
	if poll[0].Revents == 0 {
		return nil
	}
	errno, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return err
	}
	if errno != 0 {
		return unix.Errno(errno)
	}
	if s.carried {
		a.Reach = Connected
	}
	return nil
}

func (s *shot) echo(a *Answer) error {
	if s.Protocol != unix.IPPROTO_UDP && s.arrived {
		a.Reach = Connected
		return nil
	}
	var b [256]byte
	n, err := unix.Read(s.fd, b[:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return nil
	case err != nil:
		return err
	}
	if _, _, ok := readDatagram(b[:n]); ok && s.Protocol == unix.IPPROTO_UDP {
		a.Reach = Connected
	}
	return nil
}

// reachOf reads the kernel's errors; which ICMP message makes which is in ip(7),
// icmp_err_convert and icmpv6_err_convert.
func reachOf(err error) Reach {
	switch {
	case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.ENOPROTOOPT), errors.Is(err, unix.EPROTO):
		return Refused
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return Prohibited
	}
	return Unreachable
}
