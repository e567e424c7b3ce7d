//go:build linux

package linux

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// listen has the network's host wait, as a run of farmwall would.
func (p *prober) listen(shell []string, r rules.ListenRequest) *rules.ListenReport {
	p.t.Helper()
	out := p.run(shell, New().Listen(r))
	report, err := New().ReadListen(r, out)
	if err != nil {
		p.t.Fatalf("%v: %v\n%s", shell, err, out)
	}
	return report
}

func (p *prober) unlisten(r rules.ListenRequest) bool {
	p.t.Helper()
	out := p.run(shells[0], New().Unlisten(r))
	report, err := New().ReadListen(rules.ListenRequest{}, out)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, out)
	}
	return report.Closed
}

// sockets are all that waits there now.
func (p *prober) sockets() string {
	p.t.Helper()
	var list []string
	for _, e := range p.listen(shells[0], rules.ListenRequest{Nonce: "p00000000"}).Waits {
		list = append(list, fmt.Sprintf("%s %s %d", e.Protocol, e.Address, e.Port))
	}
	return strings.Join(list, ", ")
}

// A listener waits where nothing does, answers with its nonce, leaves a service alone,
// and ends when it is told to; with its time it ends though nobody is left to tell it.
func TestListenersEndByThemselves(t *testing.T) {
	need(t, "perl", "python3", "busybox")
	for i, tool := range []string{"perl", "python3", "busybox"} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			p := newProber(t, "")
			p.serve()
			before := p.sockets()
			if want := "tcp 127.0.0.1 1010"; !strings.Contains(before, want) || !strings.Contains(before, "udp 127.0.0.1 1012") || !strings.Contains(before, "tcp ::1 1010") || !strings.Contains(before, "tcp 0.0.0.0 1011") {
				t.Errorf("what waits is %s", before)
			}
			r := rules.ListenRequest{Nonce: "n0123456789", Life: 60 * time.Second, Tool: tool, Ends: []rules.FlowEnd{
				end(rules.TCP, "127.0.0.1", 1020), end(rules.UDP, "127.0.0.1", 1020), end(rules.TCP, "::1", 1020), end(rules.TCP, "127.0.0.1", 1010), end(rules.UDP, "127.0.0.1", 1012),
				end(112, "127.0.0.1", 0), end(rules.TCP, "192.0.2.1", 1021), end(rules.TCP, "127.0.0.1", 1011)}}
			got := p.listen(shells[i%len(shells)], r)
			want := "[true true true false false false true false]"
			if tool == "busybox" { // TCP only
				want = "[true false true false false false true false]"
			}
			if fmt.Sprint(got.Opened) != want || got.Tool != tool || got.Why[3] != "taken" || got.Why[7] != "taken" {
				t.Errorf("%+v, want %s", got, want)
			}
			list := []probed{{end(rules.TCP, "127.0.0.1", 1020), true, rules.ProbeConnected, true}, {end(rules.TCP, "::1", 1020), true, rules.ProbeConnected, true},
				{end(rules.TCP, "127.0.0.1", 1010), false, rules.ProbeConnected, false}, {end(rules.UDP, "127.0.0.1", 1012), false, rules.ProbeConnected, false}}
			if tool != "busybox" {
				list = append(list, probed{end(rules.UDP, "127.0.0.1", 1020), true, rules.ProbeConnected, true})
			}
			for range 3 { // it answers more than once
				told, _ := p.probe(shells[0], "perl", time.Second, list)
				for k, x := range list {
					if told.Replies[k].Answer != x.answer || told.Replies[k].Ours != x.ours {
						t.Errorf("%v: %+v", x, told.Replies[k])
					}
				}
			}
			if !p.unlisten(r) {
				t.Error("the listener was not there any more")
			}
			p.gone(before, 3*time.Second)

			// Who asked is gone at once, and nobody ends it.
			r.Life, r.Ends = 2*time.Second, r.Ends[:1]
			if got := p.listen(shells[0], r); fmt.Sprint(got.Opened) != "[true]" {
				t.Fatalf("%+v", got)
			}
			p.gone(before, 6*time.Second)
			if p.unlisten(r) {
				t.Error("the listener outlived its time")
			}
			if left, _ := exec.Command("nsenter", "-t", strconv.Itoa(p.pid), "-m", "ls", "/run/farmwall").Output(); len(left) > 0 {
				t.Errorf("%s is left", left)
			}
		})
	}
}

