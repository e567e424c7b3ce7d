package windows

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// Profile keys of the registry. The local store calls the private profile standard.
var (
	localKeys = []string{"DomainProfile", "StandardProfile", "PublicProfile"}
	groupKeys = []string{"DomainProfile", "PrivateProfile", "PublicProfile"}
)

// localPolicy is what a fresh server has, and what was asked for over it.
func localPolicy(over map[string]map[string]uint32) map[string]map[string]uint32 {
	all := map[string]map[string]uint32{}
	for _, k := range localKeys {
		all[k] = map[string]uint32{"EnableFirewall": 1, "DisableNotifications": 1}
		maps.Copy(all[k], over[k])
	}
	return all
}

func values(of map[string]map[string]uint32) map[string]map[string]uint32 {
	all := map[string]map[string]uint32{}
	for k, v := range of {
		all[k] = maps.Clone(v)
	}
	return all
}

// profileIndex is 0 to 2 for NET_FW_PROFILE_TYPE2 1, 2 and 4.
func profileIndex(profile int) (int, error) {
	i := slices.Index([]int{1, 2, 4}, profile)
	if i < 0 {
		return 0, EInvalidArg
	}
	return i, nil
}

// setting is the number in force: group policy's before the local one.
func (h *Host) setting(profile int, value string, otherwise uint32) uint32 {
	if v, ok := h.group[groupKeys[profile]][value]; ok {
		return v
	}
	if v, ok := h.policy[localKeys[profile]][value]; ok {
		return v
	}
	return otherwise
}

// Policy reads a property of INetFwPolicy2; profile is 1, 2 or 4 for those that take
// one, else 0.
func (h *Host) Policy(property string, profile int) (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.firewallRuns() {
		return nil, ENoEndpoint
	}
	switch strings.ToLower(property) {
	case "currentprofiletypes":
		return h.active, nil
	case "localpolicymodifystate":
		return h.modifyState(), nil
	}
	i, err := profileIndex(profile)
	if err != nil {
		return nil, err
	}
	// In the registry 0 is allow and 1 is block, in COM it is the other way round.
	action := func(value string, otherwise uint32) int {
		if h.setting(i, value, otherwise) == 0 {
			return 1
		}
		return 0
	}
	switch strings.ToLower(property) {
	case "firewallenabled":
		return h.setting(i, "EnableFirewall", 1) != 0, nil
	case "blockallinboundtraffic":
		return h.setting(i, "DoNotAllowExceptions", 0) != 0, nil
	case "defaultinboundaction":
		return action("DefaultInboundAction", 1), nil
	case "defaultoutboundaction":
		return action("DefaultOutboundAction", 0), nil
	case "notificationsdisabled":
		return h.setting(i, "DisableNotifications", 0) != 0, nil
	case "excludedinterfaces":
		var names []string
		for n := range h.world.interfaces {
			if h.world.interfaces[n].Excluded&profile != 0 {
				names = append(names, h.world.interfaces[n].Name)
			}
		}
		if names == nil {
			return nil, nil
		}
		return names, nil
	}
	return nil, ENoMember
}

// SetPolicy assigns a property of INetFwPolicy2 in the local store.
func (h *Host) SetPolicy(property string, profile int, value any, admin bool) error {
	return h.write("policy "+strings.ToLower(property), func() string { return "" }, caller{admin: admin}, func() error {
		i, err := profileIndex(profile)
		if err != nil {
			return err
		}
		number := uint32(0)
		switch v := value.(type) {
		case bool:
			if v {
				number = 1
			}
		case int:
			if v != 0 && v != 1 {
				return EInvalidArg
			}
			number = uint32(1 - v)
		default:
			return EInvalidArg
		}
		names := map[string]string{
			"firewallenabled": "EnableFirewall", "blockallinboundtraffic": "DoNotAllowExceptions",
			"defaultinboundaction": "DefaultInboundAction", "defaultoutboundaction": "DefaultOutboundAction",
			"notificationsdisabled": "DisableNotifications",
		}
		name, ok := names[strings.ToLower(property)]
		if !ok {
			return ENoMember
		}
		h.policy[localKeys[i]][name] = number
		return nil
	})
}

func (h *Host) modifyState() int {
	switch {
	case h.faults.GPOverride:
		return 1
	case h.faults.ModifyStateOK:
		return 0
	}
	for i := range groupKeys {
		if h.active&(1<<i) == 0 {
			continue
		}
		if v, ok := h.group[groupKeys[i]]["AllowLocalPolicyMerge"]; ok && v == 0 {
			return 1
		}
		if h.setting(i, "DoNotAllowExceptions", 0) != 0 {
			return 2
		}
	}
	return 0
}

// defaultInterfaces is one adapter with all addresses.
func defaultInterfaces(addresses []netip.Addr) []Interface {
	one := Interface{Name: "Ethernet", GUID: "{0E4C2A10-8B7D-4F0A-9C51-5D2B6A7F3E01}", Index: 3}
	for _, a := range addresses {
		bits := 64
		if a.Is4() {
			bits = 24
		}
		one.Prefixes = append(one.Prefixes, netip.PrefixFrom(a, bits))
		if a.Is4() && len(one.Gateways) == 0 {
			b := a.As4()
			b[3] = 1
			if g := netip.AddrFrom4(b); g != a {
				one.Gateways = append(one.Gateways, g)
			}
		}
	}
	return []Interface{one}
}

// services are those that a host has unless its options say otherwise.
func (h *Host) startServices() {
	h.services = map[string]string{"MpsSvc": "Running", "BFE": "Running", "Schedule": "Running"}
	maps.Copy(h.services, h.options.Services)
}

// SetService starts or stops a service: Running, Stopped or Missing. The next boot
// starts it again unless Options.Services says otherwise.
func (h *Host) SetService(name, state string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.services[name]; !ok {
		panic(fmt.Sprintf("the lab's hosts have no service %s", name))
	}
	h.services[name] = state
}
