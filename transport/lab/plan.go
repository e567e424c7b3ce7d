package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"sort"
)

// maxHosts is what one bridge holds (the kernel's limit is 1,024 ports).
const maxHosts = 1000

// A network namespace has no names to ask, so a host's name only has to be fit
// for known_hosts and /etc/hosts.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$`)

// check says everything that is wrong with the hosts.
func check(hosts, guests []HostSpec, controller []netip.Addr) error {
	var all []error
	wrong := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if len(hosts)+len(guests) == 0 {
		return errors.New("a lab needs at least one host")
	}
	if len(hosts) > maxHosts {
		wrong("%d hosts are too many for one lab: at most %d", len(hosts), maxHosts)
	}
	names, owners := map[string]bool{}, map[netip.Addr]string{}
	own := func(name string, a netip.Addr) {
		switch {
		case !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.Zone() != "":
			wrong("%s: %s is no address that a host can have", name, a)
		case owners[a] != "":
			wrong("%s: address %s belongs to %s already", name, a, owners[a])
		default:
			owners[a] = name
		}
	}
	for _, h := range slices.Concat(hosts, guests) {
		for _, n := range append([]string{h.Name}, h.Names...) {
			if !hostName.MatchString(n) {
				wrong("%q is no host name", n)
			}
			if names[n] {
				wrong("%s: there are two hosts of this name", n)
			}
			names[n] = true
		}
		if len(h.Addresses) == 0 {
			wrong("%s has no address", h.Name)
		}
		for _, a := range h.Addresses {
			own(h.Name, a)
		}
		if h.Port < 0 || h.Port > 65535 {
			wrong("%s: port %d is out of range", h.Name, h.Port)
		}
		if h.DiskKB < 0 || h.DiskKB > 0 && h.DiskKB < minDiskKB {
			wrong("%s: a disk of %d KiB is too small to boot from: at least %d", h.Name, h.DiskKB, minDiskKB)
		}
	}
	for _, a := range controller {
		own("the controller", a)
	}
	return errors.Join(all...)
}

// minDiskKB holds /etc, the keys and a small ruleset.
const minDiskKB = 256

// networkOf is the on-link network that an address stands in: the lab needs no
// masks from the inventory, /24 and /64 are what a host of that address would have.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits)
	return p
}

// networks lists the networks of all addresses, IPv4 first.
func networks(hosts []HostSpec, controller []netip.Addr) []netip.Prefix {
	seen := map[netip.Prefix]bool{}
	for _, h := range hosts {
		for _, a := range h.Addresses {
			seen[networkOf(a)] = true
		}
	}
	for _, a := range controller {
		seen[networkOf(a)] = true
	}
	var nets []netip.Prefix
	for p := range seen {
		nets = append(nets, p)
	}
	sort.Slice(nets, func(i, j int) bool { return nets[i].Addr().Less(nets[j].Addr()) })
	return nets
}

// freeAddresses finds the controller an address in the first network of each
// family, counting down from .254 and ::fe.
func freeAddresses(hosts []HostSpec) ([]netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, h := range hosts {
		for _, a := range h.Addresses {
			taken[a] = true
		}
	}
	var found []netip.Addr
	have := map[bool]bool{}
	for _, n := range networks(hosts, nil) {
		if have[n.Addr().Is4()] {
			continue
		}
		b := n.Addr().AsSlice()
		for last := 254; last > 0; last-- {
			b[len(b)-1] = byte(last)
			if a, _ := netip.AddrFromSlice(b); !taken[a] {
				found = append(found, a)
				have[n.Addr().Is4()] = true
				break
			}
		}
	}
	if len(found) == 0 {
		return nil, errors.New("the hosts' networks have no free address for the controller; name one in Options.Controller")
	}
	return found, nil
}
