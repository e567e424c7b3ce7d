package nftables

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// decode reads one rule of a chain of ours by its meaning. ok is false where it is
// nothing that farmwall writes: it is opaque then.
func decode(t *linux.Table, d rules.Direction, n *linux.NftRule) (rules.Rule, bool) {
	w := matches{table: t, direction: d}
	verdict := false
	drops := false
	for _, raw := range n.Expr {
		var e map[string]json.RawMessage
		if verdict || json.Unmarshal(raw, &e) != nil || len(e) != 1 {
			return rules.Rule{}, false
		}
		switch {
		case e["accept"] != nil:
			verdict = true
		case e["drop"] != nil:
			verdict, drops = true, true
		case e["counter"] != nil:
		case e["match"] != nil:
			if w.match(e["match"]) != nil {
				return rules.Rule{}, false
			}
		default:
			return rules.Rule{}, false
		}
	}
	if !verdict {
		return rules.Rule{}, false
	}
	if drops {
		return w.block()
	}
	return w.rule()
}

// matches gathers what the matches of one rule say.
type matches struct {
	table     *linux.Table
	direction rules.Direction

	protocol uint64 // 0: none said
	ports    []rules.PortRange
	family   int // 4 or 6 where the rule is limited to one
	remotes  *rules.Addresses
	loopback bool

	// What only a rule that blocks has.
	others bool // not over lo
	states bool // beginnings
}

type match struct {
	Op    string          `json:"op"`
	Left  json.RawMessage `json:"left"`
	Right json.RawMessage `json:"right"`
}

type left struct {
	Meta *struct {
		Key string `json:"key"`
	} `json:"meta"`
	Payload *struct {
		Protocol string `json:"protocol"`
		Field    string `json:"field"`
	} `json:"payload"`
	CT *struct {
		Key string `json:"key"`
	} `json:"ct"`
}

func (w *matches) match(raw json.RawMessage) error {
	var m match
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	var l left
	if err := json.Unmarshal(m.Left, &l); err != nil {
		return err
	}
	switch {
	case l.CT != nil:
		return w.state(l.CT.Key, m.Op, m.Right)
	case l.Meta != nil && m.Op == "!=":
		return w.notLoopback(l.Meta.Key, m.Right)
	case m.Op != "==":
		return fmt.Errorf("op %q", m.Op)
	case l.Meta != nil:
		return w.meta(l.Meta.Key, m.Right)
	case l.Payload != nil:
		return w.payload(l.Payload.Protocol, l.Payload.Field, m.Right)
	}
	return fmt.Errorf("unknown match")
}

func (w *matches) meta(key string, right json.RawMessage) error {
	switch key {
	case "l4proto":
		var n uint64
		if err := json.Unmarshal(right, &n); err != nil || n > 255 {
			return fmt.Errorf("protocol %s", right)
		}
		return w.setProtocol(n)
	case "nfproto":
		var n int
		if json.Unmarshal(right, &n) == nil && (n == 2 || n == 10) {
			return w.setFamily(map[int]int{2: 4, 10: 6}[n])
		}
		var s string
		if json.Unmarshal(right, &s) == nil && (s == "ipv4" || s == "ipv6") {
			return w.setFamily(map[string]int{"ipv4": 4, "ipv6": 6}[s])
		}
		return fmt.Errorf("family %s", right)
	case "iif", "iifname", "oif", "oifname":
		var s string
		if json.Unmarshal(right, &s) != nil || s != "lo" || (key[0] == 'i') != (w.direction == rules.In) {
			return fmt.Errorf("interface %s", right)
		}
		w.loopback = true
		return nil
	}
	return fmt.Errorf("meta %s", key)
}

func (w *matches) setProtocol(n uint64) error {
	if w.protocol != 0 && w.protocol != n || n == 0 {
		return fmt.Errorf("two protocols")
	}
	w.protocol = n
	return nil
}

func (w *matches) setFamily(f int) error {
	if w.family != 0 && w.family != f {
		return fmt.Errorf("two families")
	}
	w.family = f
	return nil
}

func (w *matches) payload(protocol, field string, right json.RawMessage) error {
	switch {
	case protocol == "ip" || protocol == "ip6":
		if field != "saddr" && field != "daddr" || (field == "saddr") != (w.direction == rules.In) || w.remotes != nil {
			return fmt.Errorf("%s %s", protocol, field)
		}
		family := 4
		if protocol == "ip6" {
			family = 6
		}
		ps, err := addresses(w.table, right)
		if err != nil {
			return err
		}
		for _, p := range ps {
			if p.Addr().Is4() != (family == 4) {
				return fmt.Errorf("address of the other family")
			}
		}
		w.remotes = rules.NewAddresses(ps)
		return w.setFamily(family)
	case field == "dport":
		for n, word := range portWords {
			if word != protocol {
				continue
			}
			list, err := portList(right)
			if err != nil || w.ports != nil {
				return fmt.Errorf("ports %s", right)
			}
			w.ports = list
			return w.setProtocol(uint64(n))
		}
	}
	return fmt.Errorf("%s %s", protocol, field)
}

// rule is what all matches together say.
func (w *matches) rule() (rules.Rule, bool) {
	r := rules.Rule{
		Direction: w.direction, Protocol: rules.Protocol(w.protocol),
		Ports: rules.MergePorts(w.ports), Remotes: w.remotes, Loopback: w.loopback,
	}
	if w.protocol == 0 || w.remotes.Empty() || w.others || w.states {
		return r, false
	}
	if w.remotes == nil && w.family != 0 && w.table.Family != "ip" && w.table.Family != "ip6" {
		all := netip.MustParsePrefix("0.0.0.0/0")
		if w.family == 6 {
			all = netip.MustParsePrefix("::/0")
		}
		r.Remotes = rules.NewAddresses([]netip.Prefix{all})
	}
	return r, true
}
