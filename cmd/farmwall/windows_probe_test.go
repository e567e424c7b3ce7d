package main

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/tasks"
	"farmwall/transport/lab/windows"
)

// probed runs verify --probe and returns what it says.
func (f *winFarm) probed(code int, more ...string) *tasks.Summary {
	f.t.Helper()
	out := f.must(code, append([]string{"verify", "--probe", "--output", "json"}, more...))
	var s tasks.Summary
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &s); err != nil {
		f.t.Fatalf("%v\n%s", err, out)
	}
	return &s
}

func probeOf(s *tasks.Summary, to, from, protocol string, port uint16) *tasks.Probed {
	for i := range s.Find(to).Probes {
		if p := &s.Find(to).Probes[i]; p.From == from && p.Protocol == protocol && p.Port == port {
			return p
		}
	}
	return &tasks.Probed{}
}

// winProbes has Windows hosts probe each other, as far as sockets of this machine reach:
// no packet passes their firewalls.
func winProbes(t *testing.T, f *winFarm) {
	t.Helper()
	f.must(exitOK, []string{"apply", "-y"})
	s := f.probed(exitOK)
	if p := probeOf(s, "w2", "w1", "tcp", 30004); p.Answer != tasks.ProbeRefused || p.Right == nil || !*p.Right || p.Verdict != rules.Allowed || !p.Wanted || p.Source.String() == p.Address.String() {
		t.Errorf("nothing listens: %+v", p)
	}
	if p := probeOf(s, "w2", "controller", "tcp", 30004); p.Answer != tasks.ProbeRefused || p.Wanted || p.Verdict != rules.Denied || p.Right == nil || !*p.Right {
		t.Errorf("the controller is kept out: %+v", p)
	}
	if s.Probing.Wrong != 0 || len(s.Probing.Sources) != 3 || s.Probing.Sources[0].Tool != ".NET" {
		t.Errorf("%+v", s.Probing)
	}
	// A service of the host answers; listeners of ours wait on the other ports, and tell
	// that they are ours.
	at := s.Find("w2").Probes[0].Address
	service, err := net.Listen("tcp", netip.AddrPortFrom(at, 30004).String())
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	s = f.probed(exitNotOpen, "--probe-listen")
	if p := probeOf(s, "w2", "w1", "tcp", 30004); p.Answer != tasks.ProbeConnected || p.Ours {
		t.Errorf("a service answers: %+v", p)
	}
	if p := probeOf(s, "w2", "w1", "udp", 30004); p.Answer != tasks.ProbeConnected || !p.Ours || p.Right == nil || !*p.Right {
		t.Errorf("a listener answers: %+v", p)
	}
	if p := probeOf(s, "w2", "controller", "udp", 30004); p.Answer != tasks.ProbeConnected || p.Right == nil || *p.Right {
		t.Errorf("the lab lets an outsider in: %+v", p)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) { // it looks four times a second
		l, err := net.Listen("tcp", netip.AddrPortFrom(at, 49179).String())
		if err == nil {
			l.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("a listener is left: %v", err)
		}
	}
	f.settled()
}

func TestWindowsHostsProbe(t *testing.T) {
	t.Parallel()
	winProbes(t, winFarmOf(t, 2, winOptions{roles: []string{"publishing_agent", "rdsh"}, vars: "farmwall_sources=peers\n"}))
}

// The same with the very scripts in a real PowerShell, which takes it half a minute; in an
// ordinary run those of rules/windows are enough.
func TestWindowsHostsProbeInPowerShell(t *testing.T) {
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("make soak runs this: it keeps the PowerShell engine busy for long")
	}
	t.Parallel()
	winProbes(t, winFarmOf(t, 2, winOptions{engine: windows.PowerShell, roles: []string{"publishing_agent", "rdsh"}, vars: "farmwall_sources=peers\n"}))
}
