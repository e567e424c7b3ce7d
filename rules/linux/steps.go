package linux

import (
	"encoding/json"
	"fmt"
	"strings"

	"farmwall/rules"
)

// readSteps reads the statements of a rule. What is not known stops nothing and
// decides nothing, but leaves a doubt.
func readSteps(expr []json.RawMessage) []step {
	var steps []step
	for _, e := range expr {
		name, inner := statement(e)
		if chosen, _ := statement(inner); chosen == "map" {
			// An object chosen by a map: for what is not in the map the rule ends.
			steps = append(steps, step{kind: doubts, why: name + " from a map is for some packets only"})
			continue
		}
		switch name {
		case "counter", "log", "last", "dup", "flow", "ct helper", "ct timeout", "ct expectation", "secmark", "reset":
			// No part in the decision.
		case "match":
			steps = append(steps, readMatch(inner))
		case "accept", "drop", "return", "jump", "goto":
			steps = append(steps, step{kind: decides, verdict: readVerdict(e)})
		case "reject":
			steps = append(steps, readReject(inner)...)
		case "continue":
			steps = append(steps, step{kind: gone})
		case "snat", "masquerade", "dnat", "redirect":
			steps = append(steps, readNat(name, inner)...)
		case "vmap":
			steps = append(steps, readVmap(inner))
		case "mangle":
			steps = append(steps, readMangle(inner)...)
		case "notrack":
			steps = append(steps, step{kind: untracks})
		case "set":
			steps = append(steps, readFill(inner)...)
		case "xt":
			steps = append(steps, readXt(inner)...)
		case "limit", "quota", "ct count", "meter":
			steps = append(steps, step{kind: doubts, why: name + " is true of some packets only"})
		case "queue", "tproxy", "synproxy", "fwd":
			steps = append(steps, step{kind: rewrites, why: name + " hands the flow to somebody else"})
		default:
			why := "the statement " + brief([]byte(name)) + " is not known"
			steps = append(steps, step{kind: doubts, why: why}, step{kind: rewrites, why: why})
		}
	}
	return steps
}

// readReject reads a reject. Its kind of answer says what it is for: nft leaves out the
// match on the family or the protocol that stands before it in the kernel.
func readReject(raw json.RawMessage) []step {
	var m struct{ Type string }
	_ = json.Unmarshal(raw, &m) // null where the kind is the usual one
	drop := step{kind: decides, verdict: verdict{name: "drop"}}
	switch m.Type {
	case "icmp":
		return []step{only("payload", "ip.version", 4), drop}
	case "icmpv6":
		return []step{only("payload", "ip6.version", 6), drop}
	case "tcp reset":
		return []step{only("meta", "l4proto", 6), drop}
	}
	return []step{drop}
}

// only is a match that nft does not print.
func only(object, name string, n uint64) step {
	sel := selector{object: object, name: name, text: name}
	right := values{nums: rules.Spans{rules.Just(small(n))}}
	return step{kind: matches, match: &match{op: "==", left: []selector{sel}, right: right}}
}

// readNat reads snat, masquerade, dnat, redirect: what changes the source is no
// matter here, what changes the destination makes another flow of it.
func readNat(name string, raw json.RawMessage) []step {
	end := step{kind: renames}
	if name == "dnat" || name == "redirect" {
		end = step{kind: rewrites, why: name + " sends the flow to another destination"}
	}
	var m struct{ Family string }
	_ = json.Unmarshal(raw, &m) // null for masquerade alone
	switch m.Family {
	case "ip":
		return []step{only("payload", "ip.version", 4), end}
	case "ip6":
		return []step{only("payload", "ip6.version", 6), end}
	}
	return []step{end}
}

func readMatch(raw json.RawMessage) step {
	var m struct {
		Op          string
		Left, Right json.RawMessage
	}
	if json.Unmarshal(raw, &m) != nil {
		return step{kind: doubts, why: "a match cannot be read"}
	}
	return step{kind: matches, match: &match{op: m.Op, left: readSelectors(m.Left), right: parseValue(m.Right)}}
}

func readVmap(raw json.RawMessage) step {
	var m struct{ Key, Data json.RawMessage }
	if json.Unmarshal(raw, &m) != nil {
		return step{kind: rewrites, why: "a verdict map cannot be read"}
	}
	s := step{kind: branches, key: readSelectors(m.Key)}
	name, inner := statement(m.Data)
	if set, ok := strings.CutPrefix(name, "@"); ok {
		s.set = set
		return s
	}
	var items []json.RawMessage
	if name != "set" || json.Unmarshal(inner, &items) != nil {
		return step{kind: rewrites, why: "a verdict map cannot be read"}
	}
	s.cases = readBranches(items)
	return s
}

