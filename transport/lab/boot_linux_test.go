package lab

import (
	"strings"
	"testing"
)

// TestAtBoot has every boot run a host's own script, before its ruleset is loaded.
func TestAtBoot(t *testing.T) {
	specs := numbered(2)
	specs[0].AtBoot = "#!/bin/sh\nnft add table inet by_script\necho $1 >>/var/lib/boots\nexit 1\n"
	specs[0].Ruleset = "table inet by_ruleset {\n}\n"
	f := up(t, specs...)
	h := mustHost(t, f, "h1")
	if err := h.Reboot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]string{
		"nft list tables":              "table inet by_script\ntable inet by_ruleset",
		"cat /var/lib/boots":           "start\nstart",
		"cat /var/log/boot":            "boot 1",
		"grep -c failed /var/log/boot": "2",
	} {
		if got := strings.TrimSpace(sh(t, h, script)); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
}
