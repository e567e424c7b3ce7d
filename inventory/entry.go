package inventory

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
)

// entry is what of a host's inventory entry a plan depends on. It holds no
// secret, no position in a file and nothing of how this controller proves who it
// is: keys, passwords, time-outs, and what the command line said.
type entry struct {
	Name  string
	Farm  string
	Roles []Role

	Version   Version
	Switches  [6]bool
	AgentPush *bool

	Addresses, VIP           []netip.Addr
	Internal, Clients, Push  []netip.Prefix
	SecondLevelAuth          []string
	Sources                  Sources
	Egress                   Egress
	Rules                    []ExtraRule
	Keep                     []KeptFlow
	Connection, Address      string
	Port                     int
	User, BecomeUser, Shell  string
	Become                   bool
	ProxyJump, EntryRevision string
	Exposure                 Exposure `json:",omitempty"` // empty for the default, as before there was one
}

// Entry is the SHA-256, in hex, of the host's inventory entry as far as a plan
// depends on it: name, farm, roles, settings, and how to reach the host without
// secrets. A plan that carries another digest was made of another inventory.
func (h *Host) Entry() string {
	e := entry{
		Name: h.Name, Farm: h.MarkFarm(), Roles: h.Roles,
		Version: h.Version.Value,
		Switches: [6]bool{h.SSL.Value, h.RDPUDP.Value, h.ClientManager.Value, h.RDPLoadBalancing.Value, h.DirectMode.Value,
			h.ResolveEndpoints.Value},
		Addresses: h.Addresses.Value, VIP: h.VIP.Value,
		Internal: h.InternalNetworks.Value, Clients: h.ClientNetworks.Value, Push: h.PushNetworks.Value,
		SecondLevelAuth: h.SecondLevelAuthServers.Value,
		Sources:         h.Sources.Value, Egress: h.Egress.Value,
		Rules: append([]ExtraRule(nil), h.Rules...), Keep: append([]KeptFlow(nil), h.Keep...),
		Connection: h.Access.Connection, Address: h.Access.Address, Port: h.Access.Port,
		Shell: h.Access.Shell, ProxyJump: h.Access.ProxyJump, BecomeUser: h.Access.BecomeUser,
		EntryRevision: "1",
	}
	if h.Exposure.Value != ExposureReport {
		e.Exposure = h.Exposure.Value
	}
	if h.AgentPush.Set {
		e.AgentPush = &h.AgentPush.Value
	}
	if !h.Access.fallback.user {
		e.User = h.Access.User
	}
	if !h.Access.fallback.become {
		e.Become = h.Access.Become
	}
	for i := range e.Rules {
		e.Rules[i].At = Position{}
	}
	for i := range e.Keep {
		e.Keep[i].At = Position{}
	}
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // no type in entry can fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
