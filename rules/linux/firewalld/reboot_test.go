//go:build linux

package firewalld_test

import (
	"os"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/rules/linux/linuxtest"
)

// reboot is what a reboot is to files: /run is empty, nothing of ours runs, what was laid
// down for it has run, and then firewalld starts.
func (h *host) reboot() {
	h.T.Helper()
	h.Sh(`for p in $(cat /run/farmwall/ready.* 2>/dev/null | cut -d ' ' -f 1) $(cat /run/firewalld.pid); do
	kill -9 "$p"
	while [ -e "/proc/$p" ] && ! grep -q ') Z' "/proc/$p/stat"; do sleep 0.05; done
done
nft delete table inet firewalld
rm -rf /run/farmwall /run/firewalld.pid
[ ! -e /etc/systemd/system/firewalld.service.wants/farmwall-firewalld.service ] || sh /etc/farmwall/firewalld.back
` + startFirewalld)
}

func TestARebootTellsConfirmedFromNot(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.Sh("firewall-cmd --permanent --add-port=5432/tcp; firewall-cmd --permanent --zone=internal --add-source=10.79.0.77; firewall-cmd --reload")
	before := lines(h.Ruleset())
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)}, rules.Rule{ID: "b", Protocol: rules.TCP, Ports: ports(81)})
	steps := []string{"kept copy staged", "confirm won"}
	if os.Getenv("FARMWALL_SOAK") != "1" {
		steps = steps[1:]
	}
	for _, step := range steps {
		h.ConfirmDies(h.Apply(want).Lease, step)
		if !strings.Contains(h.Sh("cat /etc/firewalld/zones/public.xml"), `port="80"`) {
			t.Fatalf("%s: not permanent yet", step)
		}
		h.reboot()
		if after := lines(h.Ruleset()); after != before {
			t.Errorf("%s: after the reboot\n%s", step, differences(before, after))
		}
		h.Frame(system.Recover())
		if left := h.Sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
			t.Errorf("%s: left %q", step, left)
		}
	}
	// The switch takes back what is permanent too.
	lease := h.Apply(want).Lease
	h.ConfirmDies(lease, "kept copy staged")
	if r := h.Revert(lease); r.Result != rules.Undone {
		t.Errorf("revert: %+v", r)
	}
	if after := lines(h.Ruleset()); after != before {
		t.Errorf("after the undo\n%s", differences(before, after))
	}
	// With the record it is confirmed, whatever comes then.
	h.ConfirmDies(h.Apply(want).Lease, "record written")
	h.reboot()
	h.Frame(system.Recover())
	h.NothingToDo(want)
	h.Confirmed(nil)
	if after := lines(h.Ruleset()); after != before {
		t.Errorf("after remove\n%s", differences(before, after))
	}
}

// docker is what dockerd makes beside firewalld: a zone of its own that lets everything in,
// and its tables.
const docker = `set -e
ip link add docker0 type bridge
firewall-cmd --permanent --new-zone=docker >/dev/null
firewall-cmd --permanent --zone=docker --set-target=ACCEPT >/dev/null
firewall-cmd --permanent --zone=public --add-port=5432/tcp >/dev/null
firewall-cmd --reload >/dev/null
firewall-cmd --zone=docker --add-interface=docker0
firewall-cmd --add-interface=eth0
iptables -N DOCKER
iptables -N DOCKER-USER
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -o docker0 -j DOCKER
iptables -A DOCKER-USER -j RETURN
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A DOCKER ! -i docker0 -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
/usr/bin/python3 -c '
import socket, time
all = [socket.create_server(("", p)) for p in (9, 80)]
open("/run/listens", "w").close()
time.sleep(1000)' >/dev/null 2>&1 &
until [ -e /run/listens ]; do sleep 0.05; done`

