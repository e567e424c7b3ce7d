//go:build linux

package firewalld_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"farmwall/rules"
)

// dying is the confirm with a command put behind a comment of its text.
func (h *host) dying(lease uint64, mark string) {
	h.t.Helper()
	s := system.Confirm(rules.ConfirmRequest{Run: "run-1", Controller: "admin@controller", Lease: lease, Time: time.Unix(1700000000, 0)})
	at := regexp.MustCompile(`(?m)^(\t+)# ` + regexp.QuoteMeta(mark) + `$`)
	if n := len(at.FindAllString(s.Body, -1)); n != 1 {
		h.t.Fatalf("the mark %q is there %d times", mark, n)
	}
	s.Body = at.ReplaceAllString(s.Body, "${0}\n${1}kill -9 -$$$$")
	if out, err := h.run(s); err == nil && strings.Contains(string(out), "result") {
		h.t.Fatalf("the script did not die: %s", out)
	}
}

// reboot is what a reboot is to files: /run is empty, nothing of ours runs, what was laid
// down for it has run, and then firewalld starts.
func (h *host) reboot() {
	h.t.Helper()
	h.sh(`for p in $(cat /run/farmwall/ready.* 2>/dev/null | cut -d ' ' -f 1) $(cat /run/firewalld.pid); do
	kill -9 "$p"
	while [ -e "/proc/$p" ] && ! grep -q ') Z' "/proc/$p/stat"; do sleep 0.05; done
done
nft delete table inet firewalld
rm -rf /run/farmwall /run/firewalld.pid
[ ! -e /etc/systemd/system/firewalld.service.wants/farmwall-firewalld.service ] || sh /etc/farmwall/firewalld.back
firewalld --nofork >/dev/null 2>&1 &
until busctl --auto-start=no call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1 getDefaultZone >/dev/null 2>&1; do sleep 0.1; done`)
}

func TestARebootTellsConfirmedFromNot(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	h.sh("firewall-cmd --permanent --add-port=5432/tcp; firewall-cmd --permanent --zone=internal --add-source=10.79.0.77; firewall-cmd --reload")
	before := lines(h.foreign())
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)}, rules.Rule{ID: "b", Protocol: rules.TCP, Ports: ports(81)})
	steps := []string{"kept copy staged", "confirm won"}
	if os.Getenv("FARMWALL_SOAK") != "1" {
		steps = steps[1:]
	}
	for _, step := range steps {
		h.dying(h.apply(want).Lease, step)
		if !strings.Contains(h.sh("cat /etc/firewalld/zones/public.xml"), `port="80"`) {
			t.Fatalf("%s: not permanent yet", step)
		}
		h.reboot()
		if after := lines(h.foreign()); after != before {
			t.Errorf("%s: after the reboot\n%s", step, differences(before, after))
		}
		h.frame(system.Recover())
		if left := h.sh("ls -A /etc/farmwall /etc/systemd/system/*farmwall* 2>/dev/null || true"); left != "" {
			t.Errorf("%s: left %q", step, left)
		}
	}
	// The switch takes back what is permanent too.
	lease := h.apply(want).Lease
	h.dying(lease, "kept copy staged")
	if r := h.revert(lease); r.Result != rules.Undone {
		t.Errorf("revert: %+v", r)
	}
	if after := lines(h.foreign()); after != before {
		t.Errorf("after the undo\n%s", differences(before, after))
	}
	// With the record it is confirmed, whatever comes then.
	h.dying(h.apply(want).Lease, "record written")
	h.reboot()
	h.frame(system.Recover())
	h.nothingToDo(want)
	h.confirmed(nil)
	if after := lines(h.foreign()); after != before {
		t.Errorf("after remove\n%s", differences(before, after))
	}
}

