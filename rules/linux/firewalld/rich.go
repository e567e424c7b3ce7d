package firewalld

import (
	"fmt"
	"net/netip"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"farmwall/rules"
)

// last is the priority of what closes: behind all that allows, and before what the zone
// does with the rest.
const last = "32767"

// portWords are the protocols of which a rich rule takes ports.
var portWords = map[rules.Protocol]string{6: "tcp", 17: "udp", 33: "dccp", 132: "sctp"}

// say is a rule as rich rules, in the words in which firewalld gives them back: each has
// one source, and one port, range or protocol.
func say(w *rules.Rule) []string {
	head, action := "rule", "accept"
	if w.Block {
		head, action = `rule priority="`+last+`"`, "drop"
	}
	sources := []string{""}
	if w.Remotes != nil {
		sources = nil
		for _, p := range w.Remotes.Prefixes() {
			sources = append(sources, source(p))
		}
	}
	elements := []string{fmt.Sprintf(`protocol value="%d"`, w.Protocol)}
	if len(w.Ports) > 0 {
		elements = nil
		for _, p := range w.Ports {
			elements = append(elements, fmt.Sprintf(`port port="%s" protocol="%s"`, p.Text("-"), portWords[w.Protocol]))
		}
	}
	var out []string
	for _, s := range sources {
		for _, e := range elements {
			out = append(out, head+s+" "+e+" "+action)
		}
	}
	return out
}

func source(p netip.Prefix) string {
	family := "ipv6"
	if p.Addr().Is4() {
		family = "ipv4"
	}
	switch {
	case p.Bits() == 0:
		return fmt.Sprintf(` family="%s"`, family)
	case p.IsSingleIP():
		return fmt.Sprintf(` family="%s" source address="%s"`, family, p.Addr())
	}
	return fmt.Sprintf(` family="%s" source address="%s"`, family, p)
}

var richForm = regexp.MustCompile(`^rule(?: priority="(-?\d+)")?(?: family="(ipv[46])")?(?: source address="([^"]+)")? ` +
	`(?:port port="(\d+)(?:-(\d+))?" protocol="(\w+)"|protocol value="(\w+)") (accept|drop)$`)

// piece is what one rich rule says of a rule of ours; an invalid remote is anywhere.
type piece struct {
	rule   rules.Rule
	remote netip.Prefix
}

// parse reads a rich rule of the form that say writes.
func parse(text string) (piece, error) {
	var p piece
	m := richForm.FindStringSubmatch(text)
	if m == nil {
		return p, fmt.Errorf("not a rule of ours")
	}
	p.rule.Direction = rules.In
	p.rule.Block = m[8] == "drop"
	if p.rule.Block != (m[1] == last) || !p.rule.Block && m[1] != "" {
		return p, fmt.Errorf("priority %q", m[1])
	}
	var err error
	switch {
	case m[3] != "":
		p.remote, err = prefix(m[3])
	case m[2] == "ipv4":
		p.remote = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	case m[2] == "ipv6":
		p.remote = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	if err != nil || m[3] != "" && p.remote.Addr().Is4() != (m[2] == "ipv4") {
		return p, fmt.Errorf("source %q", m[3])
	}
	if m[7] != "" {
		n, err := strconv.ParseUint(m[7], 10, 8)
		p.rule.Protocol = rules.Protocol(n)
		return p, err
	}
	for number, word := range portWords {
		if word == m[6] {
			p.rule.Protocol = number
		}
	}
	if m[5] == "" {
		m[5] = m[4]
	}
	first, err1 := strconv.ParseUint(m[4], 10, 16)
	end, err2 := strconv.ParseUint(m[5], 10, 16)
	if p.rule.Protocol == 0 || err1 != nil || err2 != nil || first > end {
		return p, fmt.Errorf("port %s-%s of %s", m[4], m[5], m[6])
	}
	p.rule.Ports = []rules.PortRange{{First: uint16(first), Last: uint16(end)}}
	return p, nil
}

func prefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p != p.Masked() {
		err = fmt.Errorf("address %q", s)
	}
	return p, err
}

// decode joins rich rules of one mark to rules: they are all combinations of its sources
// and ports, or several rules.
func decode(mark string, list []string) []rules.Rule {
	farm, id, hash, _ := rules.ParseMark(mark)
	var out []rules.Rule
	ports := map[string]map[netip.Prefix][]rules.PortRange{} // by what else the rule says
	heads := map[string]rules.Rule{}
	for _, text := range list {
		p, err := parse(text)
		p.rule.Farm, p.rule.ID, p.rule.Hash = farm, id, hash
		if err != nil {
			out = append(out, rules.Rule{Farm: farm, ID: id, Hash: hash, Direction: rules.In, Opaque: text})
			continue
		}
		key := fmt.Sprint(p.rule.Protocol, p.rule.Block)
		if ports[key] == nil {
			ports[key] = map[netip.Prefix][]rules.PortRange{}
			heads[key] = p.rule
		}
		ports[key][p.remote] = rules.MergePorts(append(ports[key][p.remote], p.rule.Ports...))
	}
	for _, key := range sorted(ports) {
		byPorts := map[string][]netip.Prefix{}
		for remote, list := range ports[key] {
			byPorts[fmt.Sprint(list)] = append(byPorts[fmt.Sprint(list)], remote)
		}
		for _, words := range sorted(byPorts) {
			r := heads[key]
			r.Ports = ports[key][byPorts[words][0]]
			r.Remotes = together(byPorts[words])
			out = append(out, r)
		}
	}
	return out
}

// together is nil, anywhere, where one of the sources is.
func together(list []netip.Prefix) *rules.Addresses {
	for _, p := range list {
		if !p.IsValid() {
			return nil
		}
	}
	return rules.NewAddresses(list)
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// marksOf splits the marks that share a rich rule.
func marksOf(s string) []string { return strings.Split(s, ",") }
