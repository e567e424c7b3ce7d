package main

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
)

func list4(texts ...string) *rules.Addresses {
	var ps []netip.Prefix
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return rules.NewAddresses(ps)
}

func shown(d detail, views ...view) string {
	var out bytes.Buffer
	d.show(&out, views)
	return out.String()
}

func TestDiffIsReadable(t *testing.T) {
	port := func(n uint16) []rules.PortRange { return []rules.PortRange{{First: n, Last: n}} }
	open := rules.Rule{ID: "gw-in-tcp-443", Farm: "acme", Direction: rules.In, Protocol: rules.TCP, Ports: port(443),
		Why: &rules.Why{Role: "gateway", Row: "gw-in-tcp-443", Deciders: []string{"ras_ssl is on (default)"}}}
	before := open
	before.Ports, before.Remotes = port(444), list4("10.0.0.0/8")
	vrrp := rules.Rule{ID: "halb-in-ip-112", Farm: "acme", Direction: rules.In, Protocol: rules.VRRP, Remotes: list4("10.0.0.1/32", "10.0.0.2/32")}
	changes := []rules.Change{
		{Verb: rules.Add, Want: &open},
		{Verb: rules.Replace, Have: &before, Want: &open},
		{Verb: rules.Remove, Have: &vrrp, Note: "twin", Places: []string{"table inet farmwall"}},
		{Verb: rules.Repair, Note: "the jump is missing", Places: []string{"table ip filter"}},
	}
	text := shown(detail{changes: true, reasons: true}, view{host: "gw1", status: tasks.Differs, changes: changes})
	for _, want := range []string{
		"+ gw-in-tcp-443   tcp 443 from anywhere\n",
		"because role gateway, ras_ssl is on (default)",
		"~ gw-in-tcp-443   ports 444 -> 443; from 10.0.0.0/8 -> anywhere\n",
		"- halb-in-ip-112  vrrp (112) from 10.0.0.1, 10.0.0.2 (twin) in table inet farmwall\n",
		"~ (repair)        the jump is missing in table ip filter\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	beside := rules.Change{Verb: rules.Add, Want: &open, Places: []string{"table ip filter"}}
	both := rules.Change{Verb: rules.Add, Want: &open, Places: []string{"table inet farmwall", "table ip filter"}}
	for line, c := range map[string]rules.Change{"anywhere in table ip filter": beside, "anywhere": both} {
		if text := shown(detail{changes: true}, view{host: "gw1", changes: []rules.Change{c}}); !strings.Contains(text, line+"\n") {
			t.Errorf("lacks %q:\n%s", line, text)
		}
	}
	var sum tally
	sum.take(changes)
	sum.take(nil)
	if got, want := sum.String(), "1 to add, 1 to change, 1 to remove, 1 to repair on 1 host; 1 host unchanged"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLongListsShowWhatMoved(t *testing.T) {
	var many []string
	for i := range 8 {
		many = append(many, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(2 * i)}), 32).String())
	}
	old, now := list4(many[:7]...), list4(many[1:]...)
	got := moved(old, now, false)
	if want := "7 -> 7 entries, new: 10.0.0.14, gone: 10.0.0.0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := addressWords(old, false), "10.0.0.0, 10.0.0.2, 10.0.0.4, 10.0.0.6 and 3 more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestEqualHostsAreFoldedUnlessVerbose(t *testing.T) {
	rule := rules.Rule{ID: "x", Direction: rules.In, Protocol: rules.UDP}
	var views []view
	for _, host := range []string{"a", "b", "c"} {
		views = append(views, view{host: host, status: tasks.Differs, changes: []rules.Change{{Verb: rules.Add, Want: &rule}}})
	}
	views = append(views, view{host: "same", status: tasks.OK})
	text := shown(detail{changes: true}, views...)
	if strings.Count(text, "+ x") != 1 || !strings.Contains(text, "the same on 2 more hosts: b, c") || strings.Contains(text, "same\n") {
		t.Errorf("not folded:\n%s", text)
	}
	if text := shown(detail{changes: true, all: true}, views...); strings.Count(text, "+ x") != 3 {
		t.Errorf("folded in spite of -v:\n%s", text)
	}
}

func TestHostileWordsCannotReachTheTerminal(t *testing.T) {
	evil := "\x1b[2Jgone\r\n\u202e"
	o := tasks.Outcome{Host: "h" + evil, Status: tasks.Failed, Step: "observe" + evil, Error: "said " + evil, Hint: evil,
		Warnings: []string{evil}, Findings: []rules.Finding{{Kind: evil, Text: evil}}, Cause: evil,
		Flows:   []tasks.JudgedFlow{{Rule: evil, Verdict: rules.Verdict{Answer: rules.Denied, By: evil, Reason: evil, Way: []string{evil}}}},
		Changes: []rules.Change{{Verb: rules.Remove, Have: &rules.Rule{ID: evil, Opaque: evil}, Note: evil, Places: []string{evil}}}}
	var out bytes.Buffer
	p := &textPrinter{w: &out, progress: newProgress(&out, colours{}, 2), detail: detail{all: true, reasons: true}}
	p.event(tasks.Event{Kind: tasks.HostStep, Host: evil, Step: evil, Text: evil})
	p.event(tasks.Event{Kind: tasks.HostDone, Host: evil, Outcome: &o})
	p.event(tasks.Event{Kind: tasks.Notice, Host: evil, Text: evil})
	s := &tasks.Summary{Verb: "drift", Run: evil, Farms: []tasks.Count{{Farm: evil}}, Gone: []string{evil}, Outcomes: []tasks.Outcome{o}}
	if err := p.summary(s, 0); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(out.String(), "\x1b\r\u202e") {
		t.Errorf("an escape came through:\n%q", out.String())
	}
}

func TestAHiddenFlowIsSaidOnce(t *testing.T) {
	o := tasks.Outcome{Host: "rds1", Status: tasks.NotOpen, Step: "verify", Error: "tcp 3389 is closed by table inet bad", Hint: "ask its owner",
		Flows: []tasks.JudgedFlow{{Rule: "rdp", Flow: rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: 3389}, Verdict: rules.Verdict{Answer: rules.Denied, By: "table inet bad"}}}}
	text := shown(detail{}, viewOfOutcome(&o))
	if want := "rds1\n  not-open: 1 wanted flow not open; ask its owner\n  rdp: tcp 3389 from anywhere is denied by table inet bad\n\n"; text != want {
		t.Errorf("%q, want %q", text, want)
	}
}

func TestRecapKeepsAnsiblesOrder(t *testing.T) {
	outcomes := []tasks.Outcome{{Status: tasks.Refused}, {Status: tasks.Changed}, {Status: tasks.OK}, {Status: tasks.OK}, {Status: tasks.Restored}}
	if got, want := recap(outcomes, colours{}), "ok=2 changed=1 unreachable=0 failed=0 restored=1 refused=1"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
