//go:build linux

package linuxtest

import (
	"net"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// inNamespace calls f on a thread that is in the network namespace of the process.
func inNamespace(pid string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine.
		runtime.LockOSThread()
		ns, err := os.Open("/proc/" + pid + "/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer func() { _ = ns.Close() }()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}

// Listen accepts connections in the host until the test ends.
func (h *Host) Listen(addresses ...string) {
	h.T.Helper()
	for _, a := range addresses {
		err := inNamespace(h.pid, func() error {
			l, err := net.Listen("tcp", a)
			if err != nil {
				return err
			}
			h.T.Cleanup(func() { _ = l.Close() })
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_ = c.Close()
				}
			}()
			return nil
		})
		if err != nil {
			h.T.Fatal(err)
		}
	}
}

// Opens says whether the client can open a connection to the host within some tries:
// neighbours have to be found first.
func (h *Host) Opens(address string) bool {
	for range 5 {
		if h.Reaches(address) {
			return true
		}
	}
	return false
}

// Reaches says whether the client can open a connection to the host right now.
func (h *Host) Reaches(address string) bool {
	return inNamespace(h.client, func() error {
		d := net.Dialer{Timeout: time.Second}
		c, err := d.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
		}
		return err
	}) == nil
}
