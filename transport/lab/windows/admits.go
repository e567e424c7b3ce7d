package windows

import (
	"net/netip"
	"slices"
	"strings"
)

// Admits says whether the host's firewall lets a TCP connection in from client to
// local, where program (as a rule's App has it: "System" is the kernel, which HTTP.sys
// and so WinRM belong to) waits. It is the lab's own judgement for its own lines, and
// shares nothing with farmwall's.
func (h *Host) Admits(client, local netip.AddrPort, program string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.firewallRuns() {
		return true
	}
	strict, blocked, merge, shut := false, true, false, false
	for i := range groupKeys {
		if h.active&(1<<i) == 0 || h.setting(i, "EnableFirewall", 1) == 0 {
			continue
		}
		strict = true
		blocked = blocked && h.setting(i, "DefaultInboundAction", 1) != 0
		merge = merge || h.setting(i, "AllowLocalPolicyMerge", 1) != 0
		shut = shut || h.setting(i, "DoNotAllowExceptions", 0) != 0
	}
	switch {
	case !strict || client.Addr() == local.Addr(): // switched off, or loopback, which is not filtered
		return true
	case shut:
		return false
	}
	stores := [][]Entry{h.gpo.entries}
	if merge {
		stores = append(stores, h.local.entries)
	}
	allowed := !blocked
	for _, entries := range stores {
		for _, e := range entries {
			if strings.Contains(e.Text, "|Dir=Out|") || strings.Contains(e.Text, "|Active=FALSE|") {
				continue
			}
			c := readRule(e.Text)
			if !c.enabled || c.direction != 1 || !h.meets(&c, client, local, program) {
				continue
			}
			if c.action == 0 {
				return false // a block rule wins
			}
			allowed = true
		}
	}
	return allowed
}

// meets says whether a rule is about a connection.
func (h *Host) meets(c *condition, client, local netip.AddrPort, program string) bool {
	if c.protocol != 6 && c.protocol != anyProtocol || c.profiles&h.active == 0 || c.secure != 0 || len(c.rest) > 0 {
		return false
	}
	if c.service != nil && *c.service != "*" || len(c.interfaces) > 0 || c.interfaceTypes&^1 != 0 && c.interfaceTypes&1 == 0 {
		return false
	}
	if c.application != nil && !strings.EqualFold(*c.application, program) {
		return false
	}
	return c.localPorts.has(local.Port()) && c.remotePorts.has(client.Port()) &&
		h.holds(c.localAddresses, local.Addr(), local.Addr()) && h.holds(c.remoteAddresses, client.Addr(), local.Addr())
}

// has says whether a port is in the list; no keyword stands for a port that the lab
// waits on.
func (p portList) has(port uint16) bool {
	return p.any() || slices.ContainsFunc(p.ranges, func(r [2]uint16) bool { return r[0] <= port && port <= r[1] })
}

// holds says whether an address is in the list, as the host with the address own
// reads its keywords.
func (h *Host) holds(a addressList, ip, own netip.Addr) bool {
	if a.any() {
		return true
	}
	in := func(nets []netip.Prefix, ranges [][2]netip.Addr) bool {
		return slices.ContainsFunc(nets, func(p netip.Prefix) bool { return p.Contains(ip) }) ||
			slices.ContainsFunc(ranges, func(r [2]netip.Addr) bool { return !ip.Less(r[0]) && !r[1].Less(ip) })
	}
	if ip.Is4() && in(a.subnets4, a.ranges4) || ip.Is6() && in(a.subnets6, a.ranges6) {
		return true
	}
	for _, i := range h.world.interfaces {
		lists := [][]netip.Addr{nil, i.DNS, i.DHCP, i.WINS, i.Gateways}
		for n := range addressWords {
			if a.keywords&(1<<n) == 0 {
				continue
			}
			if n == 0 && slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Contains(ip) }) || slices.Contains(lists[n], ip) {
				return true
			}
		}
	}
	return false
}
