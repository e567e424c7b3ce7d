package iptables

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// decode reads one rule of a chain of ours by its meaning. ok is false where it is
// nothing that farmwall writes: it is opaque then.
func decode(t *linux.SaveTable, d rules.Direction, n *linux.SaveRule) (rules.Rule, bool) {
	w := matches{table: t, direction: d, seen: map[string]bool{}}
	for _, o := range n.Options {
		if w.seen[o.Name] && o.Name != "-m" || w.target != "" || w.option(o) != nil {
			return rules.Rule{}, false
		}
		w.seen[o.Name] = true
	}
	return w.rule()
}

// matches gathers what the options of one rule say.
type matches struct {
	table     *linux.SaveTable
	direction rules.Direction
	seen      map[string]bool

	protocol rules.Protocol
	ports    []rules.PortRange
	remotes  *rules.Addresses
	loopback bool
	target   string

	// What only a rule that blocks has.
	others bool // not over lo
	states bool // beginnings
}

func (w *matches) option(o linux.SaveOption) error {
	odd := fmt.Errorf("option %s", o.Name)
	if len(o.Values) != 1 {
		return odd
	}
	value := o.Values[0]
	if o.Not && (o.Name != "-i" || value != "lo" || w.direction != rules.In) {
		return odd
	}
	var err error
	switch o.Name {
	case "-s", "-d":
		var p netip.Prefix
		if p, err = prefixOf(o, w.direction); err == nil {
			w.remotes = rules.NewAddresses([]netip.Prefix{p})
		}
	case "-i", "-o":
		if value != "lo" || (o.Name == "-i") != (w.direction == rules.In) {
			return odd
		}
		w.others, w.loopback = o.Not, !o.Not
	case "-p":
		n, ok := linux.ProtocolNumber(value)
		if !ok {
			return odd
		}
		w.protocol = rules.Protocol(n)
	case "--dport", "--dports":
		w.ports, err = portList(value)
	case "--ctstate":
		w.states = true
		states := strings.Split(value, ",")
		slices.Sort(states)
		if strings.Join(states, ",") != beginnings {
			return odd
		}
	case "-m":
		if !slices.Contains([]string{"tcp", "udp", "dccp", "sctp", "udplite", "multiport", "comment", "conntrack"}, value) {
			return odd
		}
	case "--comment":
	case "-j":
		w.target = value
	default:
		return odd
	}
	return err
}

// rule is what all options together say.
func (w *matches) rule() (rules.Rule, bool) {
	r := rules.Rule{Direction: w.direction, Protocol: w.protocol, Ports: rules.MergePorts(w.ports), Remotes: w.remotes, Loopback: w.loopback}
	if w.protocol == 0 || len(w.ports) > 0 && portWords[w.protocol] == "" {
		return r, false
	}
	switch w.target {
	case "ACCEPT":
		return r, !w.others && !w.states
	case "DROP":
		r.Block = true
		return r, w.direction == rules.In && w.remotes == nil && !w.loopback && w.others && w.states
	}
	if w.remotes != nil || w.others || w.states {
		return r, false
	}
	list, ok := listed(w.table, w.direction, w.target, 0)
	r.Remotes = list
	return r, ok && !list.Empty()
}
