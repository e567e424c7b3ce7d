//go:build linux

package nftables_test

import (
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// TestConfirmCutByAReboot reboots the host after each step of a confirm. What the record
// does not name is forgotten; what it names is finished, by the boot where that finds
// our service, else by whoever comes next.
func TestConfirmCutByAReboot(t *testing.T) {
	steps := map[string]bool{ // and whether the change counts as confirmed
		"kept copy staged": false, "confirm won": false,
		"record written": true, "copy placed": true, "unit placed": true,
	}
	const boot = `for f in /etc/rc2.d/S??farmwall; do [ ! -e "$f" ] || "$f" start; done`
	for step, decided := range steps {
		for what, change := range map[string][2]rules.Set{
			"first": {nil, someSet(t)}, "next": {someSet(t), otherSet(t)}, "last": {someSet(t), nil},
		} {
			if step == "copy placed" && what == "last" {
				continue // nothing is placed
			}
			t.Run(step+"/"+what, func(t *testing.T) {
				t.Parallel()
				h := newHost(t, "sh")
				h.nft(hosts["default drop inet"])
				if change[0] != nil {
					h.confirmed(change[0])
				}
				r := h.frame(system.Change(h.request(h.state(), change[1], time.Minute)))
				if r.Result != rules.Applied {
					t.Fatalf("change: %+v", r)
				}
				script := dying(t, system.Confirm(rules.ConfirmRequest{
					Run: "run-1", Controller: "admin@controller", Lease: r.Lease, Time: time.Unix(1700000001, 0),
				}), step, "kill -9 -$$")
				if out, err := h.run(script); err == nil && strings.Contains(string(out), "result") {
					t.Fatalf("the script did not die: %s", out)
				}
				h.stopAll()
				h.sh("nft flush ruleset; rm -rf /run/farmwall")
				h.nft(hosts["default drop inet"])
				h.sh(boot)
				s := h.state()
				if s.Token.State != "" {
					if !decided || s.Token.State != "confirming" {
						t.Errorf("token %+v", s.Token)
					}
					if r := h.frame(system.Recover()); r.Result != rules.Confirmed {
						t.Errorf("recover: %+v", r)
					}
				}
				if s = h.state(); s.Token.State != "" || decided != (s.Record.Time.Unix() == 1700000001) {
					t.Errorf("token %+v, record %+v", s.Token, s.Record)
				}
				if decided {
					h.nothingToDo(change[1])
				} else {
					h.nothingToDo(change[0])
				}
				h.confirmed(otherSet(t))
				h.nothingToDo(otherSet(t))
				if out := h.sh("ls -A /etc/farmwall /var/lib/farmwall"); strings.Contains(out, ".new") {
					t.Errorf("staged files were left:\n%s", out)
				}
			})
		}
	}
}
