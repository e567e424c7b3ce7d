package windows

import (
	"slices"

	"farmwall/rules"
)

// PortBounds returns ports, in order, at which a verdict may change; it implements
// rules.PortBounder.
func (s *System) PortBounds(st *rules.State) (bounds []uint16, ok bool) {
	r := reading(st)
	if r == nil {
		return nil, true
	}
	add := func(first, last uint16) {
		bounds = append(bounds, first)
		if last < 65535 {
			bounds = append(bounds, last+1)
		}
	}
	for _, l := range listeners {
		add(l.first, l.last)
	}
	add(dynamic.First, dynamic.Last)
	for _, x := range r.rules {
		for _, p := range []*portSet{&x.localPorts, &x.remotePorts} {
			ranges := p.ranges
			for _, word := range p.keywords {
				more, _, _ := keywordPorts(word, x.protocol)
				ranges = append(slices.Clone(ranges), more...)
			}
			for _, q := range ranges {
				add(q.First, q.Last)
			}
		}
	}
	slices.Sort(bounds)
	return slices.Compact(bounds), true
}
