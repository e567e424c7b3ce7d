package farm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

// echo answers every line with the same line.
func echo(ctx context.Context, l net.Listener, _ *windows.Host) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { c.Close() })()
		go func() {
			defer c.Close()
			for lines := bufio.NewScanner(c); lines.Scan(); {
				fmt.Fprintln(c, lines.Text())
			}
		}()
	}
}

// up brings one host up; 127.44.0.1 is on every Linux and Windows machine.
func up(t *testing.T) (*Farm, *Host) {
	t.Helper()
	probe, err := net.Listen("tcp", "127.44.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := probe.Addr().(*net.TCPAddr).AddrPort()
	probe.Close()
	f, err := Up([]Spec{{
		Host:  windows.Options{Name: "W1", Addresses: []netip.Addr{at.Addr()}, Rules: []windows.Entry{{ID: "w", Text: fmt.Sprintf("v2.26|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=%d|Name=line|", at.Port())}}},
		Lines: []Line{{At: at, Program: "System", Serve: echo}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	h, err := f.Host("W1")
	if err != nil {
		t.Fatal(err)
	}
	return f, h
}

type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, h *Host) client {
	t.Helper()
	c, err := net.Dial("tcp", h.Lines[0].At.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return client{c, bufio.NewReader(c)}
}

// ask says whether an answer comes in time.
func (c client) ask(wait time.Duration) error {
	c.SetDeadline(time.Now().Add(wait))
	if _, err := fmt.Fprintln(c, "hello"); err != nil {
		return err
	}
	_, err := c.r.ReadString('\n')
	return err
}

func isTimeout(err error) bool {
	n, ok := err.(net.Error)
	return ok && n.Timeout()
}

const soon = 300 * time.Millisecond

func TestCable(t *testing.T) {
	_, h := up(t)
	c := dial(t, h)
	if err := c.ask(time.Minute); err != nil {
		t.Fatal(err)
	}
	h.Cut()
	if err := c.ask(soon); !isTimeout(err) {
		t.Errorf("through a cut cable: %v", err)
	}
	late := dial(t, h)
	if err := late.ask(soon); !isTimeout(err) {
		t.Errorf("through a cut cable: %v", err)
	}
	h.Plug()
	for name, c := range map[string]client{"old": c, "new": late} {
		c.SetDeadline(time.Now().Add(time.Minute))
		if line, err := c.r.ReadString('\n'); err != nil || line != "hello\n" {
			t.Errorf("what waited on the %s connection: %q %v", name, line, err)
		}
	}
}

func TestPower(t *testing.T) {
	_, h := up(t)
	c := dial(t, h)
	if err := c.ask(time.Minute); err != nil {
		t.Fatal(err)
	}
	h.Pause()
	if err := c.ask(soon); !isTimeout(err) {
		t.Errorf("paused: %v", err)
	}
	h.Resume()
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.r.ReadString('\n'); err != nil {
		t.Errorf("resumed: %v", err)
	}
	h.Off()
	waiting := dial(t, h)
	if err := waiting.ask(soon); !isTimeout(err) {
		t.Errorf("off: %v", err)
	}
	h.On()
	waiting.SetDeadline(time.Now().Add(time.Minute))
	if _, err := waiting.r.ReadString('\n'); err != nil {
		t.Errorf("on again: %v", err)
	}
	if err := c.ask(time.Minute); err == nil || isTimeout(err) {
		t.Errorf("a connection outlived the boot: %v", err)
	}
}

func TestFirewallClosesTheLine(t *testing.T) {
	_, h := up(t)
	c := dial(t, h)
	if err := c.ask(time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := h.Remove("line", true); err != nil {
		t.Fatal(err)
	}
	time.Sleep(judged)
	if err := c.ask(soon); !isTimeout(err) {
		t.Errorf("through a closed firewall: %v", err)
	}
	if err := dial(t, h).ask(soon); !isTimeout(err) {
		t.Errorf("a new one through a closed firewall: %v", err)
	}
}

func TestControl(t *testing.T) {
	f, h := up(t)
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "c")
	if _, err := Join(ctx, path); err == nil {
		t.Fatal("joined nothing")
	}
	if err := f.Control(path); err != nil {
		t.Fatal(err)
	}
	r, err := Join(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	run := func(argv ...string) string {
		t.Helper()
		out, _, _, err := r.Run(ctx, "W1", argv, nil)
		if err != nil {
			return "error: " + err.Error()
		}
		return string(out)
	}
	const mine = "v2.26|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=8080|Name=mine|"
	if got := run("add", mine); got != "" {
		t.Error(got)
	}
	if got := run("disable", "mine"); got != "" {
		t.Error(got)
	}
	if got := run("rules", "MINE"); got != strings.Replace(mine, "TRUE", "FALSE", 1)+"\n" {
		t.Errorf("rules: %q", got)
	}
	if got := run("remove", "mine"); got != "" || run("rules", "mine") != "" {
		t.Errorf("removed: %q", got)
	}
	for _, bad := range [][]string{nil, {"add"}, {"add", "x"}, {"add", "v2.26|Action=Allow|Active=TRUE|Dir=In|Flux=1|Name=x|"}, {"remove", "none"}, {"enable", "none"}, {"service", "x", "Running"}, {"service", "BFE", "x"}} {
		if got := run(bad...); !strings.HasPrefix(got, "error: ") {
			t.Errorf("%q: %q", bad, got)
		}
	}
	if got := run("service", "Schedule", "Stopped"); got != "" {
		t.Error(got)
	}
	for _, button := range []string{"cut", "off"} {
		if err := r.Press(ctx, button, "W1"); err != nil {
			t.Error(err)
		}
	}
	if s, err := r.List(ctx); err != nil || len(s) != 1 || s[0].Power != "off" || !s[0].Cut || s[0].Lines[0] != h.Lines[0].At {
		t.Errorf("%+v %v", s, err)
	}
	for _, button := range []string{"on", "plug", "pause", "resume", "reboot"} {
		if err := r.Press(ctx, button, "W1"); err != nil {
			t.Error(err)
		}
	}
	if s, _ := r.List(ctx); s[0].Power != "on" || s[0].Cut || s[0].Boots != 3 {
		t.Errorf("%+v", s)
	}
	if err := r.Press(ctx, "kick", "W1"); err == nil {
		t.Error("an unknown button")
	}
	if err := r.Press(ctx, "off", "W2"); err == nil || !strings.Contains(err.Error(), "W2") {
		t.Errorf("%v", err)
	}
	if err := r.Down(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-f.Ended():
	case <-time.After(time.Minute):
		t.Error("still up")
	}
	if _, err := r.List(ctx); err == nil {
		t.Error("still there")
	}
}

func TestAnAddressThatIsTaken(t *testing.T) {
	f, h := up(t)
	_ = f
	_, err := Up([]Spec{{Host: windows.Options{Name: "W2"}, Lines: h.Lines}})
	if err == nil || !strings.Contains(err.Error(), "W2") {
		t.Errorf("%v", err)
	}
	_, _ = io.Discard, err
}
