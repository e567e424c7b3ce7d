package inventory

import (
	"net/netip"
	"strconv"
)

// Setting is one variable of ours with the reason it has its value.
type Setting[T any] struct {
	Value T
	// Name is the variable, for example "ras_ssl".
	Name string
	// Set is false where the default decided.
	Set bool
	// At is where it was set.
	At Position
}

// Settings are the ras_ and farmwall_ variables of a host, checked and typed.
type Settings struct {
	Version Setting[Version] // ras_version; default 16.5

	SSL              Setting[bool] // ras_ssl; default on
	RDPUDP           Setting[bool] // ras_rdp_udp; default on
	ClientManager    Setting[bool] // ras_client_manager; default on
	RDPLoadBalancing Setting[bool] // ras_rdp_load_balancing; default off
	DirectMode       Setting[bool] // ras_direct_mode; default off: clients reach session hosts without a gateway
	AgentPush        Setting[bool] // ras_agent_push; where not Set, the role decides

	Addresses              Setting[[]netip.Addr]   // ras_addresses, else ansible_host where it is an address
	VIP                    Setting[[]netip.Addr]   // ras_vip, HALB's virtual addresses
	InternalNetworks       Setting[[]netip.Prefix] // ras_internal_networks
	ClientNetworks         Setting[[]netip.Prefix] // ras_client_networks
	PushNetworks           Setting[[]netip.Prefix] // ras_push_networks
	SecondLevelAuthServers Setting[[]string]       // ras_second_level_auth_servers: addresses, networks or names

	Sources          Setting[Sources]  // farmwall_sources; default farm
	Egress           Setting[Egress]   // farmwall_egress; default auto
	ResolveEndpoints Setting[bool]     // farmwall_resolve_endpoints; default off: a named endpoint is allowed by port
	Order            Setting[Order]    // farmwall_order
	Wall             Setting[[]string] // farmwall_wall: the managers to write on a Linux host; none: whoever can drop there
	Exposure         Setting[Exposure] // farmwall_exposure; default report
	ProbeOutsider    Setting[bool]     // farmwall_probe_outsider: no member; what only members may reach is tried from it
	AcceptFile       Setting[string]   // farmwall_accept: a file with differences that drift lets be
	// Accept is the entries of that file for this host, in its order.
	Accept []*Acceptance
	// Rules are farmwall_rules. Ansible replaces lists and never joins them, so only
	// the strongest place that sets the variable counts; a warning names the others.
	Rules []ExtraRule
	// Keep is farmwall_keep, of which the same is true.
	Keep []KeptFlow
}

// Sources says who "internal" is: the whole farm, or only the members whose
// role starts the flow.
type Sources string

// The values of farmwall_sources.
const (
	SourcesFarm  Sources = "farm"
	SourcesPeers Sources = "peers"
)

// Egress says when outbound rules are written.
type Egress string

// The values of farmwall_egress. Auto means only where the host blocks
// outbound traffic by default.
const (
	EgressAuto   Egress = "auto"
	EgressAlways Egress = "always"
	EgressNever  Egress = "never"
)

// Exposure says what happens about ports that are meant for some and that anybody
// can reach, because the host accepts by default or a foreign rule lets them in.
type Exposure string

// The values of farmwall_exposure. Report names such ports. Restrict closes them
// where a rule of ours can, and counts one that stays open as not right.
const (
	ExposureReport   Exposure = "report"
	ExposureRestrict Exposure = "restrict"
)

// Version is a RAS version, major and minor.
type Version struct{ Major, Minor int }

// ExtraRule is one entry of farmwall_rules: the catalogue's fields, typed and
// checked (a protocol with ports has ports, one without has none, no range is
// reversed).
type ExtraRule struct {
	ID         string // 1 to 64 of [a-z0-9.-]
	Direction  string // "in" (default), "out" or "local"
	Scope      string // "external", "internal" (default), "localhost" or "any"
	Protocol   uint8  // IP protocol number: 6, 17, 112 ...
	Ports      []PortRange
	Remotes    []netip.Prefix // instead of a scope: exactly these
	RemoteName string         // outbound: a named endpoint
	MinVersion Version        // zero: no bound
	MaxVersion Version        // zero: no bound
	Commentary string
	At         Position
}

// PortRange is ports First to Last, both included.
type PortRange struct {
	First uint16 `json:"first"`
	Last  uint16 `json:"last"`
}

// Text is the port, or the two ends with the dash between them.
func (p PortRange) Text(dash string) string {
	text := strconv.Itoa(int(p.First))
	if p.Last != p.First {
		text += dash + strconv.Itoa(int(p.Last))
	}
	return text
}

// KeptFlow is one entry of farmwall_keep: a flow into the host that no change
// may close.
type KeptFlow struct {
	Protocol uint8
	Port     uint16
	Sources  []netip.Prefix // empty: from anywhere
	At       Position
}
