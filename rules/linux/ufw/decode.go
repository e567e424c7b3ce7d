package ufw

import (
	"fmt"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"farmwall/rules"
)

// decode joins tuples to rules: one rule of ours is a tuple for each family, source and
// list of ports. Tuples of one mark that are not all combinations of these make several
// rules, and what ufw cannot have written for us is Opaque.
func (f *files) decode(list []tuple) []rules.Rule {
	type part struct {
		rule    rules.Rule
		remotes []netip.Prefix
		ports   map[netip.Prefix][]rules.PortRange
		counts  map[string]int
	}
	var out []rules.Rule
	parts := map[string]*part{}
	var order []string
	for i := range list {
		t := &list[i]
		rule, remote, err := t.decode()
		if err != nil {
			rule.Opaque = t.text()
			if len(t.body) != 1 || t.body[0] != t.line() {
				rule.Opaque += ": " + strings.Join(t.body, "; ")
			}
			out = append(out, rule)
			continue
		}
		// The same tuple once more is a twin.
		key := fmt.Sprint(t.comment, rule.Direction, rule.Protocol, rule.Loopback, rule.Block)
		n := 0
		for p := parts[key]; p != nil && p.counts[t.text()] > 0; p = parts[key+strconv.Itoa(n)] {
			n++
		}
		if n > 0 {
			key += strconv.Itoa(n)
		}
		p := parts[key]
		if p == nil {
			p = &part{rule: rule, ports: map[netip.Prefix][]rules.PortRange{}, counts: map[string]int{}}
			parts[key] = p
			order = append(order, key)
		}
		p.counts[t.text()]++
		if _, seen := p.ports[remote]; !seen {
			p.remotes = append(p.remotes, remote)
		}
		p.ports[remote] = rules.MergePorts(append(p.ports[remote], rule.Ports...))
	}
	for _, key := range order {
		p := parts[key]
		byPorts := map[string][]netip.Prefix{}
		var lists []string
		for _, remote := range p.remotes {
			words := fmt.Sprint(p.ports[remote])
			if byPorts[words] == nil {
				lists = append(lists, words)
			}
			byPorts[words] = append(byPorts[words], remote)
		}
		sort.Strings(lists)
		for _, words := range lists {
			rule := p.rule
			rule.Ports = p.ports[byPorts[words][0]]
			rule.Remotes = f.addresses(&rule, byPorts[words])
			out = append(out, rule)
		}
	}
	return out
}

// addresses is nil, anywhere, where the list holds all of every family that ufw rules
// and the protocol has.
func (f *files) addresses(r *rules.Rule, list []netip.Prefix) *rules.Addresses {
	whole := map[bool]bool{}
	for _, p := range list {
		if p.Bits() == 0 {
			whole[p.Addr().Is6()] = true
		}
	}
	if whole[false] && (whole[true] || !f.six || onlyIPv4[r.Protocol]) {
		return nil
	}
	return rules.NewAddresses(list)
}

// decode reads one tuple; what it cannot have been written for is an error.
func (t *tuple) decode() (r rules.Rule, remote netip.Prefix, err error) {
	r.Direction = rules.In
	r.Farm, r.ID, r.Hash, _ = rules.ParseMark(t.comment)
	direction, device, named := strings.Cut(t.iface, "_")
	if direction == "out" {
		r.Direction = rules.Out
	}
	r.Loopback = named
	mine, other := t.src, t.dst
	if r.Direction == rules.Out {
		mine, other = t.dst, t.src
	}
	switch {
	case direction != "in" && direction != "out", named && device != "lo", t.sport != "any", other != anywhere(t.v6):
		return r, remote, fmt.Errorf("not a rule of ours")
	case len(t.body) != 1 || t.body[0] != t.line():
		return r, remote, fmt.Errorf("what ufw would load is not what the rule says")
	}
	switch t.action {
	case "allow":
	case "deny":
		r.Block = true
	default:
		return r, remote, fmt.Errorf("action %q", t.action)
	}
	for number, name := range protocols {
		if name == t.protocol {
			r.Protocol = number
		}
	}
	if r.Protocol == 0 {
		return r, remote, fmt.Errorf("protocol %q", t.protocol)
	}
	if r.Ports, err = parsePorts(t.dport); err != nil {
		return r, remote, err
	}
	remote, err = parseAddress(mine, t.v6)
	return r, remote, err
}

func parsePorts(s string) ([]rules.PortRange, error) {
	if s == "any" {
		return nil, nil
	}
	var out []rules.PortRange
	for _, word := range strings.Split(s, ",") {
		first, last, isRange := strings.Cut(word, ":")
		if !isRange {
			last = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err1 != nil || err2 != nil || a == 0 || a > b {
			return nil, fmt.Errorf("ports %q", s)
		}
		out = append(out, rules.PortRange{First: uint16(a), Last: uint16(b)})
	}
	return rules.MergePorts(out), nil
}

func parseAddress(s string, v6 bool) (netip.Prefix, error) {
	var p netip.Prefix
	a, err := netip.ParseAddr(s)
	if err == nil {
		p = netip.PrefixFrom(a, a.BitLen())
	} else if p, err = netip.ParsePrefix(s); err != nil {
		return p, err
	}
	if p.Addr().Is6() != v6 || p.Addr().Zone() != "" || p != p.Masked() {
		return p, fmt.Errorf("address %q", s)
	}
	return p, nil
}
