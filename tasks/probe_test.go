package tasks

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"farmwall/inventory"
	"farmwall/rules"
)

// oneVerdict judges every flow alike.
type oneVerdict struct {
	fakeDialect
	answer rules.Answer
}

func (o oneVerdict) Judge(*rules.State, rules.Flow) rules.Verdict {
	return rules.Verdict{Answer: o.answer, By: "some rule"}
}

func TestWhatAnAnswerProves(t *testing.T) {
	end := rules.FlowEnd{Address: netip.MustParseAddr("10.0.0.1"), Protocol: rules.TCP, Port: 443}
	heard := &rules.ListenReport{Waits: []rules.FlowEnd{{Address: netip.IPv6Unspecified(), Protocol: rules.TCP, Port: 443}}}
	for _, x := range []struct {
		answer   ProbeAnswer
		verdict  rules.Answer
		stealthy bool
		waits    bool
		wanted   string // right, wrong, or nothing, and "path"
		unwanted string
	}{
		{ProbeConnected, rules.Allowed, false, true, "right", "wrong"},
		{ProbeConnected, rules.Unknown, false, true, "right", "wrong"},
		{ProbeRefused, rules.Allowed, false, false, "right", "wrong"},
		{ProbeRefused, rules.Allowed, false, true, "wrong path", "wrong"},
		{ProbeRefused, rules.Denied, false, false, "wrong", "right"},
		{ProbeRefused, rules.Unknown, false, false, "nothing", "nothing"},
		{ProbeFiltered, rules.Allowed, false, false, "wrong path", "right"},
		{ProbeFiltered, rules.Denied, false, false, "wrong", "right"},
		{ProbeFiltered, rules.Unknown, false, false, "wrong", "right"},
		{ProbeFiltered, rules.Allowed, true, false, "nothing", "nothing"},
		{ProbeFiltered, rules.Allowed, true, true, "wrong path", "right"},
		{ProbeFiltered, rules.Denied, true, false, "wrong", "right"},
		{ProbeFiltered, rules.Unknown, true, false, "nothing", "nothing"},
		{ProbeUnreachable, rules.Allowed, false, false, "wrong path", "right"},
		{ProbeUnreachable, rules.Denied, false, false, "wrong", "right"},
		{ProbeUnanswerable, rules.Allowed, false, false, "nothing", "nothing"},
	} {
		from := &inventory.Host{Name: "gw1"}
		from.Addresses.Value = []netip.Addr{netip.MustParseAddr("10.0.0.9")}
		rule := rules.Rule{ID: "web", Farm: "farm", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 443, Last: 443}},
			Remotes: rules.NewAddresses([]netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")})}
		for _, wanted := range []bool{true, false} {
			if !wanted {
				from.Addresses.Value = []netip.Addr{netip.MustParseAddr("192.0.2.9")}
			}
			j := &probeJudge{target: &wantedHost{host: &inventory.Host{Name: "pa1"}, set: rules.Set{rule}}, d: oneVerdict{answer: x.verdict}, s: &rules.State{}, stealthy: x.stealthy,
				whole: map[wholeKey]bool{}, verdicts: map[verdictKey]rules.Verdict{}}
			if x.waits {
				j.heard = heard
			}
			p := j.probed(&shot{rule: &rule, from: from, end: end, starts: wanted, reply: rules.ProbeReply{Answer: x.answer}})
			got := "nothing"
			if p.Right != nil {
				got = map[bool]string{true: "right", false: "wrong"}[*p.Right]
			}
			if p.PathBlocks {
				got += " path"
			}
			want := x.wanted
			if !wanted {
				want = x.unwanted
			}
			if got != want || p.Wanted != wanted {
				t.Errorf("%s, verdict %s, stealthy %v, waits %v, wanted %v: %s, want %s (%+v)", x.answer, x.verdict, x.stealthy, x.waits, wanted, got, want, p)
			}
		}
	}
}

// wantedHost is wanted, where a variable has its name.
type wantedHost = wanted

// probingFake has its hosts answer probes as the test says.
type probingFake struct {
	fakeDialect
	mu     *sync.Mutex
	asked  map[int]int // ends of an exchange -> how often
	answer func(rules.FlowEnd) rules.ProbeAnswer
	lives  bool // listeners live until they are ended
}

func (d *probingFake) Probe(r rules.ProbeRequest) rules.Script { return rules.Script{Name: "observe"} }

func (d *probingFake) ReadProbe(r rules.ProbeRequest, out []byte) (*rules.ProbeReport, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[len(r.Ends)]++
	report := &rules.ProbeReport{Tool: "fake", Replies: make([]rules.ProbeReply, len(r.Ends))}
	for i, e := range r.Ends {
		if report.Replies[i].Answer = d.answer(e); r.Listener[i] && report.Replies[i].Answer == ProbeUnanswerable {
			report.Replies[i].Answer = ProbeFiltered
		}
	}
	return report, nil
}

func (d *probingFake) Listen(r rules.ListenRequest) rules.Script {
	return rules.Script{Name: "observe"}
}

func (d *probingFake) Unlisten(r rules.ListenRequest) rules.Script {
	return rules.Script{Name: "observe"}
}

