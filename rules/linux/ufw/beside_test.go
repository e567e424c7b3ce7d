//go:build linux

package ufw_test

import (
	"os/exec"
	"strings"
	"testing"

	"farmwall/rules"
)

// connects says whether the client gets an answer of a listener on the host's port.
func (h *host) connects(port string) bool {
	const talk = `import socket, sys
try:
    socket.create_connection(("192.0.2.10", int(sys.argv[1])), 1).close()
except OSError:
    sys.exit(1)`
	return exec.Command("nsenter", "-t", h.client, "-n", "/usr/bin/python3", "-c", talk, port).Run() == nil
}

// listen opens the ports on the host.
func (h *host) listen(ports string) {
	h.sh(`/usr/bin/python3 -c '
import socket, time
all = [socket.create_server(("", int(p))) for p in "` + ports + `".split()]
open("/run/listens", "w").close()
time.sleep(1000)' >/dev/null 2>&1 &
until [ -e /run/listens ]; do sleep 0.05; done`)
}

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
	h.sh("ufw allow 22/tcp; ufw allow from 192.0.2.1 to any port 81 proto tcp; ufw reload")
	h.sh(neighbours)
	h.listen("9 80 81")
	foreign := h.foreign()
	all := func() string { return h.foreign() + h.sh("nft -s list ruleset") }
	before := all()
	want := set(t, rules.Rule{ID: "web", Protocol: rules.TCP, Ports: ports(80)},
		rules.Rule{ID: "covered", Protocol: rules.TCP, Ports: ports(81), Remotes: addresses(t, "192.0.2.1/32")})
	s := h.state()
	if s.Manager != "ufw+nftables" {
		t.Errorf("the walls are %s", s.Manager)
	}
	if h.connects("80") || h.connects("81") {
		t.Fatal("open before anything was done")
	}
	// What closes a connection and is not told of it makes the host keep it closed.
	if r := h.revert(h.apply(want).Lease); r.Result != rules.Undone {
		t.Fatalf("revert: %+v", r)
	}
	if after := all(); after != before {
		t.Fatalf("after the undo:\n%s", differences(before, after))
	}
	h.confirmed(want)
	h.nothingToDo(want)
	if !h.connects("80") || !h.connects("81") || h.connects("9") {
		t.Errorf("open: 80 %v, 81 %v, 9 %v", h.connects("80"), h.connects("81"), h.connects("9"))
	}
	s = h.state()
	for _, f := range []struct {
		port uint16
		want rules.Answer
	}{{80, rules.Allowed}, {9, rules.Denied}} {
		if v := system.Judge(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: f.port}); v.Answer != f.want {
			t.Errorf("port %d is %s by %s %s", f.port, v.Answer, v.By, v.Reason)
		}
	}
	// The administrator's own rule was there before, and is not ours.
	if files := h.sh("cat /etc/ufw/user.rules"); strings.Count(files, " 81 ") != 1+strings.Count(files, "--dport 81 ") {
		t.Errorf("a rule was written that was there:\n%s", files)
	}
	h.sh("ufw reload")
	h.nothingToDo(want)
	h.confirmed(nil)
	h.sh("ufw reload")
	if after := h.foreign(); after != foreign {
		t.Errorf("after remove:\n%s", differences(foreign, after))
	}
	if h.connects("80") {
		t.Error("port 80 is open after remove")
	}
}

// TestClosesWhatTheDefaultOpens: a block stands behind what allows, and lets answers and
// the loopback interface be.
func TestClosesWhatTheDefaultOpens(t *testing.T) {
	t.Parallel()
	h := newHost(t, "sh")
	h.sh("ufw default allow incoming; ufw allow 22/tcp")
	h.listen("80 9")
	want := set(t, rules.Rule{ID: "exposure.tcp-80", Protocol: rules.TCP, Ports: ports(80), Block: true})
	if !h.connects("80") {
		t.Fatal("nothing to close")
	}
	h.confirmed(want)
	h.nothingToDo(want)
	if h.connects("80") || !h.connects("9") {
		t.Errorf("open: 80 %v, 9 %v", h.connects("80"), h.connects("9"))
	}
	more := set(t, want[0], rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80), Remotes: addresses(t, "192.0.2.1/32")})
	h.confirmed(more)
	h.nothingToDo(more)
	if !h.connects("80") {
		t.Error("the block stands before what allows")
	}
	h.sh("ufw reload")
	if !h.connects("80") {
		t.Error("after a reload the block stands before what allows")
	}
	// Without ufw's own lines a block would stop answers.
	h.sh("sed -i '/RELATED,ESTABLISHED/d' /etc/ufw/before.rules")
	if err := system.Check(h.state(), want); err == nil || !strings.Contains(err.Error(), "before.rules were changed") {
		t.Errorf("not refused: %v", err)
	}
}
