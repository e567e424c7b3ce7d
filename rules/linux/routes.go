package linux

import (
	"net/netip"
	"slices"
	"sort"

	"farmwall/rules"
)

// group is addresses that take the same way between host and remote.
type group struct {
	remote   rules.Spans
	devs     []*Interface // one where the routes decide, else all that may be; one nil where none is known
	byRoute  bool
	loopback bool // goes over lo
	self     bool // the remote is an address of the host itself
}

// own is the host's addresses of a family. Link-local ones count only where there are
// no others.
func (r *Reading) own(v4 bool) []netip.Addr {
	var wide, link []netip.Addr
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			switch ip := a.Addr(); {
			case ip.Is4() != v4 || ip.IsLoopback():
			case ip.IsLinkLocalUnicast():
				link = append(link, ip)
			default:
				wide = append(wide, ip)
			}
		}
	}
	if len(wide) > 0 {
		return wide
	}
	return link
}

// speaks says whether the host has addresses of the family, on lo or elsewhere; where
// the addresses could not be read it counts as speaking.
func (r *Reading) speaks(v4, loopback bool) bool {
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			if a.Addr().Is4() == v4 && a.Addr().IsLoopback() == loopback {
				return true
			}
		}
	}
	return len(r.Interfaces) == 0
}

// groups splits addresses by the interface that the host's own routes give for them.
// A packet whose source is routed elsewhere than it came from is somebody's forgery or
// an asymmetric route; where the routes do not decide, all interfaces are tried.
func (r *Reading) groups(remote rules.Spans, v4, loopback bool) []group {
	if loopback {
		return []group{{remote: remote, devs: []*Interface{r.loopback()}, byRoute: true, loopback: true}}
	}
	var out []group
	self := []rules.Span{}
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			if a.Addr().Is4() == v4 {
				self = append(self, rules.Just(fromAddr(a.Addr())))
				if a.Addr().IsLoopback() {
					self = append(self, fromPrefix(a))
				}
			}
		}
	}
	here := remote.Intersect(rules.NewSpans(self))
	remote = remote.Minus(here)
	byDev := map[*Interface]rules.Spans{}
	var order []*Interface
	rest := remote
	if len(r.PolicyRoutes) == 0 {
		for _, ways := range r.ways(v4) {
			hit := rest.Intersect(rules.Spans{fromPrefix(ways[0].To)})
			if hit.Empty() {
				continue
			}
			dev := r.oneDev(ways)
			if dev == nil {
				// Known not to be decided: what wider routes say does not hold for it.
				out = append(out, group{remote: hit, devs: r.candidates()})
			} else {
				if byDev[dev].Empty() {
					order = append(order, dev)
				}
				byDev[dev] = byDev[dev].Union(hit)
			}
			rest = rest.Minus(hit)
		}
	}
	for _, dev := range order {
		out = append(out, group{remote: byDev[dev], devs: []*Interface{dev}, byRoute: true})
	}
	if !rest.Empty() {
		out = append(out, group{remote: rest, devs: r.candidates()})
	}
	if !here.Empty() {
		out = append(out, group{remote: here, devs: []*Interface{r.loopback()}, byRoute: true, loopback: true, self: true})
	}
	return out
}

// ways are the main table's routes of a family, those to one prefix with the lowest
// metric together, longest prefix first.
func (r *Reading) ways(v4 bool) [][]Route {
	best := map[netip.Prefix][]Route{}
	for _, route := range r.Routes {
		if route.Table != "main" && route.Table != "254" || route.To.Addr().Is4() != v4 || route.Type == "multicast" {
			continue
		}
		have := best[route.To]
		switch {
		case len(have) == 0 || route.Metric < have[0].Metric:
			best[route.To] = []Route{route}
		case route.Metric == have[0].Metric:
			best[route.To] = append(have, route)
		}
	}
	out := make([][]Route, 0, len(best))
	for _, ways := range best {
		out = append(out, ways)
	}
	sort.Slice(out, func(i, j int) bool {
		a, b := out[i][0].To, out[j][0].To
		if a.Bits() != b.Bits() {
			return a.Bits() > b.Bits()
		}
		return a.Addr().Less(b.Addr())
	})
	return out
}

// oneDev is the interface that all ways share, nil where there is none.
func (r *Reading) oneDev(ways []Route) *Interface {
	for _, w := range ways {
		if w.Type != "unicast" || w.Dev == "" || w.Dev != ways[0].Dev {
			return nil
		}
	}
	return r.iface(ways[0].Dev)
}

func (r *Reading) iface(name string) *Interface {
	for i := range r.Interfaces {
		if r.Interfaces[i].Name == name {
			return &r.Interfaces[i]
		}
	}
	return nil
}

func (r *Reading) loopback() *Interface {
	for i := range r.Interfaces {
		if r.Interfaces[i].Loopback {
			return &r.Interfaces[i]
		}
	}
	return &Interface{Name: "lo", Index: 1, Up: true, Loopback: true}
}

// candidates are the interfaces that a packet can come by or leave by.
func (r *Reading) candidates() []*Interface {
	var out []*Interface
	for i := range r.Interfaces {
		if dev := &r.Interfaces[i]; dev.Up && !dev.Loopback && (dev.Master == "" || len(dev.Addresses) > 0) {
			out = append(out, dev)
		}
	}
	if len(out) == 0 {
		out = append(out, nil)
	}
	return out
}

// hasPorts says whether the interface is a bridge, or made of other interfaces.
func (r *Reading) hasPorts(dev *Interface) bool {
	return dev != nil && slices.ContainsFunc(r.Interfaces, func(i Interface) bool { return i.Master == dev.Name })
}
