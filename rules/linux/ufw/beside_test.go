//go:build linux

package ufw_test

import (
	"strings"
	"testing"

	"farmwall/rules"
)

// neighbours are other people's tables: one that drops by its policy, and docker's as dockerd
// makes them for a published port.
const neighbours = `set -e
nft -f - <<'END'
table inet site {
	chain input {
		type filter hook input priority 5; policy drop;
		iifname "lo" accept
		ct state established,related accept
		tcp dport 22 accept
	}
}
END
for c in DOCKER DOCKER-USER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2; do iptables -N $c; done
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables -A FORWARD -o docker0 -j DOCKER
iptables -A DOCKER ! -i docker0 -o docker0 -p tcp -d 172.17.0.2 --dport 80 -j ACCEPT
iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
iptables -A DOCKER-USER -j RETURN
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80`

func TestBesideOthersTables(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh("ufw allow 22/tcp; ufw allow from 192.0.2.1 to any port 81 proto tcp; ufw reload")
	h.Sh(neighbours)
	h.Listen(":9", ":80", ":81")
	foreign := h.Ruleset()
	all := func() string { return h.Ruleset() + h.Sh("nft -s list ruleset") }
	before := all()
	want := set(t, rules.Rule{ID: "web", Protocol: rules.TCP, Ports: ports(80)},
		rules.Rule{ID: "covered", Protocol: rules.TCP, Ports: ports(81), Remotes: addresses("192.0.2.1/32")})
	s := h.State()
	if s.Manager != "ufw+nftables" {
		t.Errorf("the walls are %s", s.Manager)
	}
	if h.Reaches("192.0.2.10:80") || h.Reaches("192.0.2.10:81") {
		t.Fatal("open before anything was done")
	}
	// What closes a connection and is not told of it makes the host keep it closed.
	if r := h.Revert(h.Apply(want).Lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := all(); after != before {
		t.Fatalf("after the undo:\n%s", differences(before, after))
	}
	h.Confirmed(want)
	h.NothingToDo(want)
	if !h.Reaches("192.0.2.10:80") || !h.Reaches("192.0.2.10:81") || h.Reaches("192.0.2.10:9") {
		t.Errorf("open: 80 %v, 81 %v, 9 %v", h.Reaches("192.0.2.10:80"), h.Reaches("192.0.2.10:81"), h.Reaches("192.0.2.10:9"))
	}
	s = h.State()
	for _, f := range []struct {
		port uint16
		want rules.Answer
	}{{80, rules.Allowed}, {9, rules.Denied}} {
		if v := system.Judge(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: f.port}); v.Answer != f.want {
			t.Errorf("port %d is %s by %s %s", f.port, v.Answer, v.By, v.Reason)
		}
	}
	// The administrator's own rule was there before, and is not ours.
	if files := h.Sh("cat /etc/ufw/user.rules"); strings.Count(files, " 81 ") != 1+strings.Count(files, "--dport 81 ") {
		t.Errorf("a rule was written that was there:\n%s", files)
	}
	h.Sh("ufw reload")
	h.NothingToDo(want)
	h.Confirmed(nil)
	h.Sh("ufw reload")
	if after := h.Ruleset(); after != foreign {
		t.Errorf("after remove:\n%s", differences(foreign, after))
	}
	if h.Reaches("192.0.2.10:80") {
		t.Error("port 80 is open after remove")
	}
}

// TestClosesWhatTheDefaultOpens: a block stands behind what allows, and lets answers and
// the loopback interface be.
func TestClosesWhatTheDefaultOpens(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.Sh("ufw default allow incoming; ufw allow 22/tcp")
	h.Listen(":80", ":9")
	want := set(t, rules.Rule{ID: "exposure.tcp-80", Protocol: rules.TCP, Ports: ports(80), Block: true})
	if !h.Reaches("192.0.2.10:80") {
		t.Fatal("nothing to close")
	}
	h.Confirmed(want)
	h.NothingToDo(want)
	if h.Reaches("192.0.2.10:80") || !h.Reaches("192.0.2.10:9") {
		t.Errorf("open: 80 %v, 9 %v", h.Reaches("192.0.2.10:80"), h.Reaches("192.0.2.10:9"))
	}
	more := set(t, want[0], rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80), Remotes: addresses("192.0.2.1/32")})
	h.Confirmed(more)
	h.NothingToDo(more)
	if !h.Reaches("192.0.2.10:80") {
		t.Error("the block stands before what allows")
	}
	h.Sh("ufw reload")
	if !h.Reaches("192.0.2.10:80") {
		t.Error("after a reload the block stands before what allows")
	}
	// Without ufw's own lines a block would stop answers.
	h.Sh("sed -i '/RELATED,ESTABLISHED/d' /etc/ufw/before.rules")
	if err := system.Check(h.State(), want); err == nil || !strings.Contains(err.Error(), "before.rules were changed") {
		t.Errorf("not refused: %v", err)
	}
}
