package windows_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/windows"
	lab "farmwall/transport/lab/windows"
)

var nextHost atomic.Int32

// ownAddress is a loopback address that no other test uses.
func ownAddress() netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("127.%d.%d.%d", 101+os.Getpid()%100, os.Getpid()/100%250, 20+nextHost.Add(1)))
}

func flowEnd(protocol rules.Protocol, at netip.Addr, port uint16) rules.FlowEnd {
	return rules.FlowEnd{Address: at, Protocol: protocol, Port: port}
}

func (m *machine) script(s rules.Script) []byte {
	m.t.Helper()
	out, err := m.run(m.t.Context(), s.Name, s.Input)
	if err != nil {
		m.t.Fatalf("%s: %v", s.Name, err)
	}
	return out
}

// The very scripts, in a real PowerShell: what answers, what refuses, what is silent; a
// port that is taken is left alone, and listeners end when they are told to and by themselves.
func TestProbesAndListenersInPowerShell(t *testing.T) {
	t.Parallel()
	at := ownAddress()
	m := boot(t, lab.Options{Addresses: []netip.Addr{at}})
	service, err := net.Listen("tcp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Skip(err) // elsewhere not all of 127.0.0.0/8 is there
	}
	defer service.Close()
	silent, err := net.ListenPacket("udp", netip.AddrPortFrom(at, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	taken := netip.MustParseAddrPort(service.Addr().String()).Port()
	quiet := netip.MustParseAddrPort(silent.LocalAddr().String()).Port()
	d := windows.New()

	listen := rules.ListenRequest{Nonce: "p0123456789", Life: 25 * time.Second, Ends: []rules.FlowEnd{
		flowEnd(rules.TCP, at, 21001), flowEnd(rules.UDP, at, 21002), flowEnd(rules.TCP, at, taken), flowEnd(112, at, 0)}}
	heard, err := d.ReadListen(listen, m.script(d.Listen(listen)))
	if err != nil || heard.Cannot != "" || fmt.Sprint(heard.Opened) != "[true true false false]" || heard.Why[2] != "taken" || !heard.Hears(listen.Ends[2]) || heard.Hears(listen.Ends[0]) {
		t.Fatalf("%+v, %v", heard, err)
	}
	ask := rules.ProbeRequest{Nonce: "p0123456789", Wait: time.Second, AtOnce: 100, Ends: []rules.FlowEnd{
		flowEnd(rules.TCP, at, 21001), flowEnd(rules.UDP, at, 21002), flowEnd(rules.TCP, at, taken), flowEnd(rules.TCP, at, 21003), flowEnd(rules.UDP, at, 21004), flowEnd(rules.UDP, at, quiet),
		flowEnd(112, at, 0), flowEnd(rules.TCP, at, taken)},
		Listener: []bool{true, true, false, false, false, false, false, true}}
	told, err := d.ReadProbe(ask, m.script(d.Probe(ask)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range told.Replies {
		got = append(got, fmt.Sprint(r.Answer, r.Ours))
		if r.Answer == rules.ProbeConnected && r.Local != at {
			t.Errorf("it came from %s", r.Local)
		}
	}
	if want := "connectedtrue connectedtrue connectedfalse refusedfalse refusedfalse unanswerablefalse unanswerablefalse connectedfalse"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
	// Told to end, the listeners are gone; those of another controller that died go by themselves.
	if gone, err := d.ReadListen(rules.ListenRequest{}, m.script(d.Unlisten(listen))); err != nil || !gone.Closed {
		t.Errorf("%+v, %v", gone, err)
	}
	m.free(at, 21001, 5*time.Second)
	listen.Nonce, listen.Life, listen.Ends = "p9876543210", 2*time.Second, listen.Ends[:2]
	if heard, err = d.ReadListen(listen, m.script(d.Listen(listen))); err != nil || fmt.Sprint(heard.Opened) != "[true true]" {
		t.Fatalf("%+v, %v", heard, err)
	}
	m.free(at, 21001, 20*time.Second)
	if gone, err := d.ReadListen(rules.ListenRequest{}, m.script(d.Unlisten(listen))); err != nil || gone.Closed {
		t.Errorf("%+v, %v", gone, err)
	}
	if left, _ := os.ReadDir(m.Folder()); len(left) > 0 {
		t.Errorf("%s is left in the folder", left)
	}
}

// free waits until a port is free.
func (m *machine) free(at netip.Addr, port uint16, within time.Duration) {
	m.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		l, err := net.Listen("tcp", netip.AddrPortFrom(at, port).String())
		if err == nil {
			l.Close()
			return
		}
		if time.Now().After(end) {
			m.t.Fatalf("after %s the listener is still there: %v", within, err)
		}
	}
}
