package linux

import "strings"

// target reads -j and -g.
func (s *saved) target(c *clause) {
	if s.chains[c.name] {
		name := "jump"
		if c.goes {
			name = "goto"
		}
		s.ends(verdict{name, c.name})
		return
	}
	switch c.name {
	case "ACCEPT":
		s.ends(verdict{name: "accept"})
	case "DROP", "REJECT":
		s.ends(verdict{name: "drop"})
	case "RETURN":
		s.ends(verdict{name: "return"})
	case "LOG", "NFLOG", "ULOG", "TRACE", "AUDIT", "TCPMSS", "TCPOPTSTRIP", "CLASSIFY", "DSCP", "TOS", "TTL", "HL", "ECN",
		"CHECKSUM", "SECMARK", "CONNSECMARK", "RATEEST", "IDLETIMER", "LED", "SET", "TEE":
		// No part in the decision.
	case "SNAT", "MASQUERADE":
		s.steps = append(s.steps, step{kind: renames})
	case "DNAT", "REDIRECT":
		s.rewrite(c.name + " sends the flow to another destination")
	case "QUEUE", "NFQUEUE", "TPROXY", "SYNPROXY":
		s.rewrite(c.name + " hands the flow to somebody else")
	case "MARK", "CONNMARK":
		for i := range c.options {
			if r := remarkOf(c, &c.options[i]); r != nil {
				s.steps = append(s.steps, step{kind: marks, mark: r})
			}
		}
	case "HMARK":
		s.steps = append(s.steps, step{kind: marks, mark: &remark{from: fromUnknown, take: 1<<32 - 1}})
	case "NOTRACK":
		s.steps = append(s.steps, step{kind: untracks})
	case "CT":
		for _, o := range c.options {
			switch {
			case o.Name == "--notrack":
				s.steps = append(s.steps, step{kind: untracks})
			case strings.HasPrefix(o.Name, "--zone"):
				s.steps = append(s.steps, step{kind: zones})
			}
		}
	default:
		s.rewrite("iptables' target " + brief([]byte(c.name)) + " is not known")
	}
}

func (s *saved) ends(v verdict) { s.steps = append(s.steps, step{kind: decides, verdict: v}) }

func (s *saved) rewrite(why string) { s.steps = append(s.steps, step{kind: rewrites, why: why}) }

// remarkOf reads what MARK and CONNMARK do; nil for options that only narrow another.
func remarkOf(c *clause, o *SaveOption) *remark {
	conn := c.name == "CONNMARK"
	unknown := &remark{conn: conn && o.Name != "--restore-mark", from: fromUnknown, take: 1<<32 - 1}
	mask := func(name string) (uint32, bool) {
		m, ok := c.option(name)
		if !ok || len(m.Values) != 1 {
			return 1<<32 - 1, !ok
		}
		v, _, ok := maskedNumber(m.Values[0])
		return v, ok
	}
	value, bits, ok := uint32(0), uint32(0), true
	if len(o.Values) == 1 {
		value, bits, ok = maskedNumber(o.Values[0])
	}
	switch o.Name {
	case "--set-xmark":
		return orUnknown(&remark{conn: conn, keep: ^bits, flip: value}, unknown, ok)
	case "--set-mark": // an older spelling: the bits of the value are cleared too
		return orUnknown(&remark{conn: conn, keep: ^(bits | value), flip: value}, unknown, ok)
	case "--and-mark":
		return orUnknown(&remark{conn: conn, keep: value}, unknown, ok)
	case "--or-mark":
		return orUnknown(&remark{conn: conn, keep: ^value, flip: value}, unknown, ok)
	case "--xor-mark":
		return orUnknown(&remark{conn: conn, keep: 1<<32 - 1, flip: value}, unknown, ok)
	case "--save-mark", "--restore-mark":
		nf, ok1 := mask("--nfmask")
		ct, ok2 := mask("--ctmask")
		both, ok3 := mask("--mask")
		if _, set := c.option("--mask"); set {
			nf, ct = both, both
		}
		r := &remark{conn: true, from: fromPacket, keep: ^ct, take: nf}
		if o.Name == "--restore-mark" {
			r = &remark{from: fromConn, keep: ^nf, take: ct}
		}
		return orUnknown(r, unknown, ok1 && ok2 && ok3)
	case "--nfmask", "--ctmask", "--mask":
		return nil
	}
	return unknown
}

func orUnknown(r, unknown *remark, ok bool) *remark {
	if ok {
		return r
	}
	return unknown
}
