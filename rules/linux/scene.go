package linux

import (
	"net/netip"
	"strings"

	"farmwall/rules"
)

// scene is what one walk takes as given: everything about the packet but the remote
// addresses and the source ports. The packet is the first of a new connection, or
// the answer to it.
type scene struct {
	v4       bool
	in       bool // the remote is the source
	loopback bool // goes over lo: out of the host and in again
	reply    bool // the answer
	third    bool // what TCP sends after the answer
	self     bool // over lo too, by the host's own address: only the flow's direction is asked about
	protocol uint64
	port     rules.Number
	local    netip.Addr // the host's own end
	dev      *Interface
	byRoute  bool // the routes chose dev
	types    addressType
	bridged  bool // dev is a bridge, or has other devices below it

	// Where the walk is now.
	hook     string
	family   string
	priority int
	disputed dispute

	// askedDev and askedLocal: the walk met something that depends on them, so
	// another interface or address might fare otherwise.
	askedDev, askedLocal bool
}

// later says that the packet is not the first of its connection.
func (s *scene) later() bool { return s.reply || s.third }

func (s *scene) ported() bool {
	switch s.protocol {
	case 6, 17, 33, 132, 136:
		return true
	}
	return false
}

// xt looks up what only iptables asks for.
func (s *scene) xt(name string) property {
	switch name {
	case "iifname", "oifname":
		f := s.device(true, (name == "iifname") == s.inward())
		f.bare = true
		return f
	case "physdev":
		s.askedDev = true
		if s.dev != nil && !s.bridged {
			return known(0)
		}
		return property{why: "which port of a bridge the packet takes is not known"}
	case "rpfilter":
		if s.in && s.inward() && (s.loopback || s.byRoute && s.dev != nil) {
			s.askedDev = true
			return known(1)
		}
	case "owner":
		if s.inward() && !s.later() {
			return known(0)
		}
	}
	return property{}
}

// propertyKind says how a property of the packet is known.
type propertyKind int

const (
	unknown  propertyKind = iota
	absent                // the packet has no such header: no match, whatever the operator
	constant              // one of values, which of them is open where there are several
	named                 // an interface
	remotes               // the part's remote addresses
	classed               // a value that depends on the remote address
	sports                // the part's source ports
)

// property is one of the packet in this scene.
type property struct {
	kind    propertyKind
	values  []rules.Number
	classes []class    // classed
	dev     *Interface // named; nil where the packet has none
	byName  bool       // compared by name, not by index
	bare    bool       // named: where there is no interface its name is empty
	why     string
}

func known(n uint64) property { return property{kind: constant, values: []rules.Number{small(n)}} }

// lookUp finds a property of the packet.
func (s *scene) lookUp(sel selector, p *part) property {
	var f property
	switch sel.object {
	case "meta":
		f = s.meta(sel.name, p)
	case "payload":
		f = s.payload(sel.name)
	case "ct":
		f = s.ct(sel.name, p)
	case "fib":
		f = s.fib(sel.name)
	case "exthdr", "ip option":
		f = s.option(sel.name, s.v4 == (sel.object == "ip option"))
	case "tcp option":
		if s.protocol != 6 {
			f.kind = absent
		}
	case "xt":
		f = s.xt(sel.name)
	}
	after := s.later() || s.hook == "postrouting" && s.priority > 100 || s.loopback && s.inward()
	host := f.kind == constant && strings.HasSuffix(sel.name, "addr")
	if p.renamed && after && (host || s.loopback && (f.kind == remotes || f.kind == classed)) {
		return property{why: "the host's address in it was translated"}
	}
	if f.kind == unknown && f.why == "" {
		f.why = sel.text + " is not known of the flow"
	}
	return f
}

// option is an extension header of IPv6 or an option of IPv4: the packet has none.
func (s *scene) option(field string, family bool) property {
	if !family || field != "" {
		return property{kind: absent}
	}
	return known(0)
}
