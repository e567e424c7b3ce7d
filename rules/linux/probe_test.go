package linux

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

func asked() (rules.ProbeRequest, rules.ListenRequest) {
	ends := []rules.FlowEnd{
		{Address: netip.MustParseAddr("10.0.0.1"), Protocol: rules.TCP, Port: 443},
		{Address: netip.MustParseAddr("fd00::1"), Protocol: rules.UDP, Port: 30006},
		{Address: netip.MustParseAddr("10.0.0.1"), Protocol: rules.VRRP},
	}
	return rules.ProbeRequest{Ends: ends, Listener: []bool{false, true, false}, Nonce: "n0123456789", Wait: time.Second, AtOnce: 9},
		rules.ListenRequest{Ends: ends, Nonce: "n0123456789", Life: 30 * time.Second}
}

func TestValuesOfProbesAreDataAndNoScript(t *testing.T) {
	probe, listen := asked()
	other, more := probe, listen
	other.Ends, other.Listener, other.Nonce, more.Nonce = nil, nil, "x", "x"
	d := New()
	if d.Probe(probe).Body != d.Probe(other).Body || d.Listen(listen).Body != d.Listen(more).Body || d.Listen(listen).Body != d.Unlisten(listen).Body {
		t.Error("a script depends on its values")
	}
	if got := string(d.Probe(probe).Input); got != "wait 1000\nat-once 9\nnonce n0123456789\n\n0 tcp 10.0.0.1 443 -\n1 udp fd00::1 30006 listener\n" {
		t.Errorf("%q", got)
	}
	if got := string(d.Listen(listen).Input); got != "nonce n0123456789\nlife 30\ndo open\n\n0 tcp 10.0.0.1 443\n1 udp fd00::1 30006\n" {
		t.Errorf("%q", got)
	}
	for name, text := range map[string]string{"probe.pl": probePerl, "probe.py": probePython, "listen.pl": listenPerl, "listen.py": listenPython} {
		if strings.Contains(text, "'") {
			t.Errorf("%s holds a single quote", name)
		}
	}
	for _, s := range []rules.Script{d.Probe(probe), d.Listen(listen)} {
		if n := len(s.Body) * 4 / 3; n > 100_000 {
			t.Errorf("%s is %d bytes as base64", s.Name, n)
		}
	}
}

func TestDamagedAnswersOfProbesAreErrors(t *testing.T) {
	probe, listen := asked()
	for _, text := range []string{
		"", "farmwall probe 1\n", "farmwall probe 1\ntool perl\nend\n", "farmwall probe 1\ntool perl\nreply 0 connected - -\nend\n",
		"farmwall probe 1\nreply 0 connected - -\nreply 0 refused - -\nreply 1 silent - -\nend\n", "farmwall probe 1\nreply 9 connected - -\nend\n",
		"farmwall probe 1\nreply 0 open - -\nreply 1 silent - -\nend\n", "farmwall probe 1\nreply 0 connected x -\nend\n", "farmwall probe 1\nreply 0 connected - mine\nend\n",
		"farmwall probe 1\nreply 0 connected\nend\n", "farmwall probe 1\nhello\nend\n", "farmwall probe 1\nreply 0 connected - -\nreply 1 silent - -\n",
	} {
		if r, err := New().ReadProbe(probe, []byte(text)); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
	for _, text := range []string{
		"", "farmwall listen 1\nend\n", "farmwall listen 1\nopened 0 yes\nend\n", "farmwall listen 1\nopened 0 yes\nopened 0 yes\nopened 1 yes\nend\n", "farmwall listen 1\nopened 7 yes\nend\n",
		"farmwall listen 1\nwaits tcp 0100:50\nopened 0 yes\nopened 1 yes\nend\n", "farmwall listen 1\nwaits icmp 0100007F:0050\nopened 0 yes\nopened 1 yes\nend\n", "farmwall listen 1\nwaits tcp 0100007F:X\nopened 0 yes\nopened 1 yes\nend\n",
	} {
		if r, err := New().ReadListen(listen, []byte(text)); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
	told, err := New().ReadProbe(probe, []byte("farmwall probe 1\ntool perl\nreply 1 silent fd00::9 -\nreply 0 unreachable ::ffff:10.0.0.9 - No route to host\nend\n"))
	if err != nil || told.Replies[0].Answer != rules.ProbeUnreachable || told.Replies[0].Text != "No route to host" || told.Replies[0].Local != netip.MustParseAddr("10.0.0.9") ||
		told.Replies[1].Answer != rules.ProbeFiltered || told.Replies[2].Answer != rules.ProbeUnanswerable {
		t.Errorf("%+v, %v", told, err)
	}
	heard, err := New().ReadListen(listen, []byte("farmwall listen 1\nwaits tcp 0100007F:1F90\nwaits udp 0000000000000000FFFF00000100007F:0035\nwaits tcp 00000000000000000000000000000000:01BB\ncannot no tool\nend\n"))
	if err != nil || heard.Waits[0] != (rules.FlowEnd{Address: netip.MustParseAddr("127.0.0.1"), Protocol: rules.TCP, Port: 8080}) ||
		heard.Waits[1] != (rules.FlowEnd{Address: netip.MustParseAddr("127.0.0.1"), Protocol: rules.UDP, Port: 53}) || !heard.Hears(listen.Ends[0]) || heard.Why[0] != "no tool" {
		t.Errorf("%+v, %v", heard, err)
	}
}

func FuzzReadProbe(f *testing.F) {
	probe, _ := asked()
	f.Add([]byte("farmwall probe 1\ntool perl\nreply 0 connected 10.0.0.2 ours\nreply 1 silent - - text\nend\n"))
	f.Add([]byte("farmwall probe 1\ncannot none\nend\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		report, err := New().ReadProbe(probe, out)
		if err != nil {
			return
		}
		for i, r := range report.Replies {
			switch r.Answer {
			case rules.ProbeConnected, rules.ProbeRefused, rules.ProbeFiltered, rules.ProbeUnreachable, rules.ProbeUnanswerable:
			default:
				t.Errorf("reply %d is %q", i, r.Answer)
			}
		}
		if report.Replies[2].Answer != rules.ProbeUnanswerable && !strings.Contains(string(out), "reply 2 ") {
			t.Error("VRRP has an answer that nobody gave")
		}
	})
}

func FuzzReadListen(f *testing.F) {
	_, listen := asked()
	f.Add([]byte("farmwall listen 1\nwaits tcp 0100007F:1F90\ntool perl\nopened 0 yes\nopened 1 taken\nend\n"))
	f.Add([]byte("farmwall listen 1\nclosed 7\nend\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		report, err := New().ReadListen(listen, out)
		if err != nil {
			return
		}
		for i := range listen.Ends {
			if report.Opened[i] && report.Why[i] != "" {
				t.Errorf("end %d is open and is not: %q", i, report.Why[i])
			}
		}
		for _, w := range report.Waits {
			if !w.Address.IsValid() || w.Address.Is4In6() {
				t.Errorf("%+v waits nowhere", w)
			}
		}
	})
}
