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
					h.Confirmed(change[0])
				}
				r := h.Frame(system.Change(h.Request(h.State(), change[1], time.Minute)))
				if r.Result != rules.Applied {
					t.Fatalf("change: %+v", r)
				}
				h.ConfirmDies(r.Lease, step)
				h.StopAll()
				h.Sh("nft flush ruleset; rm -rf /run/farmwall")
				h.nft(hosts["default drop inet"])
				h.Sh(boot)
				s := h.State()
				if s.Token.State != "" {
					if !decided || s.Token.State != "confirming" {
						t.Errorf("token %+v", s.Token)
					}
					if r := h.Frame(system.Recover()); r.Result != rules.Confirmed {
						t.Errorf("recover: %+v", r)
					}
				}
				if s = h.State(); s.Token.State != "" || decided != (s.Record.Time.Unix() == 1700000001) {
					t.Errorf("token %+v, record %+v", s.Token, s.Record)
				}
				if decided {
					h.NothingToDo(change[1])
				} else {
					h.NothingToDo(change[0])
				}
				h.Confirmed(otherSet(t))
				h.NothingToDo(otherSet(t))
				if out := h.Sh("ls -A /etc/farmwall /var/lib/farmwall"); strings.Contains(out, ".new") {
					t.Errorf("staged files were left:\n%s", out)
				}
			})
		}
	}
}
