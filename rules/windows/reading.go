package windows

import (
	"net/netip"
	"sync"

	"farmwall/rules"
)

// Reading is everything that observe answered; State.Native holds it.
type Reading struct {
	Version    string // "10.0.17763"
	PowerShell string // "5.1.17763.1"
	User       string
	Admin      bool
	Boot       string
	// Services says of MpsSvc, BFE and Schedule: Running, Stopped, Missing or Unknown.
	Services map[string]string

	policy   policy
	registry registryWire
	// rules are both stores', the local one's first, each in the order of the answer.
	rules      []*rule
	leftOut    leftOutWire
	interfaces []netInterface
	folder     string
	tasks      string
	lease      uint64
	token      string

	compile sync.Once
	judging *program
}

// netInterface is a network interface with what the keywords of rules mean on it.
type netInterface struct {
	name      string
	guid      string // in lower case
	kind      string // "lan", "wireless", "remoteaccess" or not known
	profile   int    // its network's, 0 where not known
	up        bool
	loopback  bool
	addresses []netip.Prefix // with the host's bits
	gateways  []netip.Addr
	dns       []netip.Addr
	dhcp      []netip.Addr
	wins      []netip.Addr
}

// reading is what Decode kept in the state.
func reading(s *rules.State) *Reading {
	if s == nil {
		return nil
	}
	r, _ := s.Native.(*Reading)
	return r
}

// own is the rules that count as ours.
func (r *Reading) own() []*rule {
	var out []*rule
	for _, x := range r.rules {
		if x.ours() {
			out = append(out, x)
		}
	}
	return out
}

// serving are the interfaces that traffic from outside comes in on.
func (r *Reading) serving() []*netInterface {
	var out []*netInterface
	for i := range r.interfaces {
		if n := &r.interfaces[i]; n.up && !n.loopback && len(n.addresses) > 0 {
			out = append(out, n)
		}
	}
	return out
}

func (r *Reading) loaded() *program {
	r.compile.Do(func() { r.judging = newProgram(r) })
	return r.judging
}
