package tasks

import (
	"slices"

	"farmwall/rules"
)

// cuts are the ports at which something that is judged may change: a range between
// two of them is judged by its first port, and nothing is left out.
type cuts struct {
	at    []uint16 // in order
	every bool     // the reader cannot say: each port may differ
}

// cutsOf joins what the host tells apart and what the sets do.
func cutsOf(d rules.Reader, s *rules.State, sets ...rules.Set) cuts {
	b, can := d.(rules.PortBounder)
	if !can {
		return cuts{every: true}
	}
	at, ok := b.PortBounds(s)
	if !ok {
		return cuts{every: true}
	}
	at = slices.Clone(at)
	for _, set := range sets {
		for i := range set {
			for _, p := range set[i].Ports {
				at = append(at, p.First)
				if p.Last < 65535 {
					at = append(at, p.Last+1)
				}
			}
		}
	}
	slices.Sort(at)
	return cuts{at: slices.Compact(at)}
}

// parts cuts a range into ranges whose ports all fare alike.
func (c cuts) parts(p rules.PortRange) []rules.PortRange {
	var out []rules.PortRange
	if c.every {
		for port := int(p.First); port <= int(p.Last); port++ {
			out = append(out, rules.PortRange{First: uint16(port), Last: uint16(port)})
		}
		return out
	}
	next, found := slices.BinarySearch(c.at, p.First)
	if found {
		next++
	}
	first := p.First
	for ; next < len(c.at) && c.at[next] <= p.Last; next++ {
		out = append(out, rules.PortRange{First: first, Last: c.at[next] - 1})
		first = c.at[next]
	}
	return append(out, rules.PortRange{First: first, Last: p.Last})
}

// portsOf are a rule's ports; one without any is about no port.
func portsOf(r *rules.Rule) []rules.PortRange {
	if len(r.Ports) == 0 {
		return []rules.PortRange{{}}
	}
	return r.Ports
}
