package lab

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// forgetFlow takes a flow of a protocol without ports out of connection
// tracking. Such flows have nothing but their addresses to be told apart by, so a
// probe would make the next one, also in the other direction, part of an
// established connection for ten minutes, whatever the rules say by then. (Probes
// with ports come from a new port each.) Where the kernel tracks nothing there is
// nothing to forget.
func forgetFlow(protocol uint8, from, to netip.Addr) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	netlinkCall(fd, flowMessage(protocol, from, to))
}

// flowMessage asks ctnetlink to delete a flow by its first direction
// (linux/netfilter/nfnetlink_conntrack.h).
func flowMessage(protocol uint8, from, to netip.Addr) []byte {
	const (
		deleteFlow                     = unix.NFNL_SUBSYS_CTNETLINK<<8 | 2
		tupleOrig, tupleIP, tupleProto = 1, 1, 2
		v4Source, v4To, v6Source, v6To = 1, 2, 3, 4
		protoNumber                    = 1
	)
	family, source, destination := byte(unix.AF_INET), uint16(v4Source), uint16(v4To)
	if from.Is6() {
		family, source, destination = unix.AF_INET6, v6Source, v6To
	}
	tuple := nested(tupleOrig,
		nested(tupleIP, attribute(source, from.AsSlice()), attribute(destination, to.AsSlice())),
		nested(tupleProto, attribute(protoNumber, []byte{protocol})))
	size := unix.SizeofNlMsghdr + 4 + len(tuple)
	m := binary.NativeEndian.AppendUint32(nil, uint32(size))
	m = binary.NativeEndian.AppendUint16(m, deleteFlow)
	m = binary.NativeEndian.AppendUint16(m, unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	m = append(m, make([]byte, 8)...)              // sequence, port
	m = append(m, family, unix.NFNETLINK_V0, 0, 0) // nfgenmsg
	return append(m, tuple...)
}

// attribute is a netlink attribute, padded to four bytes.
func attribute(kind uint16, data []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(data)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, data...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func nested(kind uint16, attributes ...[]byte) []byte {
	var data []byte
	for _, a := range attributes {
		data = append(data, a...)
	}
	return attribute(kind|unix.NLA_F_NESTED, data)
}
