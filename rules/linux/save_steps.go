package linux

import (
	"net/netip"
	"strconv"
	"strings"

	"farmwall/rules"
)

// saved makes steps of a rule of iptables.
type saved struct {
	v4 bool
	// legacy: the back end that compares an interface that is not there as an empty name.
	legacy bool
	chains map[string]bool // of the rule's table: what a rule may jump to
	steps  []step
}

// clause is the options of one match or of the target; name is empty for those that
// belong to none.
type clause struct {
	name    string
	target  bool
	goes    bool // -g
	options []SaveOption
}

// saveSteps reads the rule in iptables' own order: what is for the packet itself, the
// matches, the target.
func saveSteps(r *SaveRule, v4, legacy bool, chains map[string]bool) []step {
	s := &saved{v4: v4, legacy: legacy, chains: chains}
	if r.Unclear != "" {
		return []step{{kind: doubts, why: r.Unclear}, {kind: rewrites, why: r.Unclear}}
	}
	for _, c := range clauses(r) {
		switch {
		case c.target:
			s.target(&c)
		case c.name == "":
			for i := range c.options {
				s.plain(&c.options[i])
			}
		default:
			s.match(&c)
		}
	}
	return s.steps
}

func clauses(r *SaveRule) []clause {
	out := []clause{{}}
	protocol := ""
	for _, o := range r.Options {
		value := ""
		if len(o.Values) > 0 {
			value = o.Values[0]
		}
		switch o.Name {
		case "-s", "-d", "-i", "-o", "-f":
			out[0].options = append(out[0].options, o)
		case "-p":
			protocol = value
			out[0].options = append(out[0].options, o)
		case "-m":
			out = append(out, clause{name: value})
		case "-j", "-g":
			out = append(out, clause{name: value, target: true, goes: o.Name == "-g"})
		default:
			last := &out[len(out)-1]
			if last.name == "" { // options of the protocol may stand without its -m
				out = append(out, clause{name: protocol})
				last = &out[len(out)-1]
			}
			last.options = append(last.options, o)
		}
	}
	return out
}

// plain reads -s, -d, -p, -i, -o and -f.
func (s *saved) plain(o *SaveOption) {
	value := ""
	if len(o.Values) > 0 {
		value = o.Values[0]
	}
	switch o.Name {
	case "-s", "-d":
		s.address(o.Name == "-s", value, o.Not)
	case "-p":
		if value == "all" || value == "0" {
			s.constant(!o.Not)
			return
		}
		n, ok := ProtocolNumber(value)
		if !ok {
			s.doubt("the protocol " + brief([]byte(value)) + " is not known")
			return
		}
		s.compare("meta", "l4proto", o.Not, n, n)
	case "-i", "-o":
		s.device(o.Name == "-i", value, o.Not)
	case "-f": // the first packet of a flow is no later fragment
		s.constant(o.Not)
	}
}

// address reads ADDRESS, ADDRESS/BITS or ADDRESS/MASK.
func (s *saved) address(source bool, value string, not bool) {
	sel := s.end(source)
	text, mask, masked := strings.Cut(value, "/")
	a, err := netip.ParseAddr(text)
	if err != nil || a.Is4() != s.v4 {
		s.doubt("the address " + brief([]byte(value)) + " cannot be read")
		return
	}
	bits := a.BitLen()
	if masked {
		n, err := strconv.Atoi(mask)
		if err != nil {
			m, err := netip.ParseAddr(mask)
			if err != nil || m.Is4() != s.v4 {
				s.doubt("the mask " + brief([]byte(value)) + " cannot be read")
				return
			}
			wide := fromAddr(m)
			sel.mask = &wide
			v := fromAddr(a).And(wide)
			s.put(sel, not, values{nums: rules.Spans{rules.Just(v)}})
			return
		}
		bits = n
	}
	if bits < 0 || bits > a.BitLen() {
		s.doubt("the mask " + brief([]byte(value)) + " cannot be read")
		return
	}
	s.put(sel, not, values{nums: rules.Spans{fromPrefix(netip.PrefixFrom(a, bits))}})
}

// end is the packet's source or destination.
func (s *saved) end(source bool) selector {
	field := map[bool]string{true: "saddr", false: "daddr"}[source]
	family := map[bool]string{true: "ip", false: "ip6"}[s.v4]
	return selector{object: "payload", name: family + "." + field, text: family + " " + field}
}

// device reads a name, or the beginning of names with a final +.
func (s *saved) device(in bool, name string, not bool) {
	sel := selector{object: "meta", name: map[bool]string{true: "iifname", false: "oifname"}[in]}
	sel.text = "meta " + sel.name
	if s.legacy {
		sel.object = "xt"
	}
	if prefix, ok := strings.CutSuffix(name, "+"); ok {
		name = prefix + "*"
	} else if strings.HasSuffix(name, "*") {
		name = name[:len(name)-1] + `\*`
	}
	s.put(sel, not, values{names: []string{name}, odd: true})
}

func (s *saved) put(sel selector, not bool, right values) {
	op := "=="
	if not {
		op = "!="
	}
	s.steps = append(s.steps, step{kind: matches, match: &match{op: op, left: []selector{sel}, right: right}})
}

// compare adds a comparison with the numbers from first to last.
func (s *saved) compare(object, name string, not bool, first, last uint64) {
	s.put(selector{object: object, name: name, text: strings.ReplaceAll(object+" "+name, ".", " ")}, not, values{nums: rules.Spans{{First: small(first), Last: small(last)}}})
}

// either adds alternatives.
func (s *saved) either(not bool, any [][]match) {
	s.steps = append(s.steps, step{kind: matches, match: &match{any: any, not: not}})
}

// constant adds a comparison that is true or false of every packet.
func (s *saved) constant(yes bool) {
	if !yes {
		s.steps = append(s.steps, step{kind: gone})
	}
}

func (s *saved) doubt(why string) {
	s.steps = append(s.steps, step{kind: doubts, why: why})
}