// gone waits until only that waits which did before.
func (p *prober) gone(before string, within time.Duration) {
	p.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(100 * time.Millisecond) {
		now := p.sockets()
		if now == before {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("after %s there is %s, before there was %s", within, now, before)
		}
	}
}

// A host uses the best tool that it has, and says so where it has none.
func TestTheBestToolIsUsed(t *testing.T) {
	need(t, "perl", "python3", "bash", "busybox", "curl", "socat", "ncat")
	hide := func(tools ...string) string {
		text := ""
		for _, tool := range tools {
			for _, dir := range []string{"/usr/bin", "/bin", "/usr/local/bin"} {
				text += fmt.Sprintf("if [ -e %[1]s/%[2]s ] && [ -x %[1]s/%[2]s ]; then mount --bind /dev/null \"$(readlink -f %[1]s/%[2]s)\"; fi\n", dir, tool)
			}
		}
		return text
	}
	python := hide("perl", "python3")
	for _, host := range []struct {
		name, hidden, opens, waits string
	}{
		{"Debian with its base only", "", "perl", "perl"},
		{"RHEL without perl", hide("perl"), "python3", "python3"},
		{"neither", python, "bash", "busybox"},
		{"no bash", python + hide("bash"), "socat", "busybox"},
		{"no socat either", python + hide("bash", "socat"), "ncat", "busybox"},
		{"a broken perl", "mkdir /run/x; printf '#!/bin/sh\\nexit 2\\n' >/run/x/perl; chmod 755 /run/x/perl; mount --bind /run/x/perl /usr/bin/perl\n" + hide("python3"), "bash", "busybox"},
		{"Alpine", python + hide("bash", "socat", "ncat", "nc.openbsd", "nc.traditional"), "busybox", "busybox"},
		{"curl alone", python + hide("bash", "socat", "ncat", "nc.openbsd", "nc.traditional", "busybox"), "curl", ""},
		{"nothing", python + hide("bash", "socat", "ncat", "nc.openbsd", "nc.traditional", "busybox", "curl"), "", ""},
	} {
		t.Run(host.name, func(t *testing.T) {
			t.Parallel()
			p := newProber(t, host.hidden)
			list := []probed{{end(rules.TCP, "127.0.0.1", 1005), false, rules.ProbeRefused, false}}
			told, _ := p.probe(shells[0], "", time.Second, list)
			if told.Tool != host.opens || (told.Cannot != "") != (host.opens == "") {
				t.Errorf("it opens with %q (%s), want %q", told.Tool, told.Cannot, host.opens)
			}
			want := rules.ProbeRefused
			if host.opens == "" {
				want = rules.ProbeUnanswerable
			}
			if got := told.Replies[0].Answer; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			r := rules.ListenRequest{Nonce: "n0123456789", Life: 30 * time.Second, Ends: []rules.FlowEnd{end(rules.TCP, "127.0.0.1", 1020)}}
			heard := p.listen(shells[0], r)
			if heard.Tool != host.waits || heard.Opened[0] != (host.waits != "") || (heard.Cannot != "") != (host.waits == "") {
				t.Errorf("it waits with %q: %+v, want %q", heard.Tool, heard, host.waits)
			}
			p.unlisten(r)
		})
	}
}

// 500 flows with a time-out take seconds with every tool, not minutes.
func TestManyFlowsTakeSeconds(t *testing.T) {
	tools := map[string]time.Duration{"perl": 8 * time.Second}
	if soaking() {
		tools = map[string]time.Duration{"perl": 5 * time.Second, "python3": 5 * time.Second, "bash": 30 * time.Second, "socat": 30 * time.Second, "nc.openbsd": 30 * time.Second, "busybox": 30 * time.Second, "curl": 40 * time.Second}
	}
	p := newProber(t, "nft insert rule inet filter input ip daddr 127.9.0.0/16 drop\n")
	list := make([]probed, 500)
	for i := range list {
		list[i] = probed{end(rules.TCP, fmt.Sprintf("127.9.%d.1", i%250), uint16(2000+i)), false, rules.ProbeFiltered, false}
	}
	for tool, most := range tools {
		report, took := p.probe(shells[0], tool, time.Second, list)
		t.Logf("%d flows that nobody answers, with %s: %s", len(list), tool, took)
		for _, reply := range report.Replies {
			if reply.Answer != rules.ProbeFiltered {
				t.Fatalf("%s: %+v", tool, reply)
			}
		}
		if took > most {
			t.Errorf("%s took %s, at most %s", tool, took, most)
		}
	}
}

func soaking() bool { return os.Getenv("FARMWALL_SOAK") == "1" }
