package lab

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// request is what travels to the farm process, and on to a host process. The
// descriptors that belong to it travel beside it.
type request struct {
	Op   string `json:"op"`
	Host string `json:"host,omitempty"` // empty: the controller
	// exec: three descriptors follow (stdin, stdout, stderr).
	Argv []string `json:"argv,omitempty"`
	Env  []string `json:"env,omitempty"`
	Cwd  string   `json:"cwd,omitempty"`
	TTY  bool     `json:"tty,omitempty"` // stdin becomes the controlling terminal
	// signal: later message of an exec's client.
	Signal int `json:"signal,omitempty"`
	// dial
	Network string `json:"network,omitempty"`
	Address string `json:"address,omitempty"`
	// listen, probe
	Protocol uint8    `json:"protocol,omitempty"`
	Ports    []uint16 `json:"ports,omitempty"`
	Probes   []target `json:"probes,omitempty"`
}

// target is a probe with the hardware address of the host it goes to.
type target struct {
	Probe
	MAC string `json:"mac,omitempty"` // empty: no host of this lab has the address
}

// answer is what comes back; for dial a descriptor travels beside it.
type answer struct {
	Error   string       `json:"error,omitempty"`
	Errno   int          `json:"errno,omitempty"` // where the kernel said why
	Timeout bool         `json:"timeout,omitempty"`
	Code    int          `json:"code,omitempty"` // exec: exit code
	Hosts   []HostState  `json:"hosts,omitempty"`
	Own     []netip.Addr `json:"own,omitempty"`     // the controller's addresses
	Reached []Answer     `json:"reached,omitempty"` // probe: in the order of the request
}

// maxMessage bounds a message: a command line and an environment fit well.
const maxMessage = 8 << 20

// maxDescriptors bounds what travels beside one message.
const maxDescriptors = 8

// sendMessage writes a length with the descriptors, then the JSON text.
func sendMessage(c *net.UnixConn, v any, descriptors ...int) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		return fmt.Errorf("a message of %d bytes is too long", len(text))
	}
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	head := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	if _, _, err := c.WriteMsgUnix(head, rights, nil); err != nil {
		return err
	}
	_, err = c.Write(text)
	return err
}

// receiveMessage reads one message. The caller closes the files.
func receiveMessage(c *net.UnixConn, v any) (files []*os.File, err error) {
	head := make([]byte, 4)
	oob := make([]byte, unix.CmsgSpace(4*maxDescriptors))
	n, oobn, _, _, err := c.ReadMsgUnix(head, oob)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, io.EOF
	}
	files, err = filesOf(oob[:oobn])
	if err == nil && n != len(head) {
		err = errors.New("a message broke off")
	}
	if err == nil {
		size := binary.BigEndian.Uint32(head)
		if size > maxMessage {
			err = fmt.Errorf("a message of %d bytes is too long", size)
		} else {
			text := make([]byte, size)
			if _, err = io.ReadFull(c, text); err == nil {
				err = json.Unmarshal(text, v)
			}
		}
	}
	if err != nil {
		closeFiles(files)
		return nil, err
	}
	return files, nil
}

func filesOf(oob []byte) ([]*os.File, error) {
	var files []*os.File
	if len(oob) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// socketPair makes two ends of a line between processes. The first is for this
// process; the second is a file to hand over.
func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	near, far := os.NewFile(uintptr(fds[0]), "near"), os.NewFile(uintptr(fds[1]), "far")
	c, err := unixConn(near)
	if err != nil {
		far.Close()
		return nil, nil, err
	}
	return c, far, nil
}

// unixConn takes the file over.
func unixConn(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return nil, err
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("descriptor is no unix socket but %T", c)
	}
	return u, nil
}
