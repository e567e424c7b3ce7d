package linux

import (
	"net/netip"
	"strings"

	"farmwall/rules"
)

// connection reads -m conntrack and -m state.
func (s *saved) connection(c *clause) {
	early := false // the state names what a packet without a connection is
	for i := range c.options {
		o := &c.options[i]
		switch value := strings.Join(o.Values, " "); o.Name {
		case "--state", "--ctstate":
			early = s.state(o, value) || early
		case "--ctdir":
			n := map[string]uint64{"ORIGINAL": 0, "REPLY": 1}
			if v, ok := n[value]; ok {
				s.compare("ct", "direction", o.Not, v, v)
			} else {
				s.doubt("the direction " + brief([]byte(value)) + " is not known")
			}
		case "--ctproto":
			if n, ok := ProtocolNumber(value); ok {
				s.compare("ct", "protocol", o.Not, n, n)
			} else {
				s.doubt("the protocol " + brief([]byte(value)) + " is not known")
			}
		case "--ctorigsrc", "--ctorigdst":
			s.tuple(o, value)
		case "--ctorigsrcport", "--ctorigdstport":
			if nums, ok := portList(value); ok {
				side := map[bool]string{true: "original proto-src", false: "original proto-dst"}[o.Name == "--ctorigsrcport"]
				s.put(selector{object: "ct", name: side, text: "ct " + side}, o.Not, values{nums: nums})
			} else {
				s.doubt("the ports " + brief([]byte(value)) + " cannot be read")
			}
		case "--ctstatus":
			s.status(o, value)
		default:
			s.doubt("conntrack's " + brief([]byte(o.Name)) + " is not known of the flow")
		}
	}
	// Where there is no connection the kernel looks at the state alone.
	if early && len(c.options) > 1 {
		s.doubt("conntrack looks at the state alone where there is no connection")
	}
}

// state adds the comparison of the connection's state; early says that it is true of
// packets without a connection.
func (s *saved) state(o *SaveOption, value string) (early bool) {
	bits := map[string]uint64{"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 64}
	nat := map[string]uint64{"SNAT": 0x10, "DNAT": 0x20}
	var states, status []rules.Span
	none := false
	for _, name := range strings.Split(value, ",") {
		if n, ok := bits[name]; ok {
			states = append(states, rules.Just(small(n)))
			none = none || n == 1 || n == 64
		} else if n, ok := nat[name]; ok {
			status = append(status, rules.Just(small(n)))
		} else {
			s.doubt("the state " + brief([]byte(name)) + " is not known")
			return false
		}
	}
	var any [][]match
	if len(states) > 0 {
		sel := selector{object: "ct", name: "state", text: "ct state"}
		any = append(any, []match{{op: "==", left: []selector{sel}, right: values{nums: rules.NewSpans(states)}}})
	}
	for _, n := range status {
		m := n.First
		sel := selector{object: "ct", name: "status", mask: &m, text: "ct status"}
		any = append(any, []match{{op: "==", left: []selector{sel}, right: values{nums: rules.Spans{n}}}})
	}
	if len(any) == 1 && len(states) > 0 {
		s.put(any[0][0].left[0], o.Not, any[0][0].right)
	} else {
		s.either(o.Not, any)
	}
	return none != o.Not
}

// status adds --ctstatus: any of the bits.
func (s *saved) status(o *SaveOption, value string) {
	bits := map[string]uint64{"NONE": 0, "EXPECTED": 1, "SEEN_REPLY": 2, "ASSURED": 4, "CONFIRMED": 8}
	mask := uint64(0)
	for _, name := range strings.Split(value, ",") {
		b, ok := bits[name]
		if !ok {
			s.doubt("the status " + brief([]byte(name)) + " is not known")
			return
		}
		mask |= b
	}
	m := small(mask)
	s.put(selector{object: "ct", name: "status", mask: &m, text: "ct status"}, !o.Not, values{nums: rules.Spans{{}}})
}

// tuple adds an address of the connection's first packet.
func (s *saved) tuple(o *SaveOption, value string) {
	side := map[bool]string{true: "original saddr", false: "original daddr"}[o.Name == "--ctorigsrc"]
	p, err := parsePrefix(value)
	if err != nil || p.Addr().Is4() != s.v4 {
		s.doubt("the address " + brief([]byte(value)) + " cannot be read")
		return
	}
	s.put(selector{object: "ct", name: side, text: "ct " + side}, o.Not, values{nums: rules.Spans{fromPrefix(p.Masked())}})
}

// types reads -m addrtype.
func (s *saved) types(c *clause) {
	flags := ""
	for _, o := range c.options {
		switch o.Name {
		case "--limit-iface-in":
			flags = ".iif"
		case "--limit-iface-out":
			flags = ".oif"
		}
	}
	for i := range c.options {
		o := &c.options[i]
		if (o.Name == "--src-type" || o.Name == "--dst-type") && len(o.Values) == 1 {
			source := o.Name == "--src-type"
			if s.v4 {
				s.types4(source, flags, o)
			} else {
				s.types6(source, flags, o)
			}
		}
	}
}

func (s *saved) types4(source bool, flags string, o *SaveOption) {
	number := map[string]uint64{"UNSPEC": 0, "UNICAST": 1, "LOCAL": 2, "BROADCAST": 3, "ANYCAST": 4, "MULTICAST": 5,
		"BLACKHOLE": 6, "UNREACHABLE": 7, "PROHIBIT": 8, "THROW": 9, "NAT": 10, "XRESOLVE": 11}
	var list []rules.Span
	for _, name := range strings.Split(o.Values[0], ",") {
		n, ok := number[name]
		if !ok {
			s.doubt("the type of address " + brief([]byte(name)) + " is not known")
			return
		}
		list = append(list, rules.Just(small(n)))
	}
	side := map[bool]string{true: "saddr", false: "daddr"}[source]
	s.put(selector{object: "fib", name: side + flags + " type", text: "the type of " + side}, o.Not, values{nums: rules.NewSpans(list)})
}

// types6 asks otherwise than IPv4 does: a unicast address may be local too, and all that
// is asked for must be true (match_type6 of xt_addrtype).
func (s *saved) types6(source bool, flags string, o *SaveOption) {
	var all []match
	side := map[bool]string{true: "saddr", false: "daddr"}[source]
	for _, name := range strings.Split(o.Values[0], ",") {
		multicast := rules.Spans{fromPrefix(netip.MustParsePrefix("ff00::/8"))}
		switch name {
		case "MULTICAST":
			all = append(all, match{op: "==", left: []selector{s.end(source)}, right: values{nums: multicast}})
		case "UNICAST":
			all = append(all, match{op: "!=", left: []selector{s.end(source)}, right: values{nums: multicast.Union(rules.Spans{{}})}})
		case "UNSPEC":
			all = append(all, match{op: "==", left: []selector{s.end(source)}, right: values{nums: rules.Spans{{}}}})
		case "LOCAL":
			sel := selector{object: "fib", name: side + flags + " type", text: "the type of " + side}
			all = append(all, match{op: "==", left: []selector{sel}, right: values{nums: rules.Spans{rules.Just(small(routeLocal))}}})
		default:
			s.doubt("the type of address " + brief([]byte(name)) + " is not known of IPv6")
			return
		}
	}
	s.either(o.Not, [][]match{all})
}
