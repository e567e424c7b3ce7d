package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// unit is a host as the farm process sees it: a machine with a power button
// and a cable.
type unit struct {
	farm  *farmProcess
	index int
	spec  HostSpec
	key   keyPair

	mu    sync.Mutex // held while it boots, so that requests wait for the boot
	power string
	cut   bool
	boots int
	pid   int
	ended chan struct{} // closed when the process of this boot is gone
	line  *net.UnixConn
}

// hostConfig is the first message to a host process.
type hostConfig struct {
	HostSpec
	Dir        string         `json:"dir"`
	Index      int            `json:"index"`
	Boot       int            `json:"boot"` // the first boot makes the disk
	Key        keyPair        `json:"key"`
	Authorized string         `json:"authorized"`
	Networks   []netip.Prefix `json:"networks"`
}

func (u *unit) port() string { return fmt.Sprintf("v%d", u.index) }

// boot switches hosts on, all at once, and returns when all of them answer.
// The caller holds no lock.
func (p *farmProcess) boot(units ...*unit) error {
	for _, u := range units {
		u.mu.Lock()
		defer u.mu.Unlock()
	}
	return p.bootLocked(units...)
}

func (p *farmProcess) bootLocked(units ...*unit) error {
	var lines strings.Builder
	for _, u := range units {
		if u.power != "off" {
			return fmt.Errorf("%s is %s already", u.spec.Name, u.power)
		}
		if err := u.ignite(); err != nil {
			return fmt.Errorf("%s: %w", u.spec.Name, err)
		}
		fmt.Fprintf(&lines, "link add %s type veth peer name eth0 address %s netns %d\n", u.port(), mac(u.index), u.pid)
		fmt.Fprintf(&lines, "%s\nlink set %s up\n", u.cableLine(), u.port())
	}
	if _, err := tool(p.reaper, lines.String(), "ip", "-batch", "-"); err != nil {
		return err
	}
	errs := make([]error, len(units))
	var all sync.WaitGroup
	for i, u := range units {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := u.await(); err != nil {
				errs[i] = fmt.Errorf("%s does not boot: %w", u.spec.Name, err)
			}
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// ignite starts the host's first process in namespaces of its own.
func (u *unit) ignite() error {
	line, far, err := socketPair()
	if err != nil {
		return err
	}
	defer far.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	pid, status, err := u.farm.reaper.start("/proc/self/exe", []string{"farmwall", argHost, u.spec.Name}, &syscall.ProcAttr{
		Dir: "/", Env: []string{"PATH=" + systemPath, "HOME=/root", "LANG=C.UTF-8"},
		Files: []uintptr{null.Fd(), 1, 2, far.Fd()},
		Sys: &syscall.SysProcAttr{
			Setsid:     true,
			Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
		},
	})
	if err != nil {
		line.Close()
		return fmt.Errorf("start in new namespaces: %w", err)
	}
	u.pid, u.line, u.power, u.boots = pid, line, "booting", u.boots+1
	u.ended = make(chan struct{})
	go u.attend(status, u.ended, line)
	return nil
}

// await sends the host its configuration and waits until it answers.
func (u *unit) await() error {
	p := u.farm
	err := sendMessage(u.line, hostConfig{
		HostSpec: u.spec, Dir: p.Dir, Index: u.index, Boot: u.boots,
		Key: u.key, Authorized: p.Authorized, Networks: p.Networks,
	})
	var ready answer
	if err == nil {
		_, err = receiveMessage(u.line, &ready)
	}
	if err == nil && ready.Error != "" {
		err = errors.New(ready.Error)
	}
	if err != nil {
		return err
	}
	u.power = "on"
	return nil
}

// attend notices when the host's first process ends. The kernel says HUP where
// the host itself called for a reboot; every other end leaves it off.
func (u *unit) attend(status <-chan syscall.WaitStatus, ended chan struct{}, line *net.UnixConn) {
	how := <-status
	line.Close()
	close(ended)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended != ended {
		return // somebody switched it on again
	}
	u.power = "off"
	if how.Signaled() && how.Signal() == syscall.SIGHUP {
		if err := u.powerOn(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// powerOff is the power cut: everything in the host ends at once. The caller
// holds the lock.
func (u *unit) powerOff() {
	if u.power != "off" {
		syscall.Kill(u.pid, syscall.SIGKILL)
		<-u.ended
		u.power = "off"
	}
}

// powerOn boots with what the disk holds. The caller holds the lock.
func (u *unit) powerOn() error {
	// The old cable goes with the old namespace, but only some time later; where it
	// has gone already this fails, and that is fine.
	tool(u.farm.reaper, "", "ip", "link", "del", u.port())
	return u.farm.bootLocked(u)
}

// plug pulls or plugs the cable. The host sees no change of its link: its
// packets are lost on the way, which is the harder case.
func (u *unit) plug(in bool) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cut = !in
	if u.power == "off" {
		return nil
	}
	_, err := tool(u.farm.reaper, u.cableLine()+"\n", "ip", "-batch", "-")
	return err
}

// cableLine is ip's line that ends the cable in the bridge, or in nothing:
// without ARP the loose end does not answer for the controller.
func (u *unit) cableLine() string {
	if u.cut {
		return "link set " + u.port() + " nomaster arp off"
	}
	return "link set " + u.port() + " master br0 arp on"
}

// forward hands a client over to the host process, descriptors and all.
func (u *unit) forward(c *net.UnixConn, q request, files []*os.File) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.power != "on" {
		return fmt.Errorf("%s is %s", u.spec.Name, u.power)
	}
	client, err := c.File()
	if err != nil {
		return err
	}
	defer client.Close()
	descriptors := []int{int(client.Fd())}
	for _, f := range files {
		descriptors = append(descriptors, int(f.Fd()))
	}
	return sendMessage(u.line, q, descriptors...)
}

func (u *unit) state() HostState {
	u.mu.Lock()
	defer u.mu.Unlock()
	return HostState{Name: u.spec.Name, Addresses: u.spec.Addresses, Port: u.spec.Port, Power: u.power, Cut: u.cut, Boots: u.boots}
}
