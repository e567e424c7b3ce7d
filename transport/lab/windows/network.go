package windows

import (
	"net/netip"
	"strings"
)

// Interface is a network adapter of a host.
type Interface struct {
	Name     string // "Ethernet"
	GUID     string // "{...}"
	Index    int
	Type     string // "lan", "wireless" or "remoteaccess"; empty: scripts are told nothing
	Profile  int    // the bit of its network's profile; 0: scripts are told nothing
	Down     bool
	Excluded int            // bits of the profiles that leave it alone
	Prefixes []netip.Prefix // the host's addresses with their networks
	Gateways []netip.Addr
	DNS      []netip.Addr
	DHCP     []netip.Addr
	WINS     []netip.Addr
}

// world is what the properties of a rule need to know beside the rule.
type world struct {
	variant    Variant
	interfaces []Interface
}

func (w *world) interfaceName(id string) string {
	for _, i := range w.interfaces {
		if strings.EqualFold(i.GUID, id) {
			return i.Name
		}
	}
	return id
}

func (w *world) interfaceID(name string) (string, bool) {
	for _, i := range w.interfaces {
		if strings.EqualFold(i.Name, name) {
			return i.GUID, true
		}
	}
	return "", false
}

func (h *Host) interfaces() []Interface {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Interface(nil), h.world.interfaces...)
}