// readMangle reads what a rule writes into a packet or its connection.
func readMangle(raw json.RawMessage) []step {
	var m struct{ Key, Value json.RawMessage }
	if json.Unmarshal(raw, &m) != nil {
		return []step{{kind: rewrites, why: "a statement that sets something cannot be read"}}
	}
	key := readSelectors(m.Key)[0]
	switch {
	case key.object == "meta" && key.name == "mark":
		return []step{{kind: marks, mark: readRemark(false, m.Value)}}
	case key.object == "ct" && key.name == "mark":
		return []step{{kind: marks, mark: readRemark(true, m.Value)}}
	case key.object == "ct" && strings.HasSuffix(key.name, "zone"):
		return []step{{kind: zones}}
	case key.object == "meta" && key.name != "pkttype", key.object == "ct":
		return nil
	case key.object == "payload":
		switch _, field, _ := strings.Cut(key.name, "."); field {
		case "dscp", "ecn", "ttl", "hoplimit", "priority", "flowlabel", "pcp", "cfi", "checksum", "window":
			return nil
		}
	case key.object == "tcp option":
		return nil
	}
	return []step{{kind: rewrites, why: "it sets " + key.text}}
}

// single is the one number that the value is.
func (v *values) single() (rules.Number, bool) {
	if v.odd || v.bits || v.ref != "" || len(v.tuples) > 0 || len(v.nums) != 1 || v.nums[0].First != v.nums[0].Last {
		return rules.Number{}, false
	}
	return v.nums[0].First, true
}

// readFill reads add @set { ... } and update @set { ... }.
func readFill(raw json.RawMessage) []step {
	var m struct {
		Op, Set string
		Stmt    []json.RawMessage
	}
	if json.Unmarshal(raw, &m) != nil {
		return []step{{kind: doubts, why: "a statement that fills a set cannot be read"}}
	}
	steps := []step{{kind: fills, set: strings.TrimPrefix(m.Set, "@")}}
	for _, s := range m.Stmt {
		if name, _ := statement(s); name != "counter" && name != "last" {
			steps = append(steps, step{kind: doubts, why: brief([]byte(name)) + " in a set is true of some packets only"})
		}
	}
	return steps
}

// readXt reads what iptables put there; nft's JSON has the names only.
func readXt(raw json.RawMessage) []step {
	var m struct{ Type, Name string }
	if json.Unmarshal(raw, &m) != nil {
		return []step{{kind: rewrites, why: "an expression of iptables cannot be read"}}
	}
	why := fmt.Sprintf("nft does not show what is in iptables' %s %s", m.Type, brief([]byte(m.Name)))
	switch {
	case m.Name == "comment", m.Name == "LOG", m.Name == "NFLOG":
		return nil
	case m.Type == "target" && m.Name == "REJECT":
		return []step{{kind: decides, verdict: verdict{name: "drop"}}}
	case m.Type == "match":
		return []step{{kind: doubts, why: why}}
	}
	return []step{{kind: rewrites, why: why}}
}

// readSelectors reads the left side of a match or the key of a map: one property, or
// those of a concatenation.
func readSelectors(raw json.RawMessage) []selector {
	name, inner := statement(raw)
	if name == "concat" {
		var items []json.RawMessage
		if json.Unmarshal(inner, &items) == nil && len(items) > 0 {
			var out []selector
			for _, it := range items {
				out = append(out, readSelector(it))
			}
			return out
		}
	}
	return []selector{readSelector(raw)}
}

func readSelector(raw json.RawMessage) selector {
	name, inner := statement(raw)
	text := brief(raw)
	switch name {
	case "meta", "ct":
		var k struct {
			Key string
			Dir string
		}
		if json.Unmarshal(inner, &k) == nil {
			key := strings.TrimSpace(k.Dir + " " + k.Key)
			return selector{object: name, name: key, text: name + " " + key}
		}
	case "payload":
		var k struct {
			Protocol, Field, Base string
			Offset, Len           int
		}
		if json.Unmarshal(inner, &k) == nil && k.Protocol != "" {
			return selector{object: name, name: k.Protocol + "." + k.Field, text: k.Protocol + " " + k.Field}
		} else if k.Base != "" {
			raw := fmt.Sprintf("@%s,%d,%d", k.Base, k.Offset, k.Len)
			return selector{object: name, name: raw, text: raw}
		}
	case "fib":
		var k struct {
			Result string
			Flags  json.RawMessage
		}
		if json.Unmarshal(inner, &k) == nil {
			f := words(k.Flags)
			return selector{object: name, name: strings.Join(f, ".") + " " + k.Result, text: "fib " + strings.Join(f, ".") + " " + k.Result}
		}
	case "exthdr", "ip option", "tcp option":
		var k struct{ Name, Field string }
		if json.Unmarshal(inner, &k) == nil && k.Name != "" {
			return selector{object: name, name: k.Field, text: strings.TrimSpace(name + " " + k.Name + " " + k.Field)}
		}
	case "&":
		var sides []json.RawMessage
		if json.Unmarshal(inner, &sides) == nil && len(sides) == 2 {
			s, v := readSelector(sides[0]), parseValue(sides[1])
			if m, ok := v.mask(); ok && s.mask == nil {
				s.mask = &m
				return s
			}
		}
	}
	return selector{text: text}
}
