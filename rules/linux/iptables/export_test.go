//go:build linux

package iptables_test

import (
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux/iptables"
	"farmwall/rules/linux/linuxtest"
)

// TestExport runs the exported script on a host, twice and over another one: there is
// nothing left to do but what makes the rules persistent.
func TestExport(t *testing.T) {
	h := newHost(t, "busybox")
	h.restore(hosts["default drop"].with("nft"))
	for _, want := range []rules.Set{otherSet(t), otherSet(t), closingSet(t)} {
		file, err := iptables.Export(want)
		if err != nil {
			t.Fatal(err)
		}
		before := h.Ruleset()
		h.Feed(string(file), "sh")
		h.Feed(string(file), "sh")
		h.ForeignUntouched(before)
		for _, c := range system.Diff(h.State(), want) {
			if note := c.Note; !strings.Contains(note, "would not survive a reboot") && !strings.Contains(note, "in chain OUTPUT is not needed") {
				t.Errorf("after the file: %s\n%s\n%s", linuxtest.Show([]rules.Change{c}), file, h.Ruleset())
			}
		}
	}
	if _, err := iptables.Export(rules.Set{{Farm: "x", ID: "$(id)", Direction: rules.In, Protocol: rules.TCP}}); err == nil {
		t.Error("a hostile name is exported")
	}
}
