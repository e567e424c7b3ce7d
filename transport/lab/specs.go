package lab

import (
	"fmt"
	"net/netip"
	"strings"

	"farmwall/inventory"
)

// Specs turns every host of an inventory, member or not, into a HostSpec with
// the inventory's own addresses and SSH port. Hosts that are reached by WinRM and
// hosts without an address cannot be in the lab: all of them are named in one
// error.
func Specs(inv *inventory.Inventory) ([]HostSpec, error) {
	var specs []HostSpec
	var wrong inventory.Problems
	for _, h := range inv.Hosts {
		if h.Access.Connection == "winrm" {
			wrong = append(wrong, inventory.Problem{At: h.At, Text: fmt.Sprintf("%s is reached by WinRM; the lab's hosts are Linux hosts", h.Name), Hint: "leave it out of the lab's inventory"})
			continue
		}
		addrs := addressesOf(h)
		if len(addrs) == 0 {
			wrong = append(wrong, inventory.Problem{At: h.At, Text: h.Name + " has no address", Hint: "the lab looks no name up: set ras_addresses, or ansible_host to an address"})
			continue
		}
		spec := HostSpec{Name: h.Name, Addresses: addrs, Port: h.Access.Port}
		if _, err := netip.ParseAddr(h.Access.Address); err != nil && h.Access.Address != h.Name && h.Access.Address != "" {
			spec.Names = []string{h.Access.Address}
		}
		specs = append(specs, spec)
	}
	if len(wrong) > 0 {
		return nil, wrong
	}
	return specs, nil
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
