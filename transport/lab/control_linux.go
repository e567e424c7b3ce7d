package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// controlName is the socket in the lab's folder.
const controlName = "control"

// shortPath names a file in a folder by the folder's descriptor, because a
// socket's path holds only 108 bytes.
func shortPath(dir, name string) (path string, release func(), err error) {
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, name), func() { unix.Close(fd) }, nil
}

func listenControl(dir string) (*net.UnixListener, error) {
	path, release, err := shortPath(dir, controlName)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen for control: %w", err)
	}
	l.SetUnlinkOnClose(false) // the path means nothing any more; removeFiles does it
	return l, os.Chmod(path, 0o600)
}

// dialControl connects to the farm process of a folder.
func dialControl(ctx context.Context, dir string) (*net.UnixConn, error) {
	path, release, err := shortPath(dir, controlName)
	if err != nil {
		return nil, fmt.Errorf("%w in %s", ErrNoLab, dir)
	}
	defer release()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w in %s", ErrNoLab, dir)
	}
	if err != nil {
		return nil, err
	}
	return c.(*net.UnixConn), nil
}

// serve answers clients. Whoever can open the socket is the owner of the lab.
func (p *farmProcess) serve(control *net.UnixListener) {
	for {
		c, err := control.AcceptUnix()
		if err != nil {
			fmt.Fprintln(os.Stderr, "control:", err)
			return
		}
		go p.attend(c)
	}
}

// attend serves one client: a connection carries one request.
func (p *farmProcess) attend(c *net.UnixConn) {
	var q request
	files, err := receiveMessage(c, &q)
	if err != nil {
		c.Close()
		return
	}
	switch q.Op {
	case "exec", "listen", "probe":
		q.Probes = p.aimed(q.Probes)
		if q.Host != "" {
			err = p.forward(c, q, files)
			closeFiles(files)
			if err != nil {
				sendMessage(c, failure(err))
			}
			c.Close()
			return
		}
	}
	switch q.Op {
	case "exec":
		serveExec(p.reaper, c, q, files)
	case "dial":
		closeFiles(files)
		serveDial(c, q)
	case "listen", "probe":
		closeFiles(files)
		serveProbes(c, q, p.responder, "br0", p.Controller)
	default:
		closeFiles(files)
		sendMessage(c, p.answer(q))
		c.Close()
		if q.Op == "down" {
			p.end()
		}
	}
}

func (p *farmProcess) unit(name string) (*unit, error) {
	for _, u := range p.units {
		if u.spec.Name == name {
			return u, nil
		}
	}
	return nil, fmt.Errorf("the lab has no host %q", name)
}

// aimed adds the hardware addresses that only the farm process knows.
func (p *farmProcess) aimed(probes []target) []target {
	for i := range probes {
		if n, ok := p.owners[probes[i].To]; ok {
			probes[i].MAC = mac(n)
		}
	}
	return probes
}

func (p *farmProcess) forward(c *net.UnixConn, q request, files []*os.File) error {
	u, err := p.unit(q.Host)
	if err != nil {
		return err
	}
	return u.forward(c, q, files)
}

// answer does what a short request asks for.
func (p *farmProcess) answer(q request) answer {
	switch q.Op {
	case "down":
		return answer{}
	case "list":
		a := answer{Own: p.Controller}
		for _, u := range p.units {
			a.Hosts = append(a.Hosts, u.state())
		}
		return a
	}
	u, err := p.unit(q.Host)
	if err != nil {
		return failure(err)
	}
	switch q.Op {
	case "cut":
		err = u.plug(false)
	case "plug":
		err = u.plug(true)
	case "reboot", "off", "on":
		u.mu.Lock()
		defer u.mu.Unlock()
		if q.Op != "on" {
			u.powerOff()
		}
		if q.Op != "off" {
			err = u.powerOn()
		}
	case "pause":
		err = u.pause(true)
	case "resume":
		err = u.pause(false)
	default:
		err = fmt.Errorf("unknown request %q", q.Op)
	}
	if err != nil {
		return failure(err)
	}
	return answer{}
}

// serveDial connects from the controller's place and passes the socket on.
func serveDial(c *net.UnixConn, q request) {
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { // the client hangs up when it no longer wants the connection
		var nothing request
		receiveMessage(c, &nothing)
		cancel()
	}()
	var d net.Dialer
	made, err := d.DialContext(ctx, q.Network, q.Address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the client says the rest itself
		}
		sendMessage(c, failure(err))
		return
	}
	defer made.Close()
	filer, ok := made.(interface{ File() (*os.File, error) })
	if !ok {
		sendMessage(c, failure(fmt.Errorf("cannot pass on a connection of %s", q.Network)))
		return
	}
	f, err := filer.File()
	if err != nil {
		sendMessage(c, failure(err))
		return
	}
	defer f.Close()
	sendMessage(c, answer{}, int(f.Fd()))
}
