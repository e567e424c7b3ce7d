package rules

import "slices"

// Covers says whether the rule lets all of the flow pass.
func Covers(r Rule, f Flow) bool {
	return r.admitsPort(f) && r.Remotes.Covers(f.Sources())
}

// Sources is the remotes that the flow is about: Remotes without Not.
func (f Flow) Sources() *Addresses {
	if f.Not == nil { // nobody is left out; as a list, nil would be everybody
		return f.Remotes
	}
	return f.Remotes.Minus(f.Not)
}

// admitsPort says whether the rule lets the flow pass, as far as where it comes from
// does not matter.
func (r *Rule) admitsPort(f Flow) bool { return !r.Block && r.isAbout(f) }

// isAbout says whether the rule is about the flow, wherever it comes from.
func (r *Rule) isAbout(f Flow) bool {
	if r.Opaque != "" || r.Direction != f.Direction || r.Protocol != f.Protocol || r.Loopback && !f.Loopback {
		return false
	}
	return len(r.Ports) == 0 || slices.ContainsFunc(r.Ports, func(p PortRange) bool { return p.First <= f.Port && f.Port <= p.Last })
}

// Admits says whether the set's rules together let all of the flow pass.
func (s Set) Admits(f Flow) bool { return s.Leaves(f).Empty() }

// Leaves returns the flow's remotes that no rule of the set lets pass.
func (s Set) Leaves(f Flow) *Addresses {
	left := f.Sources()
	for i := range s {
		if left.Empty() {
			break
		}
		if s[i].admitsPort(f) {
			left = left.Minus(s[i].Remotes)
		}
	}
	return left
}

// ExpectedFlow is a flow with the answer that a set of rules asks for.
type ExpectedFlow struct {
	Rule string `json:"rule"` // its ID
	Flow Flow   `json:"flow"`
	Want Answer `json:"want"`
}

// manyPorts is the size from which a range of ports is judged by its first,
// middle and last port alone: a rule cannot be made to differ inside a range by
// accident, and a judge costs time.
const manyPorts = 16

// Flows returns what must be true of a host that holds the set, and nothing else
// of that kind: each rule's flows are allowed, and of each port that the set opens to
// some, those that it does not name ("outsiders") are denied. The set must be
// settled.
func Flows(set Set) []ExpectedFlow {
	var out []ExpectedFlow
	outside := map[Flow]bool{}
	for i := range set {
		r := &set[i]
		if r.Block { // what it closes is what the rules that allow do not name
			continue
		}
		for _, port := range SamplePorts(r.Ports) {
			f := Flow{Direction: r.Direction, Protocol: r.Protocol, Port: port, Remotes: r.Remotes, Loopback: r.Loopback}
			out = append(out, ExpectedFlow{Rule: r.ID, Flow: f, Want: Allowed})
			port := Flow{Direction: r.Direction, Protocol: r.Protocol, Port: port}
			if r.Direction != In || r.Loopback || outside[port] {
				continue
			}
			outside[port] = true
			if o, ok := set.Outsider(port); ok {
				out = append(out, ExpectedFlow{Rule: r.ID, Flow: o, Want: Denied})
			}
		}
	}
	return out
}

// Outsider is the flow of all those whom no rule of the set names for a
// protocol and port; ok is false where the set lets in everybody.
func (s Set) Outsider(port Flow) (f Flow, ok bool) {
	named := canonical(nil)
	for i := range s {
		if s[i].admitsPort(port) {
			if named = named.Union(s[i].Remotes); named.Covers(nil) {
				return Flow{}, false
			}
		}
	}
	port.Remotes, port.Not = nil, named
	return port, true
}

// SamplePorts are the ports by which ranges are tried: all of a short one, of a longer one
// the first, the middle and the last; 0 for a protocol without ports.
func SamplePorts(ranges []PortRange) []uint16 {
	if len(ranges) == 0 {
		return []uint16{0}
	}
	var out []uint16
	for _, p := range ranges {
		if n := int(p.Last) - int(p.First) + 1; n > manyPorts {
			out = append(out, p.First, p.First+uint16(n/2), p.Last)
			continue
		}
		for n := int(p.First); n <= int(p.Last); n++ {
			out = append(out, uint16(n))
		}
	}
	return out
}
