package winrm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"farmwall/inventory"
	"farmwall/transport"
	"farmwall/transport/lab/windows/wsman"
	"farmwall/transport/winrm"
)

// TestMessagesAreCounted: what a read and what a change cost.
func TestMessagesAreCounted(t *testing.T) {
	h := serve(t, wsman.Options{})
	d := dialer(t, winrm.Config{})
	random := make([]byte, 60<<10) // 600 rules, compressed
	for i := range random {
		random[i] = byte(i * i >> 3)
	}
	push := func(names ...string) {
		c := dial(t, d, h.access())
		for _, name := range names {
			if _, err := c.Run(context.Background(), script(name, string(random))); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
	}
	push("echo")
	if n := h.Counts(); n.Messages != 6 || n.Requests != 8 || n.Logons != 1 {
		t.Errorf("reading costs %+v", n)
	}
	h.ResetCounts()
	push("echo", "echo") // observe and change
	push("echo", "echo") // observe and confirm
	if n := h.Counts(); n.Messages > 22 || n.Logons != 2 || n.Requests-n.Messages > 4 || n.Shells > 0 {
		t.Errorf("a change costs %+v", n)
	}
}

// TestAThousandHostsLeaveNothing: whatever became of them, no connection and no
// goroutine stays.
func TestAThousandHostsLeaveNothing(t *testing.T) {
	hosts := 100
	if os.Getenv("FARMWALL_SOAK") == "1" {
		hosts = 1000
	}
	good, broken, denied := serve(t, wsman.Options{}), serve(t, wsman.Options{Faults: wsman.Faults{Reset: 1 << 20}}), serve(t, wsman.Options{Faults: wsman.Faults{AccessDenied: true}})
	before := runtime.NumGoroutine()
	d := winrm.New(winrm.Config{})
	limit := make(chan struct{}, 32)
	var all sync.WaitGroup
	for i := range hosts {
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			h := []*host{good, broken, denied}[i%3]
			access := h.access()
			access.Name = fmt.Sprint("srv", i)
			c, err := d.Dial(context.Background(), access)
			if h == denied {
				if !errors.Is(err, transport.ErrNoPrivilege) {
					t.Error(err)
				}
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			name := "echo"
			if h == broken {
				name = "slow"
			}
			out, err := c.Run(context.Background(), script(name, "100ms"))
			if h == good && (err != nil || string(out) != "100ms") || h == broken && !errors.Is(err, transport.ErrLineBroke) {
				t.Errorf("%q, %v", out, err)
			}
		})
	}
	all.Wait()
	d.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		open := 0
		for _, h := range []*host{good, broken, denied} {
			n := h.Counts()
			open += n.Open + n.Shells + n.Commands
		}
		// The labs' own servers may keep a goroutine or two each.
		if open == 0 && runtime.NumGoroutine() <= before+3 {
			return
		}
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d open, %d goroutines, %d before:\n%s", open, runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
	}
}

// answering is a server of TCP that says one thing to whatever comes.
func answering(t *testing.T, text string) func(*inventory.Access) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer nc.Close()
				nc.SetDeadline(time.Now().Add(5 * time.Second))
				io.ReadAtLeast(nc, make([]byte, 1000), 1)
				io.WriteString(nc, text)
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return func(a *inventory.Access) { a.Port = l.Addr().(*net.TCPAddr).Port }
}

// TestWhatIsNotWinRM and still has the port.
func TestWhatIsNotWinRM(t *testing.T) {
	page := "<html>not here</html>"
	for name, c := range map[string]struct {
		text string
		tls  bool
		is   error
	}{
		"SSH":               {"SSH-2.0-OpenSSH_9\r\n", false, transport.ErrNotWinRM},
		"SSH for https":     {"SSH-2.0-OpenSSH_9\r\n", true, transport.ErrNotWinRM},
		"https port":        {"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n", false, transport.ErrNotWinRM},
		"hangs up":          {"", false, transport.ErrLineBroke},
		"hangs up in TLS":   {"", true, transport.ErrLineBroke},
		"half an answer":    {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nshort", false, transport.ErrLineBroke},
		"page":              {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(page), page), false, transport.ErrNotWinRM},
		"says yes to all":   {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, transport.ErrNotWinRM},
		"bad challenge":     {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate TlRMTVNTUAA=\r\nContent-Length: 0\r\n\r\n", false, transport.ErrNotWinRM},
		"not found":         {"HTTP/1.1 404 Not Found\r\nServer: Microsoft-IIS/10.0\r\nContent-Length: 0\r\n\r\n", false, transport.ErrNotWinRM},
		"hostile header":    {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: \x1b[31mX\r\nContent-Length: 0\r\n\r\n", false, transport.ErrNotWinRM},
		"endless challenge": {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + strings.Repeat("x", 1<<20), false, transport.ErrLineBroke},
	} {
		t.Run(name, func(t *testing.T) {
			h := at(answering(t, c.text), func(a *inventory.Access) { a.WinRM.TLS = c.tls })
			_, err := once(dialer(t, winrm.Config{OperationTimeout: time.Second, Margin: time.Second}), h, "x")
			var e *transport.Error
			if !errors.Is(err, c.is) || !errors.As(err, &e) || !e.NotRun || e.Host != "srv1" || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// at is an access to what is no host of the lab.
func at(change ...func(*inventory.Access)) *inventory.Host {
	a := inventory.Access{Connection: "winrm", Address: "127.0.0.1", User: user, Password: inventory.NewSecret(password), Timeout: 2 * time.Second}
	a.WinRM.Auth = "ntlm"
	for _, c := range change {
		c(&a)
	}
	return &inventory.Host{Name: "srv1", Access: a}
}

// TestNoErrorTellsASecret: neither the password nor what is made of it.
func TestNoErrorTellsASecret(t *testing.T) {
	words := []string{password, "S3cret", "Authorization", "Basic QU", "TlRMTVNTUAAD"}
	o := wsman.Options{Schemes: wsman.Schemes{Basic: true, Negotiate: true}}
	pin := secured(t, &o)
	hosts := []*inventory.Host{
		at(answering(t, "SSH-2.0-x\r\n")),
		at(answering(t, "HTTP/1.1 400 x\r\n\r\n")),
		serve(t, wsman.Options{}).access(func(a *inventory.Access) { a.User = "nobody" }),
		serve(t, o).access(pin, func(a *inventory.Access) { a.WinRM.Auth = "basic" }),
		serve(t, wsman.Options{}).access(func(a *inventory.Access) { a.WinRM.Auth = "basic" }),
		serve(t, wsman.Options{Faults: wsman.Faults{Status: 500}}).access(),
		serve(t, wsman.Options{Faults: wsman.Faults{Reset: 1}}).access(),
	}
	for i, h := range hosts {
		d := dialer(t, winrm.Config{OperationTimeout: time.Second})
		if shown := fmt.Sprintf("%v %+v %#v", d, d, h.Access); strings.Contains(shown, password) {
			t.Error("a dialer or an access tells the password")
		}
		_, err := once(d, h, "")
		if i == 6 {
			c := dial(t, d, h)
			_, err = c.Run(context.Background(), script("slow", "100ms"))
			if err == nil {
				continue // the reset came to another
			}
		}
		var e *transport.Error
		if !errors.As(err, &e) {
			t.Errorf("%d: %v", i, err)
			continue
		}
		shown := fmt.Sprintf("%v %+v %#v %s", err, e, e, e.Hint)
		for _, w := range words {
			if strings.Contains(shown, w) {
				t.Errorf("%d: %s tells %s", i, shown, w)
			}
		}
	}
}
