package windows_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
	"farmwall/rules/rulestest"
	"farmwall/rules/windows"
	lab "farmwall/transport/lab/windows"
)

// These tests drive the dialect and the scripts together, as a controller does.

var capture = flag.Bool("capture", false, "write the answer of a host of the lab to testdata")

const captured = "testdata/server2019.json"

func prefixes(texts ...string) *rules.Addresses {
	var ps []netip.Prefix
	for _, t := range texts {
		ps = append(ps, netip.MustParsePrefix(t))
	}
	return rules.NewAddresses(ps)
}

func setOf(t *testing.T, list ...rules.Rule) rules.Set {
	t.Helper()
	for i := range list {
		list[i].Farm = "north"
	}
	set, err := rules.NewSet(list)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// everyKind holds a rule of each form that farmwall writes.
func everyKind(t *testing.T) rules.Set {
	var members []netip.Prefix
	for i := range 1500 {
		members = append(members, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 7), byte(i), byte(i << 1)}), 32))
	}
	return setOf(t,
		rules.Rule{ID: "gateway.https", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 443, Last: 443}}},
		rules.Rule{ID: "agents", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 20001, Last: 20003}, {First: 20030, Last: 20030}},
			Remotes: prefixes("10.0.0.0/28", "10.0.1.7/32", "2001:db8::7/128", "2001:db8:1::/48", "fe80::/10")},
		rules.Rule{ID: "halb.vrrp", Direction: rules.In, Protocol: rules.VRRP, Remotes: prefixes("10.0.0.9/32")},
		rules.Rule{ID: "many", Direction: rules.In, Protocol: rules.UDP, Ports: []rules.PortRange{{First: 20009, Last: 20009}}, Remotes: rules.NewAddresses(members)},
		rules.Rule{ID: "all.ipv4", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 81, Last: 81}}, Remotes: prefixes("0.0.0.0/0")},
		rules.Rule{ID: "out.dns", Direction: rules.Out, Protocol: rules.UDP, Ports: []rules.PortRange{{First: 53, Last: 53}}, Remotes: prefixes("10.0.0.2/32", "10.0.0.3/32")},
		rules.Rule{ID: "agent.local", Direction: rules.In, Protocol: rules.TCP, Ports: []rules.PortRange{{First: 30004, Last: 30004}}, Loopback: true},
	)
}

// few is every kind but the long list, which costs the engine seconds.
func few(t *testing.T) rules.Set {
	return slices.DeleteFunc(everyKind(t), func(r rules.Rule) bool { return r.ID == "many" })
}

var dialect = windows.New()

func (m *machine) state() *rules.State {
	m.t.Helper()
	return m.decoded(m.observed())
}

func (m *machine) observed() []byte {
	m.t.Helper()
	s := dialect.Observe()
	out, err := m.runText(m.t.Context(), s.Body, s.Input)
	if err != nil {
		m.t.Fatal("observe:", err)
	}
	return out
}

func (m *machine) decoded(out []byte) *rules.State {
	m.t.Helper()
	s, err := dialect.Decode(out)
	if err != nil {
		m.t.Fatalf("%v: %.300s", err, out)
	}
	return s
}

func (m *machine) ran(s rules.Script, want rules.Result) *rules.Report {
	m.t.Helper()
	out, err := m.runText(m.t.Context(), s.Body, s.Input)
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", s.Name, err, m.log())
	}
	r, err := dialect.Answer(out)
	if err != nil {
		m.t.Fatalf("%s: %v", s.Name, err)
	}
	if r.Result != want {
		m.t.Fatalf("%s came to %+v, not %s\n%s", s.Name, r, want, m.log())
	}
	return r
}

// armed makes a change of what was seen, up to its confirm. A copy that is given is the
// target as it is.
func (m *machine) armed(s *rules.State, want rules.Set, copied rules.Copy) (undo rules.Copy, lease uint64) {
	m.t.Helper()
	if err := dialect.Check(s, want); err != nil {
		m.t.Fatal(err)
	}
	target, err := dialect.Target(s, want)
	if err != nil {
		m.t.Fatal(err)
	}
	if copied != nil {
		target = copied
	}
	if undo, err = dialect.Undo(s); err != nil {
		m.t.Fatal(err)
	}
	r := m.ran(dialect.Change(rules.ChangeRequest{Run: "run-1", Controller: "me@here", Lease: s.Lease.Number, Ours: s.Ours, Rest: s.Rest,
		Window: 2 * time.Minute, Target: target, Undo: undo, Digest: want.Digest()}), rules.Applied)
	return undo, r.Lease
}

func (m *machine) confirmed(lease uint64) *rules.State {
	m.t.Helper()
	r := m.ran(dialect.Confirm(rules.ConfirmRequest{Run: "run-1", Controller: "me@here", Lease: lease, Time: time.Unix(1.7e9, 0)}), rules.Confirmed)
	s := m.state()
	if r.Ours != s.Ours {
		m.t.Errorf("the confirm says %s, the host then %s", r.Ours, s.Ours)
	}
	return s
}

func (m *machine) left(s *rules.State, want rules.Set) {
	m.t.Helper()
	for _, c := range dialect.Diff(s, want) {
		m.t.Errorf("%s %s: %+v %+v", c.Verb, c.Note, c.Have, c.Want)
	}
}

