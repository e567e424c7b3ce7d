package rules

import (
	"net/netip"
	"time"
)

// Prober is what a Dialect may offer: its hosts open flows themselves, and wait for
// those of others. Like everything in a dialect it is pure.
type Prober interface {
	// Probe opens all flows of the request from the host.
	Probe(r ProbeRequest) Script
	// ReadProbe reads what Probe printed; the replies stand in the request's order.
	ReadProbe(r ProbeRequest, out []byte) (*ProbeReport, error)
	// Listen says what the host waits on, and has it wait on the ends of the request
	// that are free. The listeners outlive the script and end by themselves.
	Listen(r ListenRequest) Script
	// ReadListen reads what Listen printed; its ends stand in the request's order.
	ReadListen(r ListenRequest, out []byte) (*ListenReport, error)
	// Unlisten ends the listeners of a Listen before their time; ReadListen reads its
	// answer, with the request as it was but without ends.
	Unlisten(r ListenRequest) Script
	// Stealthy says that the host's system does not answer at a port where nothing
	// listens, though the firewall lets the flow in.
	Stealthy() bool
}

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

// FlowEnd is where a flow leads: an address of a host, a protocol and a port, 0 for
// protocols without ports.
type FlowEnd struct {
	Address  netip.Addr
	Protocol Protocol
	Port     uint16
}

// ProbeRequest asks a host to open flows.
type ProbeRequest struct {
	Ends []FlowEnd
	// Listener says of each end whether a listener of ours may wait there: then its
	// answer is read, and the silence of UDP means that nothing got through.
	Listener []bool
	// Nonce is what the listeners of this run answer: [a-z0-9], 8 to 64.
	Nonce string
	// Wait is how long an answer may take, to the millisecond.
	Wait time.Duration
	// AtOnce is how many flows may be open at a time; a host may do with fewer.
	AtOnce int
	// Tool has the host use this tool and no other; empty: the best that it has.
	Tool string
}

// ProbeReport is what a host's probes came to.
type ProbeReport struct {
	// Tool is what opened the flows: "perl", "bash" ...
	Tool string
	// Cannot says why this host cannot probe at all; every reply is then unanswerable.
	Cannot  string
	Replies []ProbeReply
}

// ProbeReply is the answer for one end.
type ProbeReply struct {
	Answer ProbeAnswer
	// Ours: a listener of ours answered, and not a service.
	Ours bool
	// Local is the address that the flow came from, where the tool tells it.
	Local netip.Addr
	// Text is what else is to be said, in plain words.
	Text string
}

// ListenRequest asks a host to wait for flows.
type ListenRequest struct {
	Nonce string
	// Life is how long the listeners wait, in whole seconds, whatever becomes of us.
	Life time.Duration
	// Ends may be none: then the host only says what it waits on anyway.
	Ends []FlowEnd
	Tool string // as in ProbeRequest
}

// ListenReport is what a host waits on.
type ListenReport struct {
	Tool   string
	Cannot string // why this host cannot listen; empty where it could or was not asked to
	// Waits are the sockets that were there before: an address that is unspecified
	// stands for all of the host's.
	Waits []FlowEnd
	// Opened says of each end of the request whether a listener of ours waits there now.
	Opened []bool
	// Why says of those that do not why not, "taken" for one.
	Why []string
	// Closed: the listeners that an Unlisten ended were still there.
	Closed bool
}

// Hears says whether something waited on the end before we came.
func (l *ListenReport) Hears(e FlowEnd) bool {
	for _, w := range l.Waits {
		if w.Protocol != e.Protocol || w.Port != e.Port {
			continue
		}
		// What waits on all of IPv6 mostly waits on all of IPv4, too.
		if w.Address == e.Address || w.Address.IsUnspecified() && (w.Address.Is6() || e.Address.Is4()) {
			return true
		}
	}
	return false
}
