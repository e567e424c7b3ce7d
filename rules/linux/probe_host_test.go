//go:build linux

package linux

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// prober is a network of its own with closed ports, listeners of others, and files that
// can be hidden.
type prober struct {
	t   *testing.T
	pid int
}

// probeWalls: 1001 is dropped, 1002 rejected as a router would, 1003 reset, 1004 refused by
// ICMP; nothing listens on the rest but on 1010 (a service that is silent), 1011 (one that
// greets), and UDP 1012, which answers.
const probeWalls = `
mount -t tmpfs tmpfs /run
ip link set lo up
ip route add unreachable 198.51.100.0/24
nft -f - <<X
table inet filter {
 chain input { type filter hook input priority 0;
  meta l4proto { tcp, udp } th dport 1001 drop
  meta l4proto { tcp, udp } th dport 1002 reject with icmpx host-unreachable
  tcp dport 1003 reject with tcp reset
  meta l4proto { tcp, udp } th dport 1004 reject with icmpx port-unreachable
 }
}
X
`

func newProber(t *testing.T, setup string) *prober {
	t.Helper()
	need(t, "unshare", "nsenter", "mount", "nft", "ip", "setsid")
	cmd := exec.Command("unshare", "-n", "-m", "sh", "-c", probeWalls+setup+"\necho ready; exec sleep 300")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &prober{t: t, pid: cmd.Process.Pid}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if n, err := out.Read(make([]byte, 64)); err != nil || n == 0 {
		cmd.Wait()
		t.Fatalf("the network could not be made: %s", &errs)
	}
	return p
}

// serve starts the listeners of others.
func (p *prober) serve() {
	p.t.Helper()
	const program = `
import socket, select
def at(kind, family, address, port):
    s = socket.socket(family, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if kind == socket.SOCK_STREAM: s.listen(200)
    return s
tcp, udp = socket.SOCK_STREAM, socket.SOCK_DGRAM
silent = [at(tcp, f, a, 1010) for f, a in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))] + [at(udp, socket.AF_INET, "127.0.0.1", 1013)]
greets, answers = at(tcp, socket.AF_INET, "0.0.0.0", 1011), at(udp, socket.AF_INET, "127.0.0.1", 1012)
print("ready", flush=True)
kept = []
while True:
    for s in select.select(silent + [greets, answers], [], [])[0]:
        if s is answers: s.sendto(b"a service\n", s.recvfrom(2000)[1])
        elif s.type == udp: s.recv(2000)
        else:
            kept.append(s.accept()[0])
            if s is greets: kept[-1].send(b"hello, this is a service\n")
`
	cmd := exec.Command("nsenter", "-t", strconv.Itoa(p.pid), "-n", "/usr/bin/python3", "-c", program)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 64)); err != nil {
		p.t.Fatal("the listeners did not start:", err)
	}
}

// run runs a script as sshd would have it run.
func (p *prober) run(shell []string, s rules.Script) []byte {
	p.t.Helper()
	argv := append([]string{"-t", strconv.Itoa(p.pid), "-n", "-m"}, shell...)
	cmd := exec.Command("nsenter", append(argv, "-c", s.Body)...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"}
	cmd.Stdin = bytes.NewReader(s.Input)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("%v: %v: %s\n%s", shell, err, &errs, out)
	}
	if errs.Len() > 0 {
		p.t.Errorf("%v says %s", shell, &errs)
	}
	return out
}

func end(protocol rules.Protocol, address string, port uint16) rules.FlowEnd {
	return rules.FlowEnd{Address: netip.MustParseAddr(address), Protocol: protocol, Port: port}
}

// probed is one end with the answer that is right.
type probed struct {
	end    rules.FlowEnd
	hears  bool
	answer rules.ProbeAnswer
	ours   bool
}

func (p *prober) probe(shell []string, tool string, wait time.Duration, list []probed) (*rules.ProbeReport, time.Duration) {
	p.t.Helper()
	r := rules.ProbeRequest{Nonce: "n0123456789", Wait: wait, AtOnce: 1000, Tool: tool}
	for _, x := range list {
		r.Ends, r.Listener = append(r.Ends, x.end), append(r.Listener, x.hears)
	}
	begun := time.Now()
	out := p.run(shell, New().Probe(r))
	took := time.Since(begun)
	report, err := New().ReadProbe(r, out)
	if err != nil {
		p.t.Fatalf("%v %s: %v\n%s", shell, tool, err, out)
	}
	return report, took
}

