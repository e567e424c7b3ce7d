package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// exposurePrefix begins the ID of every rule that blocks, and of no other.
const exposurePrefix = "exposure."

// closing returns the rules that close what the set opens to some and not to
// anybody: one for each protocol's run of adjacent ports. why is the setting that
// asked for it.
func closing(set Set, why string) []Rule {
	var out []Rule
	for _, p := range limited(set) {
		r := Rule{Direction: In, Protocol: p.protocol, Farm: set[0].Farm, Block: true,
			Why: &Why{Text: "opened to some by " + strings.Join(p.by, ", ") + "; closed to everybody else", Deciders: []string{why}}}
		if p.ports.First != 0 {
			r.Ports = []PortRange{p.ports}
		}
		r.ID = exposureID(p.protocol, p.ports)
		r.Why.Row = r.ID
		out = append(out, r)
	}
	return out
}

// exposureID is "exposure.tcp-135", "exposure.udp-30006-30009", "exposure.112".
func exposureID(protocol Protocol, ports PortRange) string {
	id := exposurePrefix + number(int(protocol))
	switch protocol {
	case TCP:
		id = exposurePrefix + "tcp"
	case UDP:
		id = exposurePrefix + "udp"
	}
	if ports.First != 0 {
		id += "-" + number(int(ports.First))
	}
	if ports.Last != ports.First {
		id += "-" + number(int(ports.Last))
	}
	return id
}

// limitedPorts is a run of ports that a set opens to some; First is 0 for a protocol
// without ports.
type limitedPorts struct {
	protocol Protocol
	ports    PortRange
	by       []string // the rules that open them
}

// limited returns the inbound ports that the set opens to some, and by no rule or
// rules together to anybody, in order.
func limited(set Set) []limitedPorts {
	byProtocol := map[Protocol][]PortRange{}
	for i := range set {
		if r := &set[i]; r.opensToSome() {
			if len(r.Ports) == 0 {
				byProtocol[r.Protocol] = append(byProtocol[r.Protocol], PortRange{})
			}
			byProtocol[r.Protocol] = append(byProtocol[r.Protocol], r.Ports...)
		}
	}
	var out []limitedPorts
	for protocol, ranges := range byProtocol {
		for _, p := range set.withOutsiders(protocol, MergePorts(ranges)) {
			l := limitedPorts{protocol: protocol, ports: p}
			for i := range set {
				if r := &set[i]; r.opensToSome() && r.Protocol == protocol && r.touches(p) {
					l.by = append(l.by, r.ID)
				}
			}
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b limitedPorts) int {
		if a.protocol != b.protocol {
			return int(a.protocol) - int(b.protocol)
		}
		return int(a.ports.First) - int(b.ports.First)
	})
	return out
}

func (r *Rule) opensToSome() bool {
	return r.Direction == In && !r.Block && !r.Loopback && r.Opaque == "" && r.Remotes != nil
}

func (r *Rule) touches(p PortRange) bool {
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(q PortRange) bool { return q.First <= p.Last && p.First <= q.Last })
}

// withOutsiders cuts away of the ranges the ports that the set opens to anybody.
func (s Set) withOutsiders(protocol Protocol, ranges []PortRange) []PortRange {
	var edges []uint16 // a port where what the set says may change
	for i := range s {
		for _, p := range s[i].Ports {
			edges = append(edges, p.First)
			if p.Last < 65535 {
				edges = append(edges, p.Last+1)
			}
		}
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	var out []PortRange
	for _, p := range ranges {
		first := p.First
		for first <= p.Last {
			last := p.Last
			if i, _ := slices.BinarySearch(edges, first+1); first < 65535 && i < len(edges) && edges[i] <= p.Last {
				last = edges[i] - 1
			}
			if _, some := s.Outsider(Flow{Direction: In, Protocol: protocol, Port: first}); some {
				out = append(out, PortRange{First: first, Last: last})
			}
			if last == 65535 {
				break
			}
			first = last + 1
		}
	}
	return MergePorts(out)
}

// Closes returns the flow's remotes that a rule of the set blocks: those that no
// other rule of it lets pass. What goes over loopback is never blocked.
func (s Set) Closes(f Flow) *Addresses {
	if f.Loopback || !slices.ContainsFunc(s.Blocks(), func(r Rule) bool { return r.isAbout(f) }) {
		return canonical(nil)
	}
	return s.Leaves(f)
}

// BlocksEarly says whether, of the rules of one chain in their order on the host, one
// that blocks comes before one that lets in: it would close that to everybody. A place
// where that is so has a defect.
func BlocksEarly(inOrder []Rule) bool {
	blocked := false
	for i := range inOrder {
		if blocked && !inOrder[i].Block {
			return true
		}
		blocked = blocked || inOrder[i].Block
	}
	return false
}

// guardBlocks refuses a set whose blocking rules would close a kept flow that is not
// closed already.
func guardBlocks(d Reader, s *State, want Set, keep []Flow) Refusals {
	var refusals Refusals
	var own []netip.Prefix
	own = append(own, single(s.Addresses)...) // these come over loopback
	for _, f := range keep {
		lost := canonical(nil)
		closing := want.Closes(f).Minus(NewAddresses(own))
		if closing.Empty() {
			continue
		}
		for _, p := range closing.Listed().prefixes {
			part := f
			part.Remotes, part.Not = canonical([]netip.Prefix{p}), nil
			if MostOpen(d, s, part).Answer != Denied {
				lost = lost.Union(part.Remotes)
			}
		}
		if lost.Empty() {
			continue
		}
		refusals = append(refusals, Refusal{
			Text: fmt.Sprintf("%s from %s must stay open, and farmwall_exposure: restrict would close it", f, lost),
			Hint: "open it to these addresses in farmwall_rules or with ras_internal_networks, or set farmwall_exposure: report for this host",
		})
	}
	return refusals
}
