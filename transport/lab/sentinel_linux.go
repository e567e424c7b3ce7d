package lab

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"

	"golang.org/x/sys/unix"
)

// A sentinel is a frame of a kind of its own that follows probes over the same
// path. Packet filters for IP do not see it, and it is taken off the wire before
// any filter at ingress. The kernel carries what one CPU sends in order, so a probe
// that was sent before the sentinel has been dealt with when the sentinel's answer
// is back. For the same reason all threads that send for the lab sit on one CPU.

// sentinelType is the EtherType for local experiments (IEEE 802).
const sentinelType = 0x88b5

// sentinel is a frame's content, as JSON after the header: at most 1,400 bytes.
type sentinel struct {
	Answer  bool   `json:"answer,omitempty"`
	Session uint32 `json:"session"`
	Round   int    `json:"round"`
	// Sources, in round 0, are the addresses that probes come from; the answer is
	// sent when the way back to them is known.
	Sources []netip.Addr `json:"sources,omitempty"`
	// Arrived, in an answer, is which datagrams of the session have arrived.
	Arrived []int `json:"arrived,omitempty"`
	Last    bool  `json:"last,omitempty"` // the session can be forgotten

	link int     // interface index it came over
	from [6]byte // hardware address of the sender
}

// wireSocket sends and receives sentinels.
type wireSocket struct {
	fd    int
	links []net.Interface // loopback, and the cable
}

// openWire listens on the loopback and on the cable. The socket does not block.
func openWire(cable string) (*wireSocket, error) {
	w := &wireSocket{}
	for _, name := range []string{"lo", cable} {
		link, err := net.InterfaceByName(name)
		if err != nil {
			return nil, err
		}
		w.links = append(w.links, *link)
	}
	// Protocol 0: nothing arrives before the filter is in place.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	w.fd = fd
	only := []unix.SockFilter{ // load the EtherType; keep the frame if it is ours
		{Code: unix.BPF_LD | unix.BPF_H | unix.BPF_ABS, K: 12},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: sentinelType, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
	err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(only)), Filter: &only[0]})
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	return w, nil
}

func networkOrder(v uint16) uint16 { return v<<8 | v>>8 }

func (w *wireSocket) close() { unix.Close(w.fd) }

func (w *wireSocket) cable() int { return w.links[1].Index }

// send puts a sentinel on a link.
func (w *wireSocket) send(link int, to [6]byte, s sentinel) error {
	var from [6]byte
	for _, l := range w.links {
		if l.Index == link {
			copy(from[:], l.HardwareAddr)
		}
	}
	frame, err := makeFrame(to, from, s)
	if err != nil {
		return err
	}
	return unix.Sendto(w.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: link, Halen: 6, Addr: [8]byte(append(to[:6:6], 0, 0))})
}

// next returns one sentinel that has come in; false where there is none.
func (w *wireSocket) next() (sentinel, bool) {
	b := make([]byte, 2048)
	for {
		n, from, err := unix.Recvfrom(w.fd, b, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return sentinel{}, false
		}
		sender, ok := from.(*unix.SockaddrLinklayer)
		if !ok || sender.Pkttype != unix.PACKET_HOST || !w.owns(sender.Ifindex) {
			continue
		}
		if s, ok := parseFrame(b[:n]); ok {
			s.link = sender.Ifindex
			return s, true
		}
	}
}

// frameHeader is two hardware addresses, the EtherType and the length of the
// text, because short frames are padded.
const frameHeader = 16

func makeFrame(to, from [6]byte, s sentinel) ([]byte, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	frame := append(to[:len(to):len(to)], from[:]...)
	frame = binary.BigEndian.AppendUint16(frame, sentinelType)
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(text)))
	return append(frame, text...), nil
}

func parseFrame(b []byte) (s sentinel, ok bool) {
	if len(b) < frameHeader {
		return s, false
	}
	size := int(binary.BigEndian.Uint16(b[14:]))
	if frameHeader+size > len(b) || json.Unmarshal(b[frameHeader:frameHeader+size], &s) != nil {
		return s, false
	}
	s.from = [6]byte(b[6:12])
	return s, true
}

func (w *wireSocket) owns(link int) bool {
	for _, l := range w.links {
		if l.Index == link {
			return true
		}
	}
	return false
}

// onOneCPU ties the calling goroutine to a thread on the first CPU that it may
// use. The thread ends with the goroutine.
func onOneCPU() error {
	runtime.LockOSThread()
	var allowed, first unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return err
	}
	for cpu := range len(allowed) * 64 {
		if allowed.IsSet(cpu) {
			first.Set(cpu)
			return unix.SchedSetaffinity(0, &first)
		}
	}
	return errors.New("no CPU to run on")
}
