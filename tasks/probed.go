package tasks

import "net/netip"

// ProbeAnswer is what came of opening a flow for real.
type ProbeAnswer string

// The answers of a probe.
const (
	ProbeConnected    ProbeAnswer = "connected"    // somebody answered
	ProbeRefused      ProbeAnswer = "refused"      // the host was reached, and nothing listens there
	ProbeFiltered     ProbeAnswer = "filtered"     // nothing came back in time
	ProbeUnreachable  ProbeAnswer = "unreachable"  // a router or the source itself said that there is no way
	ProbeUnanswerable ProbeAnswer = "unanswerable" // no answer possible: UDP without a listener, a protocol without ports
)

// Probed is one packet's worth of truth: a flow that its source opened towards the
// host that must accept or refuse it.
type Probed struct {
	Rule     string      `json:"rule,omitempty"` // the rule that wants the flow
	From     string      `json:"from"`           // inventory name, or "controller"
	To       string      `json:"to"`             // inventory name
	Address  netip.Addr  `json:"address"`        // of To
	Protocol string      `json:"protocol"`       // "tcp", "udp" or a number
	Port     uint16      `json:"port,omitempty"`
	Wanted   bool        `json:"wanted"` // to be open from there; else to be closed
	Answer   ProbeAnswer `json:"answer"`
	// Right: the answer is the wanted one; nil where it proves nothing.
	Right *bool `json:"right,omitempty"`
	// PathBlocks: the host's own verdict allows the flow, and it does not arrive.
	PathBlocks bool   `json:"path_blocks,omitempty"`
	Detail     string `json:"detail,omitempty"`
}
