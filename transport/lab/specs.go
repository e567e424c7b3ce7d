package lab

import (
	"net/netip"
	"strings"

	"farmwall/inventory"
)

// Specs turns every host of an inventory, member or not, into a HostSpec with
// the inventory's own addresses and port: Windows hosts, which are guests, apart
// from the others. Hosts without an address cannot be in the lab: all of them are
// named in one error.
func Specs(inv *inventory.Inventory) (hosts, guests []HostSpec, err error) {
	var wrong inventory.Problems
	for _, h := range inv.Hosts {
		addrs := addressesOf(h)
		if len(addrs) == 0 {
			wrong = append(wrong, inventory.Problem{At: h.At, Text: h.Name + " has no address", Hint: "the lab looks no name up: set ras_addresses, or ansible_host to an address"})
			continue
		}
		spec := HostSpec{Name: h.Name, Addresses: addrs, Port: h.Access.Port}
		if _, err := netip.ParseAddr(h.Access.Address); err != nil && h.Access.Address != h.Name && h.Access.Address != "" {
			spec.Names = []string{h.Access.Address}
		}
		if h.Windows() {
			guests = append(guests, spec)
		} else {
			hosts = append(hosts, spec)
		}
	}
	if len(wrong) > 0 {
		return nil, nil, wrong
	}
	return hosts, guests, nil
}

// addressesOf lists what the host answers on: the addresses that the inventory
// gives to it and the one where it is dialled.
func addressesOf(h *inventory.Host) []netip.Addr {
	var addrs []netip.Addr
	add := func(a netip.Addr) {
		a = a.Unmap().WithZone("")
		for _, b := range addrs {
			if a == b {
				return
			}
		}
		addrs = append(addrs, a)
	}
	for _, a := range h.Addresses.Value {
		add(a)
	}
	if a, err := netip.ParseAddr(strings.Trim(h.Access.Address, "[]")); err == nil {
		add(a)
	}
	return addrs
}
