//go:build linux

package firewalld_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/rulestest"
)

// everything is one rule of each kind that a zone can hold. Two of them share a part, and
// one is, in part, what the administrator has opened already.
func everything(t testing.TB) rules.Set {
	members := addresses("192.0.2.1/32", "198.51.100.0/25", "2001:db8::1/128", "2001:db8:1::/48")
	return set(t,
		rules.Rule{ID: "anywhere", Protocol: rules.TCP, Ports: ports(80, 443)},
		rules.Rule{ID: "one", Protocol: rules.TCP, Ports: ports(20009), Remotes: members},
		rules.Rule{ID: "shared", Protocol: rules.TCP, Ports: ports(20009), Remotes: addresses("192.0.2.1/32", "203.0.113.5/32")},
		rules.Rule{ID: "covered", Protocol: rules.TCP, Ports: ports(7777), Remotes: addresses("10.0.0.9/32", "10.0.0.10/32")},
		rules.Rule{ID: "udp", Protocol: rules.UDP, Ports: []rules.PortRange{{First: 1000, Last: 1005}, {First: 2000, Last: 2000}}, Remotes: members},
		rules.Rule{ID: "vrrp", Protocol: rules.VRRP, Remotes: addresses("192.0.2.0/24")},
		rules.Rule{ID: "all-of-ipv4", Protocol: rules.TCP, Ports: ports(81), Remotes: addresses("0.0.0.0/0")},
		rules.Rule{ID: "loopback", Protocol: rules.TCP, Ports: ports(8008), Loopback: true},
		rules.Rule{ID: "out", Direction: rules.Out, Protocol: rules.TCP, Ports: ports(389), Remotes: members},
		rules.Rule{ID: "exposure.tcp-20009", Protocol: rules.TCP, Ports: ports(20009), Block: true},
	)
}

// administrator is what stands on a host before us: rules, one of them as one of ours, and
// a zone for a source.
const administrator = `set -e
for zone in public internal; do
	firewall-cmd --permanent --zone=$zone --add-rich-rule='rule family="ipv4" source address="10.0.0.9" port port="7777" protocol="tcp" accept' \
		--add-rich-rule='rule family=ipv4 source address=10.9.9.9 port port=7 protocol=tcp log prefix="x y" level=info reject'
done
firewall-cmd --permanent --zone=internal --add-source=10.79.0.77
firewall-cmd --reload`

func TestApplyReloadUndoRemove(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.Sh(administrator)
	before := h.Ruleset()
	want := everything(t)

	lease := h.Apply(want).Lease
	now := h.Ruleset()
	if loaded, permanent, _ := strings.Cut(now, "\npermanent\n"); !strings.Contains(loaded, "20009") || strings.Contains(permanent, "20009") {
		t.Fatalf("before the confirm the rules are not loaded, or permanent:\n%s", now)
	}
	if r := h.Revert(lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); lines(after) != lines(before) {
		t.Fatalf("after the undo:\n%s", differences(before, after))
	}

	h.Confirmed(want)
	h.NothingToDo(want)
	ours := h.Ruleset()
	commands := []string{"firewall-cmd --reload"}
	if os.Getenv("FARMWALL_SOAK") == "1" {
		commands = append(commands, "firewall-cmd --complete-reload", "firewall-cmd --runtime-to-permanent", "firewall-cmd --add-port=99/tcp; firewall-cmd --remove-port=99/tcp")
	}
	for _, command := range commands {
		h.Sh(command)
		h.NothingToDo(want)
		if after := h.Ruleset(); lines(after) != lines(ours) {
			t.Errorf("after %s:\n%s", command, differences(ours, after))
		}
	}

	fewer := set(t, want[0], rules.Rule{ID: "one", Protocol: rules.TCP, Ports: ports(20010)})
	if r := h.Revert(h.Apply(fewer).Lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); lines(after) != lines(ours) {
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
		Name: "firewalld", Observed: observed, Holds: fewer,
		Allowed: []rules.Flow{{Direction: rules.In, Protocol: rules.TCP, Port: 20010, Remotes: stranger}, {Direction: rules.In, Protocol: rules.TCP, Port: 22, Remotes: stranger}},
		Denied:  []rules.Flow{{Direction: rules.In, Protocol: rules.TCP, Port: 20009, Remotes: stranger}, {Direction: rules.In, Protocol: rules.VRRP, Remotes: stranger}},
	})

	// What was done by hand shows, and is put back.
	for _, edit := range []string{
		"firewall-cmd --remove-rich-rule='rule port port=20010 protocol=tcp accept'",
		"firewall-cmd --permanent --zone=internal --remove-rich-rule='rule port port=20010 protocol=tcp accept'",
	} {
		h.Sh(edit)
		if d := system.Diff(h.State(), fewer); len(d) == 0 {
			t.Errorf("not seen: %s", edit)
		}
		h.Confirmed(fewer)
		h.NothingToDo(fewer)
	}

	h.Confirmed(nil)
	h.NothingToDo(nil)
	if after := h.Ruleset(); lines(after) != lines(before) {
		t.Errorf("after remove:\n%s", differences(before, after))
	}
	if left := h.Sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
		t.Errorf("remove left %q", left)
	}
}

// lines is the text as firewalld has it, whose order of rich rules is by chance.
func lines(text string) string {
	list := strings.Split(text, "\n")
	slices.Sort(list)
	return strings.Join(list, "\n")
}
