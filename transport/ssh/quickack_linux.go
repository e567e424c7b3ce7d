package ssh

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// quick acknowledges at once what a host sends. Without it the first answer of
// an OpenSSH server comes 40 ms late: it waits, by Nagle's algorithm, for our
// delayed acknowledgement of the host-key list that it sends after the login.
type quick struct {
	*net.TCPConn
	raw syscall.RawConn
}

func quicken(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c
	}
	return &quick{TCPConn: tcp, raw: raw}
}

// Read asks for quick acknowledgements again each time, because the kernel
// forgets them.
func (q *quick) Read(p []byte) (int, error) {
	q.raw.Control(acknowledge)
	return q.TCPConn.Read(p)
}

func acknowledge(fd uintptr) {
	unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
}