// Every tool tells every answer apart, under every shell.
func TestEveryToolTellsAnswersApart(t *testing.T) {
	need(t, "perl", "python3", "bash", "busybox", "curl", "socat", "ncat", "nc.openbsd", "nc.traditional")
	p := newProber(t, "")
	p.serve()
	listen := rules.ListenRequest{Nonce: "n0123456789", Life: 60 * time.Second, Ends: []rules.FlowEnd{end(rules.TCP, "127.0.0.1", 1020), end(rules.UDP, "127.0.0.1", 1021), end(rules.TCP, "::1", 1020)}}
	if report, err := New().ReadListen(listen, p.run(shells[0], New().Listen(listen))); err != nil || fmt.Sprint(report.Opened) != "[true true true]" {
		t.Fatalf("%+v, %v", report, err)
	}
	list := []probed{
		{end(rules.TCP, "127.0.0.1", 1001), false, rules.ProbeFiltered, false},
		{end(rules.TCP, "127.0.0.1", 1002), false, rules.ProbeUnreachable, false},
		{end(rules.TCP, "127.0.0.1", 1003), false, rules.ProbeRefused, false},
		{end(rules.TCP, "127.0.0.1", 1004), false, rules.ProbeRefused, false},
		{end(rules.TCP, "127.0.0.1", 1005), false, rules.ProbeRefused, false},
		{end(rules.TCP, "127.0.0.1", 1010), false, rules.ProbeConnected, false},
		{end(rules.TCP, "127.0.0.1", 1010), true, rules.ProbeConnected, false},
		{end(rules.TCP, "127.0.0.1", 1011), false, rules.ProbeConnected, false},
		{end(rules.TCP, "127.0.0.1", 1011), true, rules.ProbeConnected, false},
		{end(rules.TCP, "127.0.0.1", 1020), true, rules.ProbeConnected, true},
		{end(rules.TCP, "198.51.100.1", 1010), false, rules.ProbeUnreachable, false},
		{end(rules.UDP, "127.0.0.1", 1001), false, rules.ProbeUnanswerable, false},
		{end(rules.UDP, "127.0.0.1", 1001), true, rules.ProbeFiltered, false},
		{end(rules.UDP, "127.0.0.1", 1004), false, rules.ProbeRefused, false},
		{end(rules.UDP, "127.0.0.1", 1005), false, rules.ProbeRefused, false},
		{end(rules.UDP, "127.0.0.1", 1012), false, rules.ProbeConnected, false},
		{end(rules.UDP, "127.0.0.1", 1013), false, rules.ProbeUnanswerable, false},
		{end(rules.UDP, "127.0.0.1", 1021), true, rules.ProbeConnected, true},
		{end(112, "127.0.0.1", 0), false, rules.ProbeUnanswerable, false},
		{end(rules.TCP, "::1", 1010), false, rules.ProbeConnected, false},
		{end(rules.TCP, "::1", 1020), true, rules.ProbeConnected, true},
		{end(rules.TCP, "::1", 1005), false, rules.ProbeRefused, false},
		{end(rules.TCP, "::1", 1001), false, rules.ProbeFiltered, false},
	}
	for _, tool := range []string{"perl", "python3", "bash", "socat", "ncat", "nc", "nc.traditional", "busybox", "curl"} {
		for _, shell := range shells {
			if tool != "perl" && tool != "bash" && shell[0] != "dash" {
				continue // what a tool says does not depend on the shell
			}
			t.Run(tool+" "+strings.Join(shell, " "), func(t *testing.T) {
				t.Parallel()
				p := &prober{t, p.pid}
				report, took := p.probe(shell, tool, time.Second, list)
				t.Logf("%s in %s", report.Tool, took)
				for i, x := range list {
					if x.end.Protocol == rules.UDP && (strings.Contains(tool, "nc") || tool == "busybox" || tool == "curl") ||
						x.end.Address.Is6() && tool == "nc.traditional" {
						x.answer, x.ours = rules.ProbeUnanswerable, false // it can do no more
					}
					if (tool == "nc.traditional" || tool == "busybox") && (x.end.Port == 1002 || x.end.Port == 1004) && x.answer != rules.ProbeUnanswerable && x.end.Protocol == rules.TCP {
						x.answer = rules.ProbeFiltered // over the loopback the kernel does not tell it
					}
					if got := report.Replies[i]; got.Answer != x.answer || got.Ours != x.ours {
						t.Errorf("%s %s %d (listener %v): %+v, want %s, ours %v", x.end.Protocol, x.end.Address, x.end.Port, x.hears, got, x.answer, x.ours)
					}
				}
			})
		}
	}
}
