// Package farm keeps Windows hosts of the lab up: it listens for their lines, pulls
// and plugs their cables, has their own firewalls close the lines, and lets another
// program press their buttons.
package farm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"farmwall/transport/lab/windows"
)

// Serve answers on a host's listener until the context ends: a line such as WinRM.
type Serve func(ctx context.Context, l net.Listener, h *windows.Host) error

// Spec is a host and where it is reached.
type Spec struct {
	Host  windows.Options
	Lines []Line
}

// Line is a place where a host waits for connections.
type Line struct {
	At netip.AddrPort
	// Program is who waits there, as a firewall rule's App has it: "System" for WinRM.
	Program string
	Serve   Serve
}

// Farm is Windows hosts that are up.
type Farm struct {
	hosts  []*Host
	end    context.CancelFunc
	served sync.WaitGroup
	once   sync.Once
	ended  chan struct{}
}

// Host is a Windows host with its cable.
type Host struct {
	*windows.Host
	Lines []Line

	mu  sync.Mutex
	cut bool
}

// Up makes the hosts and returns when all of them listen. They stay until Close.
func Up(specs []Spec) (*Farm, error) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Farm{end: cancel, ended: make(chan struct{})}
	for _, s := range specs {
		if err := f.add(ctx, s); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

func (f *Farm) add(ctx context.Context, s Spec) error {
	made, err := windows.New(s.Host)
	if err != nil {
		return err
	}
	h := &Host{Host: made, Lines: s.Lines}
	f.hosts = append(f.hosts, h)
	for _, line := range s.Lines {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(line.At))
		if err != nil {
			return fmt.Errorf("%s: %w", made.Name(), err)
		}
		g := newGate(ctx, h, l, line.Program)
		f.served.Go(func() {
			// It ends with the context; what one connection does is no error of the host.
			_ = line.Serve(ctx, g, made)
			g.Close()
		})
	}
	return nil
}

// Hosts lists the hosts in the order they were given.
func (f *Farm) Hosts() []*Host { return f.hosts }

// Host finds a host by its name.
func (f *Farm) Host(name string) (*Host, error) {
	for _, h := range f.hosts {
		if h.Name() == name {
			return h, nil
		}
	}
	return nil, fmt.Errorf("the lab has no Windows host %q", name)
}

// Close ends all hosts and their lines.
func (f *Farm) Close() error {
	var all []error
	f.once.Do(func() {
		f.end()
		var off sync.WaitGroup
		var mu sync.Mutex
		for _, h := range f.hosts {
			off.Go(func() {
				if err := h.Host.Close(); err != nil {
					mu.Lock()
					all = append(all, err)
					mu.Unlock()
				}
			})
		}
		off.Wait()
		f.served.Wait()
		close(f.ended)
	})
	return errors.Join(all...)
}

// Ended is closed when Close has been called, by whomever.
func (f *Farm) Ended() <-chan struct{} { return f.ended }

// Cut pulls the network cable: what is on its way waits.
func (h *Host) Cut() { h.cable(true) }

// Plug puts the cable back.
func (h *Host) Plug() { h.cable(false) }

func (h *Host) cable(cut bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut = cut
}

// IsCut says whether the cable is pulled.
func (h *Host) IsCut() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cut
}
