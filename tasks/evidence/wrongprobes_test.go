package evidence_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
)

// A probe with a wrong answer is named with both ends, the answer, and what the host
// itself says of the flow; others are only counted.
func TestWrongProbesAreNamed(t *testing.T) {
	s := newSample(t, fiveHosts, true)
	right, wrong, at := true, false, netip.MustParseAddr
	rds1, rds2 := at("10.0.1.31"), at("10.0.1.32")
	s.run = "20261123-051000-probes00"
	s.must(s.journal.Begin(context.Background(), tasks.RunRecord{ID: s.run, Verb: "verify", Controller: "ann@desk"}))
	s.must(s.journal.Witness(context.Background(), []tasks.Evidence{
		{Run: s.run, Verb: "verify", Farm: "default", Host: "rds1", Status: tasks.NotOpen, Probes: []tasks.Probed{
			{Rule: "rdsh-gateway-3389", From: "gw1", Source: at("10.0.1.11"), To: "rds1", Address: rds1, Protocol: "tcp", Port: 3389, Wanted: true, Answer: tasks.ProbeFiltered, Right: &wrong, PathBlocks: true, Verdict: rules.Allowed},
			{Rule: "rdsh-gateway-3389", From: "pa1", Source: at("10.0.1.21"), To: "rds1", Address: rds1, Protocol: "tcp", Port: 3389, Wanted: true, Answer: tasks.ProbeFiltered, Right: &wrong, PathBlocks: true, Verdict: rules.Allowed},
			{Rule: "rdsh-30004", From: "pa1", To: "rds1", Address: rds1, Protocol: "tcp", Port: 30004, Wanted: true, Answer: tasks.ProbeConnected, Right: &right},
			{Rule: "rdsh-30010", From: "pa1", To: "rds1", Address: rds1, Protocol: "udp", Port: 30010, Wanted: true, Answer: tasks.ProbeUnanswerable}}},
		{Run: s.run, Verb: "verify", Farm: "default", Host: "rds2", Status: tasks.NotOpen, Probes: []tasks.Probed{
			{Rule: "rdsh-445", From: "controller", To: "rds2", Address: rds2, Protocol: "tcp", Port: 445, Answer: tasks.ProbeConnected, Right: &wrong, Ours: true, Verdict: rules.Allowed, By: "table inet guard"}}},
	}))
	s.must(s.journal.End(context.Background(), s.run, 8))
	r := s.build(nil)
	for form, c := range map[string]struct {
		text string
		rows []string
	}{
		"markdown": {written(t, r.WriteMarkdown), []string{
			`| rds1 10.0.1.31 | tcp 3389 | gw1 \(10.0.1.11\), pa1 \(10.0.1.21\) | open | filtered | the host allows it, something on the path does not | rdsh-gateway-3389 |`,
			`| rds2 10.0.1.32 | tcp 445 | controller | closed | connected | the host's own verdict&#58; allowed by table inet guard; a temporary listener of farmwall's answered | rdsh-445 |`}},
		"html": {written(t, r.WriteHTML), []string{
			`<tr><th scope="row">rds1 10.0.1.31</th><td class="code tight">tcp 3389</td><td>gw1 (10.0.1.11), pa1 (10.0.1.21)</td><td>open</td><td><span class="mark bad">filtered</span></td>`,
			`<tr><th scope="row">rds2 10.0.1.32</th><td class="code tight">tcp 445</td>`, `<a href="#probes">`}},
	} {
		for _, row := range c.rows {
			if !strings.Contains(c.text, row) {
				t.Errorf("%s has no %s", form, row)
			}
		}
		_, list, _ := strings.Cut(c.text, "Probes with the wrong answer")
		list, _, _ = strings.Cut(list, "xposure")
		list, _, _ = strings.Cut(list, "## Runs")
		if strings.Contains(list, "30004") || strings.Contains(list, "30010") {
			t.Errorf("%s lists what is right or proves nothing:\n%s", form, list)
		}
	}
	if strings.Contains(written(t, samples(t)["good"].WriteHTML), "h-probes") {
		t.Error("a section without a wrong probe")
	}
}
