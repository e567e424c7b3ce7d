package linux

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"farmwall/rules"
)

// Types of routes, as fib and addrtype number them (rtnetlink.h).
const (
	routeUnicast   = 1
	routeLocal     = 2
	routeBroadcast = 3
	routeMulticast = 5
)

// addressType is what IPv4's local routing table makes of an address, for fib and for
// iptables' addrtype (inet_addr_type of the kernel); IPv6 likewise, without broadcast.
type addressType struct{ local, broadcast, multicast rules.Spans }

// addressTypes are the types of a family's addresses; those of none are unicast.
func (r *Reading) addressTypes(v4 bool) addressType {
	var local, broadcast []rules.Span
	if v4 {
		broadcast = append(broadcast, fromPrefix(netip.MustParsePrefix("0.0.0.0/8")), fromPrefix(netip.MustParsePrefix("255.255.255.255/32")))
	}
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			if a.Addr().Is4() == v4 {
				local = append(local, rules.Just(fromAddr(a.Addr())))
			}
		}
	}
	for _, route := range r.Routes {
		if route.To.Addr().Is4() != v4 || route.Table != "local" && route.Table != "255" {
			continue
		}
		switch route.Type {
		case "local":
			local = append(local, fromPrefix(route.To))
		case "broadcast":
			broadcast = append(broadcast, fromPrefix(route.To))
		}
	}
	t := addressType{local: rules.NewSpans(local), broadcast: rules.NewSpans(broadcast)}
	if v4 {
		t.multicast = rules.Spans{fromPrefix(netip.MustParsePrefix("224.0.0.0/4"))}
		t.local = t.local.Minus(rules.Spans{fromPrefix(netip.MustParsePrefix("0.0.0.0/8"))})
	} else {
		t.multicast = rules.Spans{fromPrefix(netip.MustParsePrefix("ff00::/8"))}
	}
	t.broadcast = t.broadcast.Minus(t.local)
	return t
}

// classes are the types as values of parts of all addresses.
func (t addressType) classes() []class {
	return []class{{routeLocal, t.local}, {routeBroadcast, t.broadcast}, {routeMulticast, t.multicast}, {routeUnicast, rules.Spans{{Last: rules.Ones(128)}}}}
}

// class is a value that some addresses have; of several the first that holds one counts.
type class struct {
	value uint64
	of    rules.Spans
}

// typeOf is the type of the source or the destination.
func (s *scene) typeOf(source bool) property {
	if source == s.in { // the remote
		return property{kind: classed, classes: s.types.classes()}
	}
	s.askedLocal = true
	if !s.local.IsValid() {
		return known(routeLocal)
	}
	n := fromAddr(s.local)
	for _, c := range s.types.classes() {
		if c.of.Contains(n) {
			return known(c.value)
		}
	}
	return known(routeUnicast)
}

// fib asks the routes.
func (s *scene) fib(name string) property {
	flags, result, _ := strings.Cut(name, " ")
	parts := strings.Split(flags, ".")
	source := slices.Contains(parts, "saddr")
	limited := slices.Contains(parts, "iif") || slices.Contains(parts, "oif")
	switch {
	case result == "type" && !limited:
		return s.typeOf(source)
	case result == "type" && !source && slices.Contains(parts, "iif") && s.in && s.inward() && s.dev != nil && s.local.IsValid():
		s.askedDev, s.askedLocal = true, true
		for _, a := range s.dev.Addresses {
			if a.Addr() == s.local {
				return known(routeLocal)
			}
		}
	case (result == "oif" || result == "oifname") && source && s.in && s.byRoute && s.dev != nil && !s.loopback && s.inward():
		// The interface that the way back would take: the one it came by, where the routes
		// chose that. A mark matters only to routing rules, and with these they do not choose.
		s.askedDev = true
		return property{kind: named, dev: s.dev, byName: result == "oifname"}
	}
	return property{why: fmt.Sprintf("fib %s is not known of the flow", name)}
}
