package linux

import (
	"net/netip"
	"strconv"
	"strings"

	"farmwall/rules"
)

// match reads one -m with its options. What is not known exactly is a doubt, with the
// reason; whatever else the rule asks for may still rule the packet out.
func (s *saved) match(c *clause) {
	switch c.name {
	case "comment":
		return
	case "tcp", "udp", "sctp", "dccp", "udplite", "multiport":
		for i := range c.options {
			s.ports(c.name, &c.options[i])
		}
	case "state", "conntrack":
		s.connection(c)
	case "mark", "connmark":
		for i := range c.options {
			s.markIs(c, &c.options[i])
		}
	case "addrtype":
		s.types(c)
	case "pkttype":
		s.packetType(c)
	case "iprange":
		for i := range c.options {
			s.span(&c.options[i])
		}
	case "icmp", "icmp6", "icmpv6":
		for _, o := range c.options {
			if len(o.Values) == 1 && o.Values[0] != "any" {
				s.doubt("the kind of ICMP is not known of the flow")
			}
		}
	case "devgroup":
		for i := range c.options {
			s.deviceGroup(&c.options[i])
		}
	case "physdev":
		for i := range c.options {
			s.put(selector{object: "xt", name: "physdev", text: "physdev"}, c.options[i].Not, values{nums: rules.Spans{rules.Just(small(1))}})
		}
	case "rpfilter":
		_, invert := c.option("--invert")
		s.put(selector{object: "xt", name: "rpfilter", text: "rpfilter"}, invert, values{nums: rules.Spans{rules.Just(small(1))}})
	case "recent":
		// --set is true of every packet.
		if o, ok := c.option("--set"); ok && !o.Not {
			return
		}
		s.doubt("recent is true of some packets only")
	case "helper": // a new connection that nobody expects has no master
		for _, o := range c.options {
			s.constant(o.Not)
		}
	case "frag", "rt", "hbh", "dst", "mh": // extension headers, of which the packet has none
		s.constant(s.v4)
	case "owner":
		s.owner(c)
	case "set":
		name := ""
		if o, ok := c.option("--match-set"); ok && len(o.Values) > 0 {
			name = " " + brief([]byte(o.Values[0]))
		}
		s.doubt("what is in the ipset" + name + " is not known")
	default:
		s.doubt("iptables' match " + brief([]byte(c.name)) + " is not known of the flow, or true of some packets only")
	}
}

func (c *clause) option(name string) (*SaveOption, bool) {
	for i := range c.options {
		if c.options[i].Name == name {
			return &c.options[i], true
		}
	}
	return nil, false
}

// ports reads --sport, --dport, --sports, --dports, --ports and --tcp-flags.
func (s *saved) ports(module string, o *SaveOption) {
	header := module
	if module == "multiport" {
		header = "th"
	}
	value := ""
	if len(o.Values) > 0 {
		value = o.Values[0]
	}
	var sides []string
	switch o.Name {
	case "--sport", "--source-port", "--sports", "--source-ports":
		sides = []string{".sport"}
	case "--dport", "--destination-port", "--dports", "--destination-ports":
		sides = []string{".dport"}
	case "--ports":
		sides = []string{".sport", ".dport"}
	case "--tcp-flags":
		mask, ok1 := tcpFlags(value)
		comp, ok2 := uint64(0), false
		if len(o.Values) == 2 {
			comp, ok2 = tcpFlags(o.Values[1])
		}
		if !ok1 || !ok2 {
			s.doubt("the flags of TCP cannot be read")
			return
		}
		m := small(mask)
		s.put(selector{object: "payload", name: "tcp.flags", mask: &m, text: "tcp flags"}, o.Not, values{nums: rules.Spans{rules.Just(small(comp))}})
		return
	default:
		s.doubt(module + "'s " + brief([]byte(o.Name)) + " is not known of the flow")
		return
	}
	nums, ok := portList(value)
	if !ok {
		s.doubt("the ports " + brief([]byte(value)) + " cannot be read")
		return
	}
	var any [][]match
	for _, side := range sides {
		sel := selector{object: "payload", name: header + side, text: header + " " + side[1:]}
		any = append(any, []match{{op: "==", left: []selector{sel}, right: values{nums: nums}}})
	}
	if len(any) == 1 {
		s.put(any[0][0].left[0], o.Not, any[0][0].right)
		return
	}
	s.either(o.Not, any)
}

