package lab

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hosts are what an ordinary user and root must see alike; the test of nobody
// runs them again.
func TestHostsHaveTheirOwnWorld(t *testing.T) {
	f := up(t, numbered(3)...)
	h1, h2 := mustHost(t, f, "h1"), mustHost(t, f, "h2")
	for script, want := range map[string]string{
		"id -u":             "0",
		"hostname":          "h1",
		"cat /etc/hostname": "h1",
		"test ! -e /run/systemd && ls -d /etc/init.d /etc/rc2.d": "/etc/init.d\n/etc/rc2.d",
		"ip -br -4 addr show eth0 | awk '{print $3}'":            "10.77.0.11/24",
		"ip -br -6 addr show eth0 | awk '{print $3}'":            "fd77::1001/64",
		"ls /sys/class/net | tr '\\n' ' '":                       "eth0 lo",
		"touch /usr/x 2>/dev/null || echo no":                    "no",
		"touch /sys/x 2>/dev/null || echo no":                    "no",
		"date -s 2030-01-01 >/dev/null 2>&1 || echo no":          "no",
		"readlink /var/run":                                      "/run",
		"umask":                                                  "0022",
		"ps -e -o args= | grep -c '[l]ab-host'":                  "1", // its own init
		"nft add table inet x && nft list tables":                "table inet x",
	} {
		if got := strings.TrimSpace(sh(t, h1, script)); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if got := sh(t, h2, "nft list tables"); got != "" {
		t.Errorf("h2 sees the ruleset of h1: %s", got)
	}
	if _, err := os.Stat("/usr/x"); err == nil {
		t.Error("a host wrote to the machine")
	}
	if sh(t, h1, "cat /proc/sys/kernel/random/boot_id") == sh(t, h2, "cat /proc/sys/kernel/random/boot_id") {
		t.Error("two hosts have the same boot id")
	}
}

func TestReboot(t *testing.T) {
	specs := numbered(2)
	specs[0].Ruleset = "table inet first {\n}\n"
	f := up(t, specs...)
	h := mustHost(t, f, "h1")
	sh(t, h, `
		echo kept >/etc/kept; echo kept >/var/lib/kept; echo kept >/root/kept
		echo lost >/run/lost; echo lost >/tmp/lost
		nft add table inet second
		for n in 20b 10a; do
			printf '#!/bin/sh\necho %s $1 >>/var/lib/order\n' $n >/etc/rc2.d/S$n
			chmod 755 /etc/rc2.d/S$n
		done
		printf '#!/bin/sh\necho no >>/var/lib/order\nexit 1\n' >/etc/rc2.d/S15fails; chmod 755 /etc/rc2.d/S15fails
		printf '#!/bin/sh\necho killed >>/var/lib/order\n' >/etc/rc2.d/K01x; chmod 755 /etc/rc2.d/K01x
		setsid sleep 1000 </dev/null >/dev/null 2>&1 &`)
	before := sh(t, h, "cat /proc/sys/kernel/random/boot_id")
	if err := h.Listen(testContext(t), 6, 8080); err != nil {
		t.Fatal(err)
	}
	if err := h.Reboot(testContext(t)); err != nil {
		t.Fatal(err)
	}
	if after := sh(t, h, "cat /proc/sys/kernel/random/boot_id"); after == before || len(after) != 37 {
		t.Errorf("boot id %q after %q", after, before)
	}
	for script, want := range map[string]string{
		"cat /etc/kept /var/lib/kept /root/kept":  "kept\nkept\nkept",
		"ls /run /tmp":                            "/run:\nlab\nlock\n\n/tmp:",
		"nft list tables":                         "table inet first",
		"cat /var/lib/order":                      "10a start\nno\n20b start",
		"ps -e -o args= | grep -c '[s]leep' || :": "0",
		"grep -c 'exit status 1' /var/log/boot":   "1",
	} {
		if got := strings.TrimSpace(sh(t, h, script)); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	answers, err := mustHost(t, f, "h2").Probe(testContext(t), Probe{To: h.Addresses[0], Protocol: 6, Port: 22}, Probe{To: h.Addresses[0], Protocol: 6, Port: 8080})
	if err != nil || answers[0].Reach != Connected || answers[1].Reach != Refused {
		t.Errorf("after the reboot: %v %v", answers, err)
	}
	list, err := f.List(testContext(t))
	if err != nil || list[0].Boots != 2 || list[1].Boots != 1 {
		t.Errorf("%+v %v", list, err)
	}
}

func TestHostRebootsItself(t *testing.T) {
	f := up(t, numbered(1)...)
	h := mustHost(t, f, "h1")
	before := sh(t, h, "cat /proc/sys/kernel/random/boot_id; nft add table inet gone")
	if _, err := os.Stat("/sbin/reboot"); err != nil {
		skip(t, "no /sbin/reboot")
	}
	h.Exec(testContext(t), []string{"/sbin/reboot", "-f", "-f"}, nil)
	after := before
	for end := time.Now().Add(10 * time.Second); after == before && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if r, err := h.Exec(testContext(t), []string{"cat", "/proc/sys/kernel/random/boot_id"}, nil); err == nil && r.Code == 0 {
			after = string(r.Stdout)
		}
	}
	if after == before {
		t.Fatal("the host did not come back")
	}
	if got := sh(t, h, "nft list tables"); got != "" {
		t.Errorf("ruleset after the reboot: %s", got)
	}
}

func TestOffAndOn(t *testing.T) {
	f := up(t, numbered(2)...)
	ctx, h1, h2 := testContext(t), mustHost(t, f, "h1"), mustHost(t, f, "h2")
	if err := h1.Off(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := h1.Exec(ctx, []string{"true"}, nil); err == nil || !strings.Contains(err.Error(), "h1 is off") {
		t.Errorf("exec on a host that is off: %v", err)
	}
	to := Probe{To: h1.Addresses[0], Protocol: 6, Port: 22}
	if answers, err := h2.Probe(ctx, to); err != nil || answers[0].Reach != Unreachable {
		t.Errorf("off: %v %v", answers, err)
	}
	if err := h1.On(ctx); err != nil {
		t.Fatal(err)
	}
	if answers, err := h2.Probe(ctx, to); err != nil || answers[0].Reach != Connected {
		t.Errorf("on again: %v %v", answers, err)
	}
	if err := h1.On(ctx); err == nil {
		t.Error("switched on twice")
	}
}

func TestCutAndPlug(t *testing.T) {
	f := up(t, numbered(2)...)
	ctx, h1, h2 := testContext(t), mustHost(t, f, "h1"), mustHost(t, f, "h2")
	probes := []Probe{{To: h1.Addresses[0], Protocol: 6, Port: 22}, {To: h1.Addresses[1], Protocol: 6, Port: 22}}
	want := func(reach Reach) {
		t.Helper()
		for name, from := range map[string]interface {
			Probe(context.Context, ...Probe) ([]Answer, error)
		}{"controller": f, "h2": h2} {
			answers, err := from.Probe(ctx, probes...)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range answers {
				if a.Reach != reach {
					t.Errorf("from %s to %s: %s, want %s", name, a.To, a.Reach, reach)
				}
			}
		}
	}
	want(Connected)
	if err := h1.Cut(ctx); err != nil {
		t.Fatal(err)
	}
	want(Unreachable)
	if r, err := h1.Exec(ctx, []string{"cat", "/sys/class/net/eth0/carrier"}, nil); err != nil || string(r.Stdout) != "1\n" {
		t.Errorf("the host sees the cut: %+v %v", r, err)
	}
	if err := h1.Reboot(ctx); err != nil { // the cable stays as it is
		t.Fatal(err)
	}
	want(Unreachable)
	if err := h1.Plug(ctx); err != nil {
		t.Fatal(err)
	}
	want(Connected)
}

func TestPause(t *testing.T) {
	f := up(t, numbered(1)...)
	ctx, h := testContext(t), mustHost(t, f, "h1")
	if err := h.Pause(ctx); err != nil {
		t.Fatal(err)
	}
	c, err := f.Dial(ctx, "tcp", "h1:22")
	if err != nil {
		t.Fatal("the kernel of a paused host does not answer: ", err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a paused host speaks: %v", err)
	}
	if err := h.Resume(ctx); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("after going on: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	specs := numbered(1)
	specs[0].DiskKB = minDiskKB
	f := up(t, specs...)
	h := mustHost(t, f, "h1")
	for _, dir := range []string{"/var/lib", "/run"} {
		r, err := h.Exec(testContext(t), []string{"dd", "if=/dev/zero", "of=" + dir + "/fill", "bs=4k"}, nil)
		if err != nil || r.Code == 0 || !strings.Contains(string(r.Stderr), "No space left") {
			t.Errorf("%s does not fill up: %d %s %v", dir, r.Code, r.Stderr, err)
		}
	}
	if err := h.Reboot(testContext(t)); err != nil {
		t.Errorf("a host with a full disk does not boot: %v", err)
	}
}

func TestDialFailsLikeADialer(t *testing.T) {
	f := up(t, numbered(1)...)
	c, err := f.Dial(testContext(t), "tcp", "h1:22")
	if err != nil {
		t.Fatal(err)
	}
	if from := netip.MustParseAddrPort(c.LocalAddr().String()).Addr(); from != f.Controller()[0] && from != f.Controller()[1] {
		t.Errorf("dialled from %s, not from the controller's %v", from, f.Controller())
	}
	c.Close()
	_, err = f.Dial(testContext(t), "tcp", "10.77.0.11:23")
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || strings.Count(err.Error(), "dial tcp") != 1 {
		t.Errorf("closed port: %v", err)
	}
	if err := mustHost(t, f, "h1").Cut(testContext(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(testContext(t), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err = f.Dial(ctx, "tcp", "10.77.0.11:22"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 2*time.Second {
		t.Errorf("cut: %v after %v", err, time.Since(begin))
	}
}
