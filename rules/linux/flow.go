package linux

import (
	"net/netip"
	"slices"

	"farmwall/rules"
)

// remotes is the flow's addresses of one family.
func (j *judge) remotes(v4 bool) rules.Spans {
	loop := netip.MustParsePrefix("::1/128")
	all := netip.MustParsePrefix("::/0")
	if v4 {
		loop, all = netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("0.0.0.0/0")
	}
	var set rules.Spans
	switch {
	case j.flow.Loopback:
		set = rules.Spans{fromPrefix(loop)}
		if v4 { // the address that a program on the host uses
			set = rules.Spans{fromPrefix(netip.MustParsePrefix("127.0.0.1/32"))}
		}
	case j.flow.Remotes == nil:
		set = rules.Spans{fromPrefix(all)}.Minus(nobody(v4))
		for _, a := range j.reading.own(v4) {
			set = set.Minus(rules.Spans{rules.Just(fromAddr(a))})
		}
	default:
		set = fromPrefixes(j.flow.Remotes.Prefixes(), v4)
	}
	if j.flow.Not != nil {
		set = set.Minus(fromPrefixes(j.flow.Not.Prefixes(), v4))
	}
	return set
}

// nobody is the addresses that no other host can have.
func nobody(v4 bool) rules.Spans {
	list := []string{"::/128", "::1/128", "ff00::/8"}
	if v4 {
		list = []string{"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"}
	}
	var out []rules.Span
	for _, p := range list {
		out = append(out, fromPrefix(netip.MustParsePrefix(p)))
	}
	return rules.NewSpans(out)
}

func fromPrefixes(ps []netip.Prefix, v4 bool) rules.Spans {
	var out []rules.Span
	for _, p := range ps {
		if p.Addr().Is4() == v4 {
			out = append(out, fromPrefix(p))
		}
	}
	return rules.NewSpans(out)
}

// locals are the host's own ends that the flow may have.
func (j *judge) locals(g group, dev *Interface, v4 bool, own []netip.Addr) []netip.Addr {
	switch {
	case j.flow.Loopback && v4:
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	case j.flow.Loopback:
		return []netip.Addr{netip.IPv6Loopback()}
	case j.flow.Direction == rules.In && j.flow.Protocol == rules.VRRP && v4:
		return []netip.Addr{netip.AddrFrom4([4]byte{224, 0, 0, 18})} // RFC 5798, 5.1.1.2
	case j.flow.Direction == rules.In && j.flow.Protocol == rules.VRRP:
		return []netip.Addr{netip.MustParseAddr("ff02::12")}
	case j.flow.Direction == rules.In && j.local.IsValid() && j.local.Is4() == v4 && slices.Contains(own, j.local):
		return []netip.Addr{j.local}
	}
	if j.flow.Direction == rules.Out && dev != nil && !g.loopback {
		var here []netip.Addr
		for _, a := range dev.Addresses {
			if slices.Contains(own, a.Addr()) {
				here = append(here, a.Addr())
			}
		}
		if len(here) > 0 {
			return here
		}
	}
	if len(own) > 0 {
		return own
	}
	return []netip.Addr{{}}
}
