//go:build !linux

package lab

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
)

// Farm is a lab that is up; there is none but on Linux.
type Farm struct{}

// Host is one host of a farm that is up; there is none but on Linux.
type Host struct{ HostSpec }

// Main has nothing to do here.
func Main([]string) (handled bool, code int) { return false, 0 }

// Check says that the lab needs Linux.
func Check() error {
	return fmt.Errorf("%w: its hosts are network namespaces, which only Linux has, and this is %s", ErrUnsupported, runtime.GOOS)
}

// Up fails: the lab needs Linux.
func Up(context.Context, Options) (*Farm, error) { return nil, Check() }

// Join fails: the lab needs Linux.
func Join(context.Context, string) (*Farm, error) { return nil, Check() }

// The methods of a Farm and a Host, which nobody can have here.
func (f *Farm) Close() error                              { return Check() }
func (f *Farm) Down(context.Context) error                { return Check() }
func (f *Farm) Ended() <-chan struct{}                    { return nil }
func (f *Farm) Run(context.Context, Command) (int, error) { return 0, Check() }
func (f *Farm) Dial(context.Context, string, string) (net.Conn, error) {
	return nil, Check()
}
func (f *Farm) Env() []string                             { return nil }
func (f *Farm) Dir() string                               { return "" }
func (f *Farm) KnownHosts() string                        { return "" }
func (f *Farm) KeyFile() string                           { return "" }
func (f *Farm) Guests() string                            { return "" }
func (f *Farm) State() string                             { return "" }
func (f *Farm) Controller() []netip.Addr                  { return nil }
func (f *Farm) List(context.Context) ([]HostState, error) { return nil, Check() }
func (f *Farm) Host(string) (*Host, error)                { return nil, Check() }
func (f *Farm) Hosts() []*Host                            { return nil }
func (h *Host) Exec(context.Context, []string, io.Reader) (Result, error) {
	return Result{}, Check()
}
func (h *Host) Run(context.Context, Command) (int, error)   { return 0, Check() }
func (h *Host) Shell(context.Context, Command) (int, error) { return 0, Check() }
func (f *Farm) Shell(context.Context, Command) (int, error) { return 0, Check() }
func (h *Host) Reboot(context.Context) error                { return Check() }
func (h *Host) Off(context.Context) error                   { return Check() }
func (h *Host) On(context.Context) error                    { return Check() }
func (h *Host) Cut(context.Context) error                   { return Check() }
func (h *Host) Plug(context.Context) error                  { return Check() }
func (h *Host) Pause(context.Context) error                 { return Check() }
func (h *Host) Resume(context.Context) error                { return Check() }
func (h *Host) Listen(context.Context, uint8, ...uint16) error {
	return Check()
}
func (h *Host) Probe(context.Context, ...Probe) ([]Answer, error) { return nil, Check() }
func (f *Farm) Listen(context.Context, uint8, ...uint16) error    { return Check() }
func (f *Farm) Probe(context.Context, ...Probe) ([]Answer, error) { return nil, Check() }