func TestBesideDockersTables(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.Sh(docker)
	// firewalld's own reload takes docker's rules away, so these are compared before one.
	dockers := func() string { return h.Sh("nft -s list table ip filter; nft -s list table ip nat") }
	before, neighbour := lines(h.Ruleset()), dockers()
	want := set(t, rules.Rule{ID: "web", Protocol: rules.TCP, Ports: ports(80)})
	if s := h.State(); s.Manager != "firewalld" {
		t.Errorf("the walls are %s", s.Manager)
	}
	if h.Reaches("192.0.2.10:80") {
		t.Fatal("open before anything was done")
	}
	h.Confirmed(want)
	h.NothingToDo(want)
	if now := dockers(); now != neighbour {
		t.Errorf("docker's tables:\n%s", differences(neighbour, now))
	}
	if !h.Reaches("192.0.2.10:80") || h.Reaches("192.0.2.10:9") {
		t.Errorf("open: 80 %v, 9 %v", h.Reaches("192.0.2.10:80"), h.Reaches("192.0.2.10:9"))
	}
	if strings.Contains(h.Sh("firewall-cmd --zone=docker --list-rich-rules"), "rule") {
		t.Error("a zone that lets everything in was given rules")
	}
	s := h.State()
	for port, answer := range map[uint16]rules.Answer{80: rules.Allowed, 9: rules.Denied} {
		if v := system.Judge(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: port, Remotes: addresses("192.0.2.1/32")}); v.Answer != answer {
			t.Errorf("port %d is %s by %s %s", port, v.Answer, v.By, v.Reason)
		}
	}
	// With a block, in the zone that lets everything in too; it stands behind what allows.
	h.Sh("firewall-cmd --permanent --zone=public --set-target=ACCEPT; firewall-cmd --reload; firewall-cmd --zone=docker --add-interface=docker0; firewall-cmd --zone=public --add-interface=eth0")
	if !h.Reaches("192.0.2.10:9") {
		t.Fatal("nothing to close")
	}
	block := set(t, rules.Rule{ID: "exposure.tcp-9", Protocol: rules.TCP, Ports: ports(9), Block: true},
		rules.Rule{ID: "exposure.tcp-80", Protocol: rules.TCP, Ports: ports(80), Block: true}, want[0])
	h.Confirmed(block)
	h.NothingToDo(block)
	if !h.Reaches("192.0.2.10:80") || h.Reaches("192.0.2.10:9") {
		t.Errorf("with a block open: 80 %v, 9 %v", h.Reaches("192.0.2.10:80"), h.Reaches("192.0.2.10:9"))
	}
	h.Confirmed(nil)
	h.Sh("firewall-cmd --permanent --zone=public --set-target=default; firewall-cmd --reload; firewall-cmd --zone=docker --add-interface=docker0; firewall-cmd --zone=public --add-interface=eth0")
	if after := lines(h.Ruleset()); after != before {
		t.Errorf("after remove:\n%s", differences(before, after))
	}
}

// TestIptablesBackEnd: older firewalld, and one told so, hangs its zones into iptables.
func TestIptablesBackEnd(t *testing.T) {
	linuxtest.Soak(t)
	t.Parallel()
	h := newHost(t)
	h.Sh("sed -i s/FirewallBackend=nftables/FirewallBackend=iptables/ /etc/firewalld/firewalld.conf")
	h.reboot()
	h.Sh("firewall-cmd --add-interface=eth0")
	before := h.Sh("iptables-save -t filter | grep -v '^[#:]' | sort; cat /etc/firewalld/zones/*.xml 2>/dev/null || true")
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)}, rules.Rule{ID: "b", Protocol: rules.UDP, Ports: ports(81), Remotes: addresses("192.0.2.1/32")})
	if s := h.State(); s.Manager != "firewalld" {
		t.Errorf("the walls are %s", s.Manager)
	}
	if r := h.Revert(h.Apply(want).Lease); r.Result != rules.Undone {
		t.Errorf("revert: %+v", r)
	}
	if after := h.Sh("iptables-save -t filter | grep -v '^[#:]' | sort; cat /etc/firewalld/zones/*.xml 2>/dev/null || true"); after != before {
		t.Errorf("after the undo:\n%s", differences(before, after))
	}
	h.Confirmed(want)
	h.NothingToDo(want)
	h.Sh("firewall-cmd --reload")
	h.NothingToDo(want)
	h.Confirmed(nil)
	h.NothingToDo(nil)
}
