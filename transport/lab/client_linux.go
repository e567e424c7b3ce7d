package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// Join finds the lab that another program holds in the folder.
func Join(ctx context.Context, dir string) (*Farm, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	f := &Farm{dir: dir}
	a, err := f.ask(ctx, request{Op: "list"})
	if err != nil {
		return nil, err
	}
	f.own = a.Own
	for _, h := range a.Hosts {
		f.hosts = append(f.hosts, HostSpec{Name: h.Name, Addresses: h.Addresses, Port: h.Port})
	}
	return f, nil
}

// Run runs a command in the controller's place, from where all hosts can be
// reached, and returns its exit code. A cancelled context kills it with all
// children that stayed in its session.
func (f *Farm) Run(ctx context.Context, c Command) (code int, err error) {
	return f.run(ctx, "", c)
}

func (f *Farm) run(ctx context.Context, host string, c Command) (int, error) {
	env, dir := c.Env, c.Dir
	if host == "" {
		env = append(append(os.Environ(), f.Env()...), c.Env...)
		if dir == "" {
			var err error
			if dir, err = os.Getwd(); err != nil {
				return 0, err
			}
		}
	}
	stdio, err := connect(c)
	if err != nil {
		return 0, err
	}
	defer stdio.close()
	line, err := f.send(ctx, request{Op: "exec", Host: host, Argv: c.Argv, Env: env, Cwd: dir, TTY: c.TTY}, stdio.theirs...)
	if err != nil {
		return 0, err
	}
	defer line.Close()
	stdio.handedOver()
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s, ok := <-c.Signals:
				number, is := s.(syscall.Signal)
				if !ok || !is {
					return
				}
				sendMessage(line, request{Op: "signal", Signal: int(number)})
			case <-done:
				return
			}
		}
	}()
	a, files, err := f.receive(ctx, line)
	closeFiles(files)
	stdio.drain()
	return a.Code, err
}

// Dial connects from the controller's place. It fits where a net.Dialer's
// DialContext does, and fails with the same errors.
func (f *Farm) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	wrong := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: dialled{network, address}, Err: err}
	}
	line, err := f.send(ctx, request{Op: "dial", Network: network, Address: address})
	if err != nil {
		return wrong(err)
	}
	defer line.Close()
	_, files, err := f.receive(ctx, line)
	if err != nil {
		return wrong(err)
	}
	defer closeFiles(files)
	if len(files) != 1 {
		return wrong(errors.New("the farm process passed no socket"))
	}
	return net.FileConn(files[0])
}

// dialled is an address that could not be reached.
type dialled struct{ network, address string }

func (d dialled) Network() string { return d.network }
func (d dialled) String() string  { return d.address }

// ask sends a request that is answered at once.
func (f *Farm) ask(ctx context.Context, q request) (answer, error) {
	line, err := f.send(ctx, q)
	if err != nil {
		return answer{}, err
	}
	defer line.Close()
	a, files, err := f.receive(ctx, line)
	closeFiles(files)
	return a, err
}

// send opens a connection to the farm process with a request on it.
func (f *Farm) send(ctx context.Context, q request, files ...*os.File) (*net.UnixConn, error) {
	line, err := dialControl(ctx, f.dir)
	if err != nil {
		return nil, err
	}
	var descriptors []int
	for _, file := range files {
		descriptors = append(descriptors, int(file.Fd()))
	}
	if err := sendMessage(line, q, descriptors...); err != nil {
		line.Close()
		return nil, fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return line, nil
}

// receive waits for the answer; a cancelled context hangs up.
func (f *Farm) receive(ctx context.Context, line *net.UnixConn) (answer, []*os.File, error) {
	stop := context.AfterFunc(ctx, func() { line.Close() })
	var a answer
	files, err := receiveMessage(line, &a)
	if !stop() && err != nil {
		return a, nil, ctx.Err()
	}
	if err != nil {
		return a, nil, fmt.Errorf("%w: %w", ErrEnded, err)
	}
	if a.Error != "" {
		closeFiles(files)
		return a, nil, remoteError{a}
	}
	return a, files, nil
}

// remoteError is an error that happened inside the lab.
type remoteError struct{ answer }

func (e remoteError) Error() string   { return e.answer.Error }
func (e remoteError) Timeout() bool   { return e.answer.Timeout }
func (e remoteError) Temporary() bool { return false }
func (e remoteError) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return syscall.Errno(e.Errno)
}