// connects says whether the client gets an answer of a listener on the host's port.
func (h *host) connects(port string) bool {
	const talk = `import socket, sys
try:
    socket.create_connection(("192.0.2.10", int(sys.argv[1])), 1).close()
except OSError:
    sys.exit(1)`
	return exec.Command("nsenter", "-t", h.client, "-n", "/usr/bin/python3", "-c", talk, port).Run() == nil
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
	h.sh(docker)
	// firewalld's own reload takes docker's rules away, so these are compared before one.
	dockers := func() string { return h.sh("nft -s list table ip filter; nft -s list table ip nat") }
	before, neighbour := lines(h.foreign()), dockers()
	want := set(t, rules.Rule{ID: "web", Protocol: rules.TCP, Ports: ports(80)})
	if s := h.state(); s.Manager != "firewalld" {
		t.Errorf("the walls are %s", s.Manager)
	}
	if h.connects("80") {
		t.Fatal("open before anything was done")
	}
	h.confirmed(want)
	h.nothingToDo(want)
	if now := dockers(); now != neighbour {
		t.Errorf("docker's tables:\n%s", differences(neighbour, now))
	}
	if !h.connects("80") || h.connects("9") {
		t.Errorf("open: 80 %v, 9 %v", h.connects("80"), h.connects("9"))
	}
	if strings.Contains(h.sh("firewall-cmd --zone=docker --list-rich-rules"), "rule") {
		t.Error("a zone that lets everything in was given rules")
	}
	s := h.state()
	for port, answer := range map[uint16]rules.Answer{80: rules.Allowed, 9: rules.Denied} {
		if v := system.Judge(s, rules.Flow{Direction: rules.In, Protocol: rules.TCP, Port: port, Remotes: addresses(t, "192.0.2.1/32")}); v.Answer != answer {
			t.Errorf("port %d is %s by %s %s", port, v.Answer, v.By, v.Reason)
		}
	}
	// With a block, in the zone that lets everything in too; it stands behind what allows.
	h.sh("firewall-cmd --permanent --zone=public --set-target=ACCEPT; firewall-cmd --reload; firewall-cmd --zone=docker --add-interface=docker0; firewall-cmd --zone=public --add-interface=eth0")
	if !h.connects("9") {
		t.Fatal("nothing to close")
	}
	block := set(t, rules.Rule{ID: "exposure.tcp-9", Protocol: rules.TCP, Ports: ports(9), Block: true},
		rules.Rule{ID: "exposure.tcp-80", Protocol: rules.TCP, Ports: ports(80), Block: true}, want[0])
	h.confirmed(block)
	h.nothingToDo(block)
	if !h.connects("80") || h.connects("9") {
		t.Errorf("with a block open: 80 %v, 9 %v", h.connects("80"), h.connects("9"))
	}
	h.confirmed(nil)
	h.sh("firewall-cmd --permanent --zone=public --set-target=default; firewall-cmd --reload; firewall-cmd --zone=docker --add-interface=docker0; firewall-cmd --zone=public --add-interface=eth0")
	if after := lines(h.foreign()); after != before {
		t.Errorf("after remove:\n%s", differences(before, after))
	}
}

// TestIptablesBackEnd: older firewalld, and one told so, hangs its zones into iptables.
func TestIptablesBackEnd(t *testing.T) {
	if os.Getenv("FARMWALL_SOAK") != "1" {
		t.Skip("only in a soak: FARMWALL_SOAK=1")
	}
	t.Parallel()
	h := newHost(t)
	h.sh("sed -i s/FirewallBackend=nftables/FirewallBackend=iptables/ /etc/firewalld/firewalld.conf")
	h.reboot()
	h.sh("firewall-cmd --add-interface=eth0")
	before := h.sh("iptables-save -t filter | grep -v '^[#:]' | sort; cat /etc/firewalld/zones/*.xml 2>/dev/null || true")
	want := set(t, rules.Rule{ID: "a", Protocol: rules.TCP, Ports: ports(80)}, rules.Rule{ID: "b", Protocol: rules.UDP, Ports: ports(81), Remotes: addresses(t, "192.0.2.1/32")})
	if s := h.state(); s.Manager != "firewalld" {
		t.Errorf("the walls are %s", s.Manager)
	}
	if r := h.revert(h.apply(want).Lease); r.Result != rules.Undone {
		t.Errorf("revert: %+v", r)
	}
	if after := h.sh("iptables-save -t filter | grep -v '^[#:]' | sort; cat /etc/firewalld/zones/*.xml 2>/dev/null || true"); after != before {
		t.Errorf("after the undo:\n%s", differences(before, after))
	}
	h.confirmed(want)
	h.nothingToDo(want)
	h.sh("firewall-cmd --reload")
	h.nothingToDo(want)
	h.confirmed(nil)
	h.nothingToDo(nil)
}
