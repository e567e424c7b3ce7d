package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// farmConfig is the first message over the lifeline.
type farmConfig struct {
	Dir        string         `json:"dir"`
	Hosts      []HostSpec     `json:"hosts"`
	Guests     []HostSpec     `json:"guests,omitempty"`
	Keys       []keyPair      `json:"keys"` // one per host
	Authorized string         `json:"authorized"`
	Controller []netip.Addr   `json:"controller"`
	Networks   []netip.Prefix `json:"networks"`
}

// farmProcess is the wire between the hosts and the controller's place on it.
type farmProcess struct {
	farmConfig
	reaper    *reaper
	lifeline  *net.UnixConn
	responder *responder
	units     []*unit            // in order of Hosts
	owners    map[netip.Addr]int // index of the host with an address
	endOnce   sync.Once
}

// farmMain is the farm process.
func farmMain() int {
	lifeline, err := inheritedLine()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab: this is a part of the lab and not for people:", err)
		return 1
	}
	p := &farmProcess{lifeline: lifeline, reaper: newReaper()}
	if _, err := receiveMessage(lifeline, &p.farmConfig); err != nil {
		return 1
	}
	if err := p.start(); err != nil {
		sendMessage(lifeline, failure(err))
	} else {
		sendMessage(lifeline, answer{})
	}
	select {} // until the lifeline breaks: end exits
}

// inheritedLine is the socket that a process of the lab gets as descriptor 3.
func inheritedLine() (*net.UnixConn, error) {
	unix.CloseOnExec(3)
	return unixConn(os.NewFile(3, "line"))
}

// watch ends everything when the holder of the lab has gone.
func (p *farmProcess) watch() {
	var nothing request
	receiveMessage(p.lifeline, &nothing)
	p.end()
}

// end removes the lab's files and exits; the kernel ends everything else,
// because this is the first process of its PID namespace.
func (p *farmProcess) end() {
	p.endOnce.Do(func() {
		unix.Unmount(filepath.Join(p.Dir, "disks"), unix.MNT_DETACH)
		removeFiles(p.Dir)
		os.Exit(0)
	})
}

func (p *farmProcess) start() error {
	go p.watch()
	if err := p.mounts(); err != nil {
		return err
	}
	if err := p.wire(); err != nil {
		return err
	}
	var err error
	if p.responder, err = startResponder("br0"); err != nil {
		return err
	}
	control, err := listenControl(p.Dir)
	if err != nil {
		return err
	}
	p.owners = map[netip.Addr]int{}
	for _, a := range p.Controller {
		p.owners[a] = controllerIndex
	}
	for _, spec := range p.Guests {
		for _, a := range spec.Addresses {
			p.owners[a] = controllerIndex
		}
	}
	for i, spec := range p.Hosts {
		for _, a := range spec.Addresses {
			p.owners[a] = i
		}
		p.units = append(p.units, &unit{farm: p, index: i, spec: spec, key: p.Keys[i], power: "off"})
	}
	if err := p.boot(p.units...); err != nil {
		return err
	}
	go p.serve(control)
	return nil
}

// mounts gives the farm process its own /proc, the hosts' disks and an
// /etc/hosts that knows the hosts' names.
func (p *farmProcess) mounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc (some containers forbid that): %w", err)
	}
	disks := filepath.Join(p.Dir, "disks")
	if err := unix.Mount("disks", disks, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount the disks: %w", err)
	}
	for i, h := range p.Hosts {
		at := diskOf(p.Dir, i)
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("disk", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, sizeOption(h.DiskKB)); err != nil {
			return fmt.Errorf("mount the disk of %s: %w", h.Name, err)
		}
	}
	return p.hostNames()
}

func diskOf(dir string, index int) string {
	return filepath.Join(dir, "disks", fmt.Sprint(index))
}

// sizeOption is tmpfs's options for a disk; without a wish the kernel's default
// (half of the memory) stands.
func sizeOption(kb int) string {
	if kb == 0 {
		return "mode=755"
	}
	return fmt.Sprintf("mode=755,size=%dk", kb)
}

