package winrm_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"farmwall/rules"
	dialect "farmwall/rules/windows"
	"farmwall/transport"
	"farmwall/transport/lab/windows"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/transporttest"
	"farmwall/transport/winrm"
)

// counted counts what runs on a machine.
type counted struct {
	*windows.Host
	running atomic.Int32
}

func (c *counted) Run(ctx context.Context, w windows.Command) (int64, error) {
	c.running.Add(1)
	defer c.running.Add(-1)
	return c.Host.Run(ctx, w)
}

// boot starts a whole host of the lab; only where no engine exists may a test
// skip.
func boot(t *testing.T, e windows.Engine) (*host, *counted) {
	t.Helper()
	o := windows.Options{Name: "RD1", Engine: e, Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	if e == windows.PowerShell {
		var err error
		if o.Program, err = windows.FindEngine(); err != nil {
			t.Skip(err)
		}
		o.Dir = t.TempDir()
	}
	w, err := windows.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &counted{Host: w}
	s, err := wsman.New(c, wsman.Options{Domain: "LAB", Schemes: wsman.Schemes{Negotiate: true}, Accounts: []wsman.Account{{Name: "adm", Domain: "LAB", Password: password, Admin: true}}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return &host{Service: s, addr: netip.MustParseAddrPort(l.Addr().String())}, c
}

// TestContractInTheEngine runs the very bytes in a real PowerShell.
func TestContractInTheEngine(t *testing.T) {
	h, c := boot(t, windows.PowerShell)
	d := dialer(t, winrm.Config{})
	transporttest.Contract(t, transporttest.Subject{
		Scripts: transporttest.PowerShellScripts(),
		Dial:    func(t testing.TB) transport.Conn { return dial(t, d, h.access()) },
		Cut: func(_ testing.TB, line transport.Conn) {
			for c.running.Load() == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(200 * time.Millisecond)
			winrm.Cut(line)
		},
	})
	line := dial(t, d, h.access())
	out, err := line.Run(context.Background(), rules.Script{Name: "first", Shell: rules.PowerShell, Body: transporttest.PowerShellScripts().First})
	if want := fmt.Sprintf(" 127.0.0.1 %d", h.addr.Port()); err != nil || !strings.HasPrefix(string(out), "127.0.0.1 ") || !strings.HasSuffix(string(out), want) {
		t.Errorf("the script's connection is %q, %v", out, err)
	}
}

// TestObserveOverTheLine reads a host as production does, by both engines.
func TestObserveOverTheLine(t *testing.T) {
	for _, e := range []windows.Engine{windows.Model, windows.PowerShell} {
		t.Run(string(e), func(t *testing.T) {
			h, _ := boot(t, e)
			var reader rules.Reader = dialect.New()
			out, err := dial(t, dialer(t, winrm.Config{}), h.access()).Run(context.Background(), reader.Observe())
			if err != nil {
				t.Fatal(err)
			}
			s, err := reader.Decode(out)
			if err != nil {
				t.Fatal(err)
			}
			if n := h.Counts(); n.Messages > 5 || n.Logons != 1 {
				t.Errorf("%+v", n)
			}
			if s.Client.Addr().String() != "127.0.0.1" || s.Local != h.addr {
				t.Errorf("it came from %s to %s", s.Client, s.Local)
			}
		})
	}
}
