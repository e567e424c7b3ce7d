package main

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"farmwall/tasks"
)

func TestProbesAreReadable(t *testing.T) {
	right, wrong := true, false
	at := netip.MustParseAddr("10.0.0.2")
	blocked := tasks.Probed{Rule: "pa-in-tcp-20002", From: "gw1", To: "pa1", Address: at, Source: netip.MustParseAddr("10.0.0.1"), Protocol: "tcp", Port: 20002, Wanted: true, Answer: tasks.ProbeFiltered, Right: &wrong, PathBlocks: true}
	twin := blocked
	twin.From = "gw2"
	list := []tasks.Probed{blocked, twin,
		{Rule: "x", From: "out\x1b1", Address: at, Protocol: "tcp", Port: 20003, Answer: tasks.ProbeConnected, Right: &wrong, By: "table inet site", Ours: true},
		{Rule: "y", From: "gw1", Address: netip.MustParseAddr("fd00::2"), Protocol: "tcp", Port: 443, Wanted: true, Answer: tasks.ProbeConnected, Right: &right},
		{Rule: "z", From: "halb1", Address: at, Protocol: "112", Wanted: true, Answer: tasks.ProbeUnanswerable, Detail: "a protocol without ports gives no answer"}}
	text := strings.Join(detail{}.probeLines(list), "\n")
	want := `! tcp 20002 from gw1, gw2 is to be open, and is filtered; the host allows it, the path blocks it [pa-in-tcp-20002]
! tcp 20003 from out\x1b1 is to be closed, and is connected (to a listener of ours); decided by table inet site [x]
? 1 probe can prove nothing (-v shows them)`
	if text != want {
		t.Errorf("it says\n%s\nnot\n%s", text, want)
	}
	text = strings.Join(detail{all: true}.probeLines(list), "\n")
	for _, want := range []string{"from gw1 (10.0.0.1), gw2 (10.0.0.1) is to be open", "= tcp 443 over IPv6 from gw1 is to be open: connected [y]", "? 112 from halb1 is to be open, and is unanswerable; a protocol"} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q:\n%s", want, text)
		}
	}
	var out bytes.Buffer
	detail{}.probeWords(&out, &tasks.ProbeSummary{Made: 5, Answers: map[tasks.ProbeAnswer]int{tasks.ProbeFiltered: 2, tasks.ProbeConnected: 2, tasks.ProbeUnanswerable: 1}, Wrong: 3, Blocked: 2, Unknown: 1,
		Sources: []tasks.ProbeSource{{Host: "gw1", Made: 5}}, Notes: []string{"something is left out"}})
	if got, want := out.String(), "Probes: 5 flows from 1 source: 2 connected, 2 filtered, 1 unanswerable; 3 wrong (2 blocked on the way), 1 prove nothing\nnote: something is left out\n"; got != want {
		t.Errorf("it says %q, not %q", got, want)
	}
}

func TestProbeFlagsThatMakeNoSense(t *testing.T) {
	for args, want := range map[string]string{
		"verify --probe-listen":                "--probe-listen has no effect without --probe",
		"apply --probe-limit 3":                "--probe-limit has no effect without --probe",
		"verify --probe --probe-limit=-1":      "must be 0 or more members",
		"verify --probe --probe-timeout 0s":    "--probe-timeout 0s",
		"verify --probe --probe-timeout 10ms":  "must wait for 100ms to 1m",
		"verify --probe --probe-timeout 2m":    "must wait for 100ms to 1m",
		"apply -y --probe --probe-timeout 1ms": "must wait for 100ms to 1m",
	} {
		out, code := farmwall(t, append(strings.Fields(args), "-i", "../../examples/farm.ini", "--state", t.TempDir())...)
		if code != exitNotStarted || !strings.Contains(out, want) {
			t.Errorf("farmwall %s: exit %d: %s", args, code, out)
		}
	}
}