func (p *farmProcess) hostNames() error {
	text, err := os.ReadFile("/etc/hosts")
	if errors.Is(err, os.ErrNotExist) {
		return nil // nothing to put the names over
	}
	if err != nil {
		return err
	}
	lines := []string{strings.TrimRight(string(text), "\n")}
	for _, h := range slices.Concat(p.Hosts, p.Guests) {
		for _, a := range h.Addresses {
			lines = append(lines, strings.Join(append([]string{a.String(), h.Name}, h.Names...), " "))
		}
	}
	at := filepath.Join(p.Dir, "disks", "hosts")
	if err := os.WriteFile(at, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return unix.Mount(at, "/etc/hosts", "", unix.MS_BIND, "")
}

// wire makes the bridge that all cables end at; it carries the controller's
// addresses.
func (p *farmProcess) wire() error {
	lines := []string{
		"link set lo up",
		"link add br0 address " + mac(controllerIndex) + " type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
	}
	quietIPv6("default")
	if _, err := tool(p.reaper, strings.Join(lines, "\n")+"\n", "ip", "-batch", "-"); err != nil {
		return err
	}
	quietIPv6("br0")
	addresses, routes := guestLines("br0", p.Controller, p.Guests)
	if _, err := tool(p.reaper, addressLines("br0", p.Controller, p.Networks)+addresses, "ip", "-batch", "-"); err != nil || routes == "" {
		return err
	}
	if err := p.settleIPv6("br0"); err != nil {
		return err
	}
	_, err := tool(p.reaper, routes, "ip", "-batch", "-")
	return err
}

// settleIPv6 waits until the kernel has made the local routes of the guests' IPv6
// addresses, which it does on its own time.
func (p *farmProcess) settleIPv6(link string) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		there, err := tool(p.reaper, "", "ip", "-6", "route", "show", "table", "local", "dev", link)
		if err != nil {
			return err
		}
		missing := ""
		for _, g := range p.Guests {
			for _, a := range g.Addresses {
				if a.Is6() && !strings.Contains(there, "local "+a.String()+" ") {
					missing = a.String()
				}
			}
		}
		if missing == "" {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s has got no local route", missing)
		}
	}
}

// guestLines are ip's lines that give a link the guests' addresses as well, and those
// that change their local routes: with the kernel's own, whoever speaks to a guest
// would speak from the guest's own address.
func guestLines(link string, own []netip.Addr, guests []HostSpec) (addresses, routes string) {
	var lines, ways strings.Builder
	for _, g := range guests {
		for _, a := range g.Addresses {
			i := slices.IndexFunc(own, func(o netip.Addr) bool { return o.Is4() == a.Is4() })
			if a.Is4() {
				fmt.Fprintf(&lines, "addr add %s/32 dev %s\n", a, link)
			} else {
				fmt.Fprintf(&lines, "addr add %s/128 dev %s nodad\n", a, link)
			}
			if i >= 0 {
				fmt.Fprintf(&ways, "route del local %[1]s dev %[2]s table local\nroute add local %[1]s dev %[2]s table local src %[3]s\n", a, link, own[i])
			}
		}
	}
	return lines.String(), ways.String()
}

// controllerIndex stands for the controller where hosts are counted.
const controllerIndex = 0xffff

// mac is the hardware address of a host, of the locally administered kind.
func mac(index int) string {
	return fmt.Sprintf("02:66:77:00:%02x:%02x", index>>8, index&0xff)
}

// addressLines are ip's lines that give a link its addresses and the way to
// all networks of the wire.
func addressLines(link string, own []netip.Addr, nets []netip.Prefix) string {
	var lines []string
	have, families := map[netip.Prefix]bool{}, map[bool]bool{}
	for _, a := range own {
		n := networkOf(a)
		line := fmt.Sprintf("addr add %s/%d dev %s", a, n.Bits(), link)
		if a.Is6() {
			line += " nodad"
		}
		lines = append(lines, line)
		have[n], families[a.Is4()] = true, true
	}
	lines = append(lines, "link set "+link+" up")
	for _, n := range nets {
		if !have[n] && families[n.Addr().Is4()] {
			lines = append(lines, fmt.Sprintf("route add %s dev %s", n, link))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// quietIPv6 takes the waiting and the chatter out of IPv6: no duplicate address
// detection, no search for routers. A kernel without IPv6 has no such files.
func quietIPv6(link string) {
	for _, name := range []string{"accept_dad", "router_solicitations", "accept_ra"} {
		os.WriteFile("/proc/sys/net/ipv6/conf/"+link+"/"+name, []byte("0"), 0)
	}
}
