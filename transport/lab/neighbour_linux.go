package lab

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// neighbourWait bounds how long an address may take to show its hardware
// address; on this wire it is well under a millisecond.
const neighbourWait = 600 * time.Millisecond

// resolve asks the kernel for the hardware addresses of neighbours, without a
// packet that a filter for IP could drop (IPv6 asks by ICMPv6, which it can), and
// returns those that have one. A packet sent before that would wait for the answer,
// and later ones would overtake it.
func resolve(link int, addrs []netip.Addr) (map[netip.Addr]bool, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	known := map[netip.Addr]bool{}
	for end := time.Now().Add(neighbourWait); ; time.Sleep(time.Millisecond) {
		missing := 0
		for _, a := range addrs {
			if known[a] {
				continue
			}
			if err := useNeighbour(fd, link, a); err != nil {
				return nil, err
			}
			valid, err := validNeighbour(fd, link, a)
			if err != nil {
				return nil, err
			}
			if valid {
				known[a] = true
			} else {
				missing++
			}
		}
		if missing == 0 || time.Now().After(end) {
			return known, nil
		}
	}
}

// neighbourMessage is a netlink message about one neighbour: nlmsghdr, ndmsg and
// the attribute NDA_DST (linux/neighbour.h).
func neighbourMessage(kind, flags uint16, link int, use uint8, a netip.Addr) []byte {
	family := byte(unix.AF_INET6)
	if a.Is4() {
		family = unix.AF_INET
	}
	dst := a.AsSlice()
	size := unix.SizeofNlMsghdr + unix.SizeofNdMsg + unix.SizeofRtAttr + len(dst)
	le := binary.NativeEndian
	m := le.AppendUint32(nil, uint32(size))
	m = le.AppendUint16(m, kind)
	m = le.AppendUint16(m, flags)
	m = append(m, make([]byte, 8)...) // sequence, port
	m = append(m, family, 0, 0, 0)
	m = le.AppendUint32(m, uint32(link))
	m = le.AppendUint16(m, 0) // state
	m = append(m, use, 0)
	m = le.AppendUint16(m, uint16(unix.SizeofRtAttr+len(dst)))
	m = le.AppendUint16(m, unix.NDA_DST)
	return append(m, dst...)
}

// useNeighbour starts the search, as if a packet had to go there.
func useNeighbour(fd, link int, a netip.Addr) error {
	m := neighbourMessage(unix.RTM_NEWNEIGH, unix.NLM_F_REQUEST|unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK, link, unix.NTF_USE, a)
	_, err := netlinkCall(fd, m)
	return err
}

// validNeighbour says whether a packet to the address would go out at once.
func validNeighbour(fd, link int, a netip.Addr) (bool, error) {
	body, err := netlinkCall(fd, neighbourMessage(unix.RTM_GETNEIGH, unix.NLM_F_REQUEST, link, 0, a))
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil || len(body) < unix.SizeofNdMsg {
		return false, err
	}
	state := binary.NativeEndian.Uint16(body[8:])
	return state&(unix.NUD_REACHABLE|unix.NUD_STALE|unix.NUD_DELAY|unix.NUD_PROBE|unix.NUD_PERMANENT|unix.NUD_NOARP) != 0, nil
}

// netlinkCall sends one request and returns the body of the one answer.
func netlinkCall(fd int, message []byte) ([]byte, error) {
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	b := make([]byte, 8192)
	n, _, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return nil, err
	}
	if n < unix.SizeofNlMsghdr {
		return nil, errors.New("netlink: short answer")
	}
	body := b[unix.SizeofNlMsghdr:n]
	if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_ERROR && len(body) >= 4 {
		if errno := -int32(binary.NativeEndian.Uint32(body)); errno != 0 {
			return nil, unix.Errno(errno)
		}
	}
	return body, nil
}
