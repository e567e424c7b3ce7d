//go:build linux

package ufw_test

import (
	"os"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/rulestest"
)

// everything is one rule of each kind that ufw can say.
func everything(t testing.TB) rules.Set {
	members := addresses("192.0.2.1/32", "198.51.100.0/25", "2001:db8::1/128", "2001:db8:1::/48")
	return set(t,
		rules.Rule{ID: "anywhere", Protocol: rules.TCP, Ports: ports(80, 443)},
		rules.Rule{ID: "one", Protocol: rules.TCP, Ports: ports(20009), Remotes: members},
		rules.Rule{ID: "udp", Protocol: rules.UDP, Ports: []rules.PortRange{{First: 1000, Last: 1005}, {First: 2000, Last: 2000}}, Remotes: members},
		rules.Rule{ID: "many", Protocol: rules.TCP, Ports: ports(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33), Remotes: members},
		rules.Rule{ID: "vrrp", Protocol: rules.VRRP, Remotes: addresses("192.0.2.0/24")},
		rules.Rule{ID: "loopback", Protocol: rules.TCP, Ports: ports(8008), Loopback: true},
		rules.Rule{ID: "out", Direction: rules.Out, Protocol: rules.TCP, Ports: ports(389), Remotes: members},
		rules.Rule{ID: "exposure.tcp-20009", Protocol: rules.TCP, Ports: ports(20009), Block: true},
	)
}

// administrator is what stands on a host before us.
const administrator = `set -e
ufw allow 22/tcp
ufw allow from 10.0.0.9 to any port 5432 proto tcp comment 'data base'
ufw allow log 8080/tcp
ufw limit 2222/tcp
ufw deny out 25
ufw route allow in on eth0 out on lo to 10.9.9.9 port 80 proto tcp
ufw allow from 2001:db8:5::/48
ufw reload`

func TestApplyReloadUndoRemove(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh(administrator)
	before := h.Ruleset()
	want := everything(t)

	// Undone, all is as it was, byte by byte.
	lease := h.Apply(want).Lease
	if h.Ruleset() == before {
		t.Fatal("the change changed nothing")
	}
	if r := h.Revert(lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); after != before {
		t.Fatalf("after the undo:\n%s", differences(before, after))
	}
	if left := h.Sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
		t.Errorf("the undo left %q", left)
	}

	h.Confirmed(want)
	h.NothingToDo(want)
	ours := h.Ruleset()
	// ufw's own commands leave ours alone.
	commands := []string{"ufw insert 1 deny from 203.0.113.9 && ufw --force delete 1", "ufw --force disable && ufw --force enable"}
	if os.Getenv("FARMWALL_SOAK") == "1" {
		commands = append(commands, "ufw allow 99/tcp && ufw delete allow 99/tcp", "ufw reload", "ufw logging medium && ufw logging low",
			"ufw prepend allow 98 && ufw delete allow 98", "ufw allow 80/tcp && ufw delete allow 80/tcp", "systemctl() { :; }; /lib/ufw/ufw-init restart")
	}
	for _, command := range commands {
		h.Sh(command)
		h.NothingToDo(want)
		if after := h.Ruleset(); after != ours {
			t.Errorf("after %s:\n%s", command, differences(ours, after))
		}
	}

	// Fewer rules, and one that is another: with the undo in between once more.
	fewer := set(t, want[0], rules.Rule{ID: "one", Protocol: rules.TCP, Ports: ports(20010)})
	if r := h.Revert(h.Apply(fewer).Lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); after != ours {
		t.Errorf("after the second undo:\n%s", differences(ours, after))
	}
	h.Confirmed(fewer)
	h.NothingToDo(fewer)
	observed, err := h.Run(system.Observe())
	if err != nil {
		t.Fatal(err)
	}
	stranger := addresses("198.18.0.7/32")
	rulestest.Contract(t, system, rulestest.Fixture{
		Name: "ufw", Observed: observed, Holds: fewer,
		Allowed: []rules.Flow{{Direction: rules.In, Protocol: rules.TCP, Port: 20010, Remotes: stranger}, {Direction: rules.In, Protocol: rules.TCP, Port: 22, Remotes: stranger}},
		Denied:  []rules.Flow{{Direction: rules.In, Protocol: rules.TCP, Port: 20009, Remotes: stranger}, {Direction: rules.In, Protocol: rules.VRRP, Remotes: stranger}},
	})
	h.Sh("ufw allow 4444/tcp")
	h.Confirmed(want)
	h.NothingToDo(want)
	h.Sh("ufw delete allow 4444/tcp")
	h.Confirmed(nil)
	h.NothingToDo(nil)
	if after := h.Ruleset(); after != before {
		t.Errorf("after remove:\n%s", differences(before, after))
	}
	if left := h.Sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
		t.Errorf("remove left %q", left)
	}
}

// edits are what may happen to what is ours behind our back, and a place where it has to show.
var edits = []struct {
	name, text, place string
	apart             bool // file and kernel differ, and an undo puts them together
}{
	{"a rule deleted by ufw", "ufw delete allow 80,443/tcp", "ufw user.rules", false},
	{"a rule deleted in the kernel", "iptables -D ufw-user-input -p vrrp -s 192.0.2.0/24 -j ACCEPT", "ufw", true},
	{"all flushed in the kernel", "iptables -F ufw-user-input", "ufw", true},
	{"a rule gone from the file only", "sed -i '/tuple ### allow vrrp/,+1d' /etc/ufw/user.rules", "ufw user.rules", true},
	{"the line for the kernel edited", "sed -i 's/-p vrrp -s 192.0.2.0.24/-p vrrp/' /etc/ufw/user.rules", "ufw user.rules", true},
	{"the source widened", "sed -i 's/ 192.0.2.1 in / 0.0.0.0\\/0 in /; s/ -s 192.0.2.1 -j/ -j/' /etc/ufw/user.rules && ufw reload", "ufw", false},
	{"a twin", "sed -i 's/^### END RULES/\\n### tuple ### allow tcp 6 0.0.0.0\\/0 any 0.0.0.0\\/0 in comment='$(printf farmwall:farm:one:00000000 | od -An -tx1 | tr -d ' \\n')'\\n-A ufw-user-input -p tcp --dport 6 -j ACCEPT\\n&/' /etc/ufw/user.rules", "ufw user.rules", true},
}

func TestDriftIsSeenAndPutBack(t *testing.T) {
	soak(t)
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh(administrator)
	want := everything(t)
	h.Confirmed(want)
	for _, e := range edits {
		h.Sh(e.text)
		if e.name == "all flushed in the kernel" {
			// What an administrator's rules lost there is not ours to bring back.
			if d := show(system.Diff(h.State(), want)); !strings.Contains(d, "["+e.place+"]") {
				t.Errorf("%s: not seen: %s", e.name, d)
			}
			h.Sh("ufw reload")
			h.NothingToDo(want)
			continue
		}
		s := h.State()
		if d := show(system.Diff(s, want)); !strings.Contains(d, e.place) {
			t.Errorf("%s: not seen in %s: %s", e.name, e.place, d)
		}
		before := h.Ruleset()
		if r := h.Revert(h.Apply(want).Lease); r.Result != rules.Undone {
			t.Errorf("%s: revert: %+v", e.name, r)
		}
		if after := h.Ruleset(); after != before && !e.apart {
			t.Errorf("%s: after the undo:\n%s", e.name, differences(before, after))
		}
		h.Confirmed(want)
		h.NothingToDo(want)
	}
}
