//go:build linux

package main

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// managed is a machine whose firewall is kept by a program of its own.
type managed struct {
	*machine
	flags []string
	// rules prints all that the manager and the kernel hold, without what moves by itself.
	rules string
	// reloads are the manager's own ways to load everything again.
	reloads []string
}

// newManaged boots a machine, has the manager set up by shell text, and starts a listener
// on ports 80 and 9.
func newManaged(t *testing.T, unit, setUp, rules string, reloads ...string) *managed {
	t.Helper()
	m := &managed{machine: newMachine(t, "10.79.0.10", nil), rules: rules, reloads: reloads}
	for _, port := range []string{"9", "80", "8081"} {
		m.write("/etc/systemd/system/listen"+port+".service", "[Service]\nExecStart=/usr/bin/python3 -m http.server "+port+"\n[Install]\nWantedBy=multi-user.target\n")
		m.link("/etc/systemd/system/multi-user.target.wants/listen"+port+".service", "/etc/systemd/system/listen"+port+".service")
	}
	m.link("/etc/systemd/system/multi-user.target.wants/"+unit, "/lib/systemd/system/"+unit)
	m.boot()
	m.in("sh", "-ec", setUp)
	m.flags = m.inventory("halb")
	return m
}

// more wants one rule more than the role's: port 8081.
func (m *managed) more(on bool) {
	m.t.Helper()
	file := m.flags[1]
	text, _, _ := strings.Cut(m.read(file), "farmwall_rules")
	if on {
		text += "farmwall_rules=[{\"id\": \"site.web\", \"protocol\": \"tcp\", \"port\": 8081, \"remote\": \"10.79.0.0/24\"}]\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// opens says whether a connection to the port is accepted.
func (m *managed) opens(port string) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(m.address, port), 2*time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// expect checks which of our ports are open; 9 never is.
func (m *managed) expect(when string, open map[string]bool) {
	m.t.Helper()
	for _, port := range []string{"80", "8081"} {
		if m.opens(port) != open[port] {
			m.t.Errorf("%s: port %s is open: %v", when, port, !open[port])
		}
	}
	if m.opens("9") {
		m.t.Errorf("%s: port 9 is open", when)
	}
}

func (m *managed) foreign() string {
	m.t.Helper()
	return m.in("sh", "-c", m.rules)
}

func (m *managed) same(when, before, after string) {
	m.t.Helper()
	if before != after {
		m.t.Errorf("%s the rules are\n%s\nand were\n%s", when, after, before)
	}
}

// left is what of us is on the disk.
func (m *managed) left() string {
	m.t.Helper()
	return m.in("sh", "-c", "ls -A /etc/farmwall 2>/dev/null; find /etc/systemd /etc/ufw /etc/firewalld -name '*farmwall*'")
}

// unconfirmed applies what is wanted and leaves it to the switch.
func (m *managed) unconfirmed(window, port string) *exec.Cmd {
	m.t.Helper()
	c := exec.Command(binary(m.t), append([]string{"apply", "-y", "--confirm", "manual", "--confirm-timeout", window}, m.flags...)...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if _, err := c.StdinPipe(); err != nil {
		m.t.Fatal(err)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { c.Process.Kill(); c.Wait(); m.t.Logf("unconfirmed apply: %s", out.String()) })
	m.until("port "+port+" is open", 60*time.Second, func() bool { return m.opens(port) })
	return c
}

// stays runs through what the life of a machine brings.
func (m *managed) stays() {
	t := m.t
	before := m.foreign()
	ours := map[string]bool{"80": true}
	m.expect("before", nil)

	// Nobody confirms: the switch undoes.
	c := m.unconfirmed("10s", "80")
	c.Process.Kill()
	c.Wait()
	m.until("the switch has undone", 30*time.Second, func() bool {
		_, err := m.try("test", "-e", "/run/farmwall/token.done")
		return err == nil
	})
	m.same("after the switch", before, m.foreign())
	m.expect("after the switch", nil)
	if left := m.left(); left != "" {
		t.Errorf("the switch left %q", left)
	}

	mustFarmwall(t, 0, append([]string{"apply", "-y"}, m.flags...)...)
	held := m.foreign()
	check := func(when string) {
		t.Helper()
		m.expect(when, ours)
		m.same(when, held, m.foreign())
		mustFarmwall(t, 0, append([]string{"plan", "--detailed-exitcode"}, m.flags...)...)
	}
	check("after apply")
	mustFarmwall(t, 0, append([]string{"drift"}, m.flags...)...)
	for _, reload := range m.reloads {
		m.in("sh", "-c", reload)
		check("after " + reload)
	}

	// A reboot inside the window takes back what was not confirmed, and nothing else.
	m.more(true)
	c = m.unconfirmed("10m", "8081")
	m.reboot()
	c.Process.Kill()
	c.Wait()
	m.more(false)
	check("after a reboot in the window")
	if left := m.in("sh", "-c", "find /etc/systemd -name '*farmwall-*'; find /etc/farmwall -name '*.back' -o -name '*.undo' -o -name '*.record'"); left != "" {
		t.Errorf("the reboot left %q", left)
	}

	m.more(true)
	out := mustFarmwall(t, 0, append([]string{"apply", "-y"}, m.flags...)...)
	m.expect("with one rule more", map[string]bool{"80": true, "8081": true})
	if os.Getenv("FARMWALL_SOAK") == "1" {
		m.crash()
		m.expect("after a crash", map[string]bool{"80": true, "8081": true})
		mustFarmwall(t, 0, append([]string{"plan", "--detailed-exitcode"}, m.flags...)...)
	}
	run := regexp.MustCompile(`run (\S+)`).FindStringSubmatch(out[strings.LastIndex(out, "Recap"):])
	mustFarmwall(t, 0, append(append([]string{"rollback", "-y"}, m.flags...), run[1])...)
	m.more(false)
	check("after the rollback")

	mustFarmwall(t, 0, append([]string{"remove", "-y"}, m.flags...)...)
	m.same("after remove", before, m.foreign())
	m.expect("after remove", nil)
	if left := m.left(); left != "" {
		t.Errorf("remove left %q", left)
	}
	if os.Getenv("FARMWALL_SOAK") == "1" {
		m.reboot()
		m.same("after remove and a reboot", before, m.foreign())
		m.expect("after remove and a reboot", nil)
	}
}

func TestUfwKeepsWhatIsConfirmedAndNothingElse(t *testing.T) {
	t.Parallel()
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd", "ufw") {
		return
	}
	m := newManaged(t, "ufw.service", `ufw allow 22/tcp
ufw allow from 10.0.0.9 to any port 5432 proto tcp comment 'data base'
ufw limit 2222/tcp
ufw deny out 25
ufw route allow in on eth0 out on lo to 10.9.9.9 port 80 proto tcp
ufw --force enable
ufw reload`,
		`cd /etc/ufw; head -n 9999 *.rules ufw.conf; { iptables-save; ip6tables-save; } | sed '/^#/d; s/ \[[0-9:]*]$//'`,
		"ufw reload", "systemctl restart ufw")
	m.stays()
}

func TestFirewalldKeepsWhatIsConfirmedAndNothingElse(t *testing.T) {
	t.Parallel()
	if !inOwnNamespace(t, "systemd-nspawn", "nft", "sshd", "firewall-cmd") {
		return
	}
	m := newManaged(t, "firewalld.service", `firewall-cmd --permanent --add-rich-rule='rule family=ipv4 source address=10.9.9.9 port port=7777 protocol=tcp log prefix="x y" level=info reject'
firewall-cmd --permanent --add-port=5432/tcp
firewall-cmd --permanent --zone=internal --add-source=10.79.0.77
firewall-cmd --reload`,
		// Rich rules come out in an order by chance.
		`{ firewall-cmd --list-all-zones; firewall-cmd --permanent --list-all-zones; nft list table inet firewalld; } | sort`,
		"firewall-cmd --reload", "systemctl restart firewalld; until nft list table inet firewalld && firewall-cmd --state; do sleep 0.1; done")
	m.stays()
}
