package lab

import "net/netip"

// Probe is one try to reach an address, by a real packet from a host (or the
// controller) of the lab to another.
type Probe struct {
	From     netip.Addr `json:"from,omitzero"` // one of the prober's own; zero: the kernel chooses
	To       netip.Addr `json:"to"`
	Protocol uint8      `json:"protocol"` // 6 (TCP), 17 (UDP), or another IP protocol without ports, such as 112
	Port     uint16     `json:"port,omitempty"`
}

// Reach says how far a probe came.
type Reach string

// How a probe ends. Filtered is decided by a later packet over the same path
// that did arrive, not by waiting.
const (
	// Connected: TCP shook hands, UDP was echoed, another protocol arrived.
	Connected Reach = "connected"
	// Refused: an RST, or an ICMP message that port or protocol are not there.
	Refused Reach = "refused"
	// Prohibited: an ICMP message of a packet filter, or the prober's own filter.
	Prohibited Reach = "prohibited"
	// Filtered: the wire carried it and nobody answered.
	Filtered Reach = "filtered"
	// Unreachable: the wire did not carry it: no route, no neighbour, a pulled cable.
	Unreachable Reach = "unreachable"
)

// Answer is what came of a probe.
type Answer struct {
	Probe
	Reach Reach `json:"reach"`
	// Arrived says that a listener of the lab got a UDP or other datagram. With
	// Filtered it is the answer that was lost.
	Arrived bool   `json:"arrived,omitempty"`
	Why     string `json:"why,omitempty"` // the kernel's words
}