// portList reads "80,443,1000:1010"; an open end is 0 or 65535.
func portList(text string) (rules.Spans, bool) {
	var list []rules.Span
	for _, part := range strings.Split(text, ",") {
		first, last, ranged := strings.Cut(part, ":")
		if !ranged {
			last = first
		}
		if first == "" && ranged {
			first = "0"
		}
		if last == "" && ranged {
			last = "65535"
		}
		a, e1 := strconv.ParseUint(first, 10, 16)
		b, e2 := strconv.ParseUint(last, 10, 16)
		if e1 != nil || e2 != nil || b < a {
			return nil, false
		}
		list = append(list, rules.Span{First: small(a), Last: small(b)})
	}
	return rules.NewSpans(list), true
}

// tcpFlags reads "SYN,ACK", "ALL" or "NONE".
func tcpFlags(text string) (uint64, bool) {
	bits := map[string]uint64{"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
	sum := uint64(0)
	for _, name := range strings.Split(text, ",") {
		b, ok := bits[name]
		if !ok {
			return 0, false
		}
		sum |= b
	}
	return sum, true
}

// maskedNumber reads "5" or "0x1/0xff".
func maskedNumber(text string) (value, mask uint32, ok bool) {
	v, m, masked := strings.Cut(text, "/")
	n, e1 := strconv.ParseUint(v, 0, 32)
	k, e2 := uint64(1<<32-1), error(nil)
	if masked {
		k, e2 = strconv.ParseUint(m, 0, 32)
	}
	return uint32(n), uint32(k), e1 == nil && e2 == nil
}

func (s *saved) markIs(c *clause, o *SaveOption) {
	object := map[string]string{"mark": "meta", "connmark": "ct"}[c.name]
	if o.Name == "--mark" && len(o.Values) == 1 {
		if v, m, ok := maskedNumber(o.Values[0]); ok {
			mask := small(uint64(m))
			s.put(selector{object: object, name: "mark", mask: &mask, text: object + " mark"}, o.Not, values{nums: rules.Spans{rules.Just(small(uint64(v)))}})
			return
		}
	}
	s.doubt("the mark cannot be read")
}

// span reads --src-range and --dst-range.
func (s *saved) span(o *SaveOption) {
	if len(o.Values) == 1 && (o.Name == "--src-range" || o.Name == "--dst-range") {
		first, last, ranged := strings.Cut(o.Values[0], "-")
		if !ranged {
			last = first
		}
		a, e1 := netip.ParseAddr(first)
		b, e2 := netip.ParseAddr(last)
		if e1 == nil && e2 == nil && a.Is4() == s.v4 && b.Is4() == s.v4 && !b.Less(a) {
			s.put(s.end(o.Name == "--src-range"), o.Not, values{nums: rules.Spans{{First: fromAddr(a), Last: fromAddr(b)}}})
			return
		}
	}
	s.doubt("the range of addresses cannot be read")
}

func (s *saved) packetType(c *clause) {
	o, ok := c.option("--pkt-type")
	if ok && len(o.Values) == 1 {
		if n, known := map[string]uint64{"unicast": 0, "host": 0, "broadcast": 1, "multicast": 2, "otherhost": 3}[o.Values[0]]; known {
			s.compare("meta", "pkttype", o.Not, n, n)
			return
		}
	}
	s.doubt("the kind of packet cannot be read")
}

func (s *saved) deviceGroup(o *SaveOption) {
	name := map[string]string{"--src-group": "iifgroup", "--dst-group": "oifgroup"}[o.Name]
	if name != "" && len(o.Values) == 1 {
		value := o.Values[0]
		if value == "default" { // 0 has a name in /etc/iproute2/group
			value = "0"
		}
		if v, m, ok := maskedNumber(value); ok {
			mask := small(uint64(m))
			s.put(selector{object: "meta", name: name, mask: &mask, text: name}, o.Not, values{nums: rules.Spans{rules.Just(small(uint64(v)))}})
			return
		}
	}
	s.doubt("the interface's group cannot be read")
}

// owner asks for the program that sends: nobody's packet has none on its way in.
func (s *saved) owner(c *clause) {
	for i := range c.options {
		s.put(selector{object: "xt", name: "owner", text: "the sending program's owner"}, c.options[i].Not, values{nums: rules.Spans{rules.Just(small(1))}})
	}
}
