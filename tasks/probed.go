package tasks

import (
	"net/netip"

	"farmwall/rules"
)

// ProbeAnswer is what came of opening a flow for real.
type ProbeAnswer = rules.ProbeAnswer

// The answers of a probe.
const (
	ProbeConnected    = rules.ProbeConnected
	ProbeRefused      = rules.ProbeRefused
	ProbeFiltered     = rules.ProbeFiltered
	ProbeUnreachable  = rules.ProbeUnreachable
	ProbeUnanswerable = rules.ProbeUnanswerable
)

// Probed is one packet's worth of truth: a flow that its source opened towards the
// host that must accept or refuse it.
type Probed struct {
	Rule     string      `json:"rule,omitempty"` // the rule that wants the flow; of an unwanted one a rule that is about the port
	From     string      `json:"from"`           // inventory name, or "controller"
	To       string      `json:"to"`             // inventory name
	Address  netip.Addr  `json:"address"`        // of To
	Source   netip.Addr  `json:"source,omitzero"`
	Protocol string      `json:"protocol"` // "tcp", "udp" or a number
	Port     uint16      `json:"port,omitempty"`
	Wanted   bool        `json:"wanted"` // to be open from there; else to be closed
	Answer   ProbeAnswer `json:"answer"`
	// Right: the answer is the wanted one; nil where it proves nothing.
	Right *bool `json:"right,omitempty"`
	// PathBlocks: the host's own verdict allows the flow, and it does not arrive.
	PathBlocks bool `json:"path_blocks,omitempty"`
	// Ours: a temporary listener of farmwall's answered, and not a service.
	Ours bool `json:"ours,omitempty"`
	// Verdict is the host's own for this flow, where it was asked, and By what decides.
	Verdict rules.Answer `json:"verdict,omitempty"`
	By      string       `json:"by,omitempty"`
	Detail  string       `json:"detail,omitempty"`
}

// wrong says whether the probe proves that something is not as it is wanted.
func (p *Probed) wrong() bool { return p.Right != nil && !*p.Right }