func TestTheDialectAndItsScripts(t *testing.T) {
	t.Parallel()
	m := boot(t, lab.Options{Rules: lab.Foreign(lab.Server2019, lab.BuiltIn(lab.Server2019), 600)})
	want := everyKind(t)
	before := m.state()
	_, lease := m.armed(before, want, nil)
	s := m.state()
	if s.Token.State != "armed" || s.Token.Left <= 0 || s.Lease.Number != lease || s.Lease.Run != "run-1" || s.Lease.Holder != "me@here run run-1" {
		t.Errorf("token %+v, lease %+v", s.Token, s.Lease)
	}
	m.left(s, want)
	s = m.confirmed(lease)
	m.left(s, want)
	if s.Record.Run != "run-1" || s.Record.Digest != want.Digest() || !s.Record.Time.Equal(time.Unix(1.7e9, 0)) || s.Token.State != "done" {
		t.Errorf("record %+v, token %+v", s.Record, s.Token)
	}
	if s.Rest != before.Rest {
		t.Error("what is foreign has moved")
	}
	for _, e := range rules.Flows(want) {
		if v := dialect.Judge(s, e.Flow); v.Answer != e.Want {
			t.Errorf("%s %s from %s is %s by %s %s, want %s", e.Rule, e.Flow, e.Flow.Remotes, v.Answer, v.By, v.Reason, e.Want)
		}
	}
	if *capture {
		if err := os.MkdirAll(filepath.Dir(captured), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(captured, m.observed(), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	// A second set replaces, adds and removes; then it is taken back before the confirm.
	second := slices.DeleteFunc(slices.Clone(want), func(r rules.Rule) bool { return r.ID == "all.ipv4" })
	second.Find("agents").Remotes = prefixes("10.0.0.0/28")
	_, lease = m.armed(s, second, nil)
	m.left(m.state(), second)
	m.ran(dialect.Revert(rules.RevertRequest{Run: "run-1", Lease: lease}), rules.Undone)
	s2 := m.state()
	m.left(s2, want)
	if s2.Ours != s.Ours {
		t.Error("undone, and yet not as it was")
	}

	// Nothing of ours is left by the empty set.
	_, lease = m.armed(s2, nil, nil)
	s = m.confirmed(lease)
	if len(s.Places[0].Owned) > 0 || s.Ours != before.Ours || s.Rest != before.Rest {
		t.Errorf("%d rules are left", len(s.Places[0].Owned))
	}
}

// TestARollbackBringsHandEditsBack: the host's own bytes of before the run are the
// target, and its fingerprint proves them.
func TestARollbackBringsHandEditsBack(t *testing.T) {
	soak(t)
	t.Parallel()
	m := boot(t, lab.Options{Rules: lab.BuiltIn(lab.Server2019)})
	want := few(t)
	_, lease := m.armed(m.state(), want, nil)
	s := m.confirmed(lease)
	var name string
	for _, n := range m.names() {
		if strings.Contains(n, "gateway.https") {
			name = n[1:]
		}
	}
	rule, err := m.Item(name)
	if err != nil {
		t.Fatal(err)
	}
	for property, value := range map[string]any{"Enabled": false, "RemoteAddresses": "10.9.0.0/16,LocalSubnet", "LocalPorts": "443,8443", "Profiles": 3} {
		if err := m.Set(rule, property, value, true); err != nil {
			t.Fatal(property, err)
		}
	}
	edited := m.state()
	if len(dialect.Diff(edited, want)) == 0 || edited.Ours == s.Ours {
		t.Fatal("the edit is not seen")
	}
	undo, lease := m.armed(edited, want, nil)
	back := m.confirmed(lease)
	m.left(back, want)
	if back.Ours != s.Ours {
		t.Error("the same rules under another lease number are not the same by fingerprint")
	}
	_, lease = m.armed(back, want, undo)
	if now := m.confirmed(lease); now.Ours != edited.Ours {
		t.Errorf("not back:\n%s\nwas\n%s", owned(now), owned(edited))
	}
}

func owned(s *rules.State) string {
	var b strings.Builder
	for _, r := range s.Places[0].Owned {
		fmt.Fprintf(&b, "%s %s %s\n", r.ID, r.Hash, r.Opaque)
	}
	return b.String()
}

func TestCapturedHost(t *testing.T) {
	out, err := os.ReadFile(captured)
	if err != nil {
		t.Fatal(err)
	}
	held := slices.DeleteFunc(everyKind(t), func(r rules.Rule) bool { return r.Loopback })
	one := func(p rules.Protocol, port uint16, remotes ...string) rules.Flow {
		f := rules.Flow{Direction: rules.In, Protocol: p, Port: port}
		if len(remotes) > 0 {
			f.Remotes = prefixes(remotes...)
		}
		return f
	}
	rulestest.Contract(t, dialect, rulestest.Fixture{Name: "server 2019 of the lab", Observed: bytes.TrimSpace(out), Holds: held,
		Allowed: []rules.Flow{one(rules.TCP, 443), one(rules.TCP, 20002, "10.0.0.3/32", "2001:db8:1:2::3/128"), one(rules.TCP, 81, "203.0.113.7/32")},
		Denied:  []rules.Flow{one(rules.TCP, 20002), one(rules.TCP, 20004), one(rules.TCP, 81), one(rules.VRRP, 0, "10.0.0.10/32")},
	})
}
