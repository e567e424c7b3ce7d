package rules

import (
	"fmt"
	"strconv"

	"farmwall/inventory"
)

// internal is who an internal row is opened to.
func (w *wanted) internal(r *Row, why *Why) *Addresses {
	h, l := w.host, w.policy.lists
	var list *Addresses
	if h.Sources.Value == inventory.SourcesPeers && len(r.Peers) > 0 {
		list = l.members(r.Peers...)
		why.Deciders = append(why.Deciders, decider(h.Sources, "peers")+": members with "+join(r.Peers))
		if len(h.InternalNetworks.Value) > 0 {
			w.once(NoteDefault, "ras_internal_networks are not opened to where the starting role of a flow is known: "+decider(h.Sources, "peers"))
		}
	} else {
		list = w.everyMember(why)
	}
	if r.Clients == "always" || r.Clients == "direct_mode" && h.DirectMode.Value {
		if r.Clients == "direct_mode" {
			why.Deciders = append(why.Deciders, decider(h.DirectMode, "on"))
		}
		list = l.union(list, l.members(inventory.Client))
		if len(h.ClientNetworks.Value) > 0 {
			list = l.union(list, l.networks(h.ClientNetworks.Value))
			why.Deciders = append(why.Deciders, decider(h.ClientNetworks, plural(len(h.ClientNetworks.Value), "network")))
		}
	}
	return list
}

// everyMember is the farm with the networks that count as internal.
func (w *wanted) everyMember(why *Why) *Addresses {
	h, l := w.host, w.policy.lists
	s := h.Sources
	if s.Value == "" {
		s.Value = inventory.SourcesFarm
	}
	text := decider(s, string(s.Value)) + ": every member of farm " + w.farm
	if s.Value == inventory.SourcesPeers {
		text = decider(s, "peers") + ": who starts this flow is not known, so every member of farm " + w.farm
	}
	why.Deciders = append(why.Deciders, text)
	if len(h.InternalNetworks.Value) == 0 {
		return l.farm
	}
	why.Deciders = append(why.Deciders, decider(h.InternalNetworks, plural(len(h.InternalNetworks.Value), "network")))
	return l.union(l.farm, l.networks(h.InternalNetworks.Value))
}

// pushers is who may push agents: never everybody, and not the internal
// networks, for 135 and 445 are the ports that worms use.
func (w *wanted) pushers(r *Row, why *Why) *Addresses {
	h, l := w.host, w.policy.lists
	list := l.members(r.Peers...)
	why.Deciders = append(why.Deciders, "agents are pushed from members with "+join(r.Peers))
	if len(h.PushNetworks.Value) == 0 {
		return list
	}
	why.Deciders = append(why.Deciders, decider(h.PushNetworks, plural(len(h.PushNetworks.Value), "network")))
	return l.union(list, l.networks(h.PushNetworks.Value))
}

// decider says in one line what a setting is and who decided it.
func decider[T any](s inventory.Setting[T], value string) string {
	at := "default"
	if s.Set {
		if at = s.At.String(); at == "" {
			at = "set"
		}
	}
	return s.Name + " is " + value + " (" + at + ")"
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func number(n int) string { return strconv.Itoa(n) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