func (d *probingFake) ReadListen(r rules.ListenRequest, out []byte) (*rules.ListenReport, error) {
	report := &rules.ListenReport{Opened: make([]bool, len(r.Ends)), Why: make([]string, len(r.Ends)), Closed: d.lives && len(r.Ends) == 0}
	for i := range report.Opened {
		report.Opened[i] = true
	}
	return report, nil
}

func (d *probingFake) Stealthy() bool { return false }

func (f *fakeFarm) probing(answer func(rules.FlowEnd) rules.ProbeAnswer) *probingFake {
	d := &probingFake{mu: &sync.Mutex{}, asked: map[int]int{}, answer: answer, lives: true}
	f.runner.Dialect = func(*inventory.Host) (rules.Dialect, error) { return d, nil }
	f.runner.Net = func(_ context.Context, _, address string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return d
}

func TestVerifyProbes(t *testing.T) {
	f := newFarm(t, 3)
	d := f.probing(func(e rules.FlowEnd) rules.ProbeAnswer { return ProbeConnected })
	f.apply(t.Context(), Rollout{})
	opt := &ProbeOptions{Hosts: f.inv.Hosts}
	s, err := f.runner.Verify(t.Context(), f.inv, f.inv.Hosts, VerifyOptions{Probe: opt})
	if err != nil {
		t.Fatal(err)
	}
	f.want(s, OK, OK, OK)
	// Three members try two ports of the two others, in one exchange each.
	if len(d.asked) != 1 || d.asked[4] != 3 || s.Probing.Made != 18 || s.Probing.Wrong != 0 {
		t.Errorf("the exchanges were %v; %+v", d.asked, s.Probing)
	}
	d.answer = func(e rules.FlowEnd) rules.ProbeAnswer {
		if e.Port == 20002 && e.Address.String() == "10.0.0.2" {
			return ProbeFiltered
		}
		return ProbeConnected
	}
	s, err = f.runner.Verify(t.Context(), f.inv, f.inv.Hosts, VerifyOptions{Probe: opt})
	if err != nil {
		t.Fatal(err)
	}
	f.want(s, OK, NotOpen, OK)
	if o := s.Find("h2"); o.Step != "probe" || !strings.Contains(o.Error, "the host lets it in: the path blocks it, and 1 more") || s.Probing.Blocked != 2 {
		t.Errorf("%+v; %+v", o, s.Probing)
	}
	// A source that cannot be asked proves nothing.
	f.dialer.mu.Lock()
	f.dialer.hosts["h3"].down = true
	f.dialer.mu.Unlock()
	s, err = f.runner.Verify(t.Context(), f.inv, f.inv.Hosts, VerifyOptions{Probe: opt})
	if err != nil {
		t.Fatal(err)
	}
	f.want(s, OK, NotOpen, Unreachable)
	if !slices.ContainsFunc(s.Probing.Notes, func(n string) bool { return strings.Contains(n, "h3 opened no flow") }) {
		t.Errorf("it says %s", s.Probing.Notes)
	}
}

// The silence of UDP is an answer only as long as the listeners were there.
func TestListenersThatEndedEarlyProveNothing(t *testing.T) {
	f := newFarm(t, 2)
	for _, h := range f.inv.Hosts {
		h.Rules[1].Protocol = 17
	}
	d := f.probing(func(e rules.FlowEnd) rules.ProbeAnswer {
		if e.Protocol == rules.UDP {
			return ProbeUnanswerable
		}
		return ProbeConnected
	})
	f.apply(t.Context(), Rollout{})
	for lives, want := range map[bool]Status{true: NotOpen, false: OK} {
		d.lives = lives
		s, err := f.runner.Verify(t.Context(), f.inv, f.inv.Hosts, VerifyOptions{Probe: &ProbeOptions{Hosts: f.inv.Hosts, Listen: true}})
		if err != nil {
			t.Fatal(err)
		}
		f.want(s, want, want)
	}
	f.sane()
}

// A probe that fails is a failure of the run.
func TestApplyProbes(t *testing.T) {
	f := newFarm(t, 4)
	f.probing(func(e rules.FlowEnd) rules.ProbeAnswer {
		if e.Address.String() == "10.0.0.3" && e.Port == 443 {
			return ProbeUnreachable
		}
		return ProbeConnected
	})
	how := Rollout{Serial: []Portion{{N: 2}}, OnFail: FailRun, Probe: &ProbeOptions{Hosts: f.inv.Hosts}}
	s := f.apply(t.Context(), how)
	if o := s.Find("h3"); o.Status != Restored && o.Status != NotOpen || len(o.Probes) == 0 {
		t.Errorf("%+v", o)
	}
	for _, h := range f.hosts {
		if len(h.wall.Loaded) > 0 {
			t.Errorf("%s keeps its rules", h.name)
		}
	}
	f.probing(func(rules.FlowEnd) rules.ProbeAnswer { return ProbeConnected })
	s = f.apply(t.Context(), how)
	f.want(s, Changed, Changed, Changed, Changed)
	if o := s.Find("h1"); len(o.Probes) == 0 {
		t.Error("its probes are not told")
	}
}
