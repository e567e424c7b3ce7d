package linux

import (
	"bytes"
	"encoding/json"
	"strings"
)

// filtersTable says whether a table of iptables' nft back end, of which there is no
// save, filters what comes to or from this host.
func (r *Reading) filtersTable(t *Table) bool {
	docker := t.hasChains("DOCKER")
	for _, c := range t.Chains {
		if c.Hook != "prerouting" && c.Hook != "input" && c.Hook != "output" || c.Type == "nat" {
			continue
		}
		if c.Policy == "drop" {
			return true
		}
		for _, rule := range c.Rules {
			if strings.HasPrefix(rule.target(), "DOCKER") || docker && t.Name == "raw" {
				continue
			}
			return true
		}
	}
	return false
}

// iptablesHooks are the base chains that iptables makes, by table.
var iptablesHooks = map[string]string{
	"PREROUTING": "prerouting", "INPUT": "input", "FORWARD": "forward", "OUTPUT": "output", "POSTROUTING": "postrouting",
}

// iptablesTable says whether iptables' nft back end takes the table for its own: its
// names, and either a program that would, or expressions that only it makes.
func (r *Reading) iptablesTable(t *Table) bool {
	if t.Family != "ip" && t.Family != "ip6" {
		return false
	}
	switch t.Name {
	case "filter", "nat", "mangle", "raw", "security":
	default:
		return false
	}
	base := false
	for _, c := range t.Chains {
		if c.Hook == "" {
			continue
		}
		if iptablesHooks[c.Name] != c.Hook {
			return false
		}
		base = true
	}
	return base && (r.Iptables != "" || t.hasXt())
}

// hasXt says whether a rule of the table holds an expression of iptables.
func (t *Table) hasXt() bool {
	for _, c := range t.Chains {
		for _, rule := range c.Rules {
			for _, e := range rule.Expr {
				if name, _ := statement(e); name == "xt" {
					return true
				}
			}
		}
	}
	return false
}

// statement splits a statement of a rule into its name and what it holds.
func statement(raw json.RawMessage) (name string, inner json.RawMessage) {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || len(m) != 1 {
		var s string
		if json.Unmarshal(raw, &s) == nil { // newer nft writes some as bare words
			return s, nil
		}
		return "", raw
	}
	for name, inner = range m {
	}
	return name, inner
}

// blocksOutbound says whether some foreign base chain at the output hook closes what
// no rule of it opens.
func (r *Reading) blocksOutbound() bool {
	if r.Ruleset == nil {
		return false
	}
	for _, t := range r.Ruleset.Tables {
		if t.Dormant || t.Own() || t.Family == "bridge" || t.Family == "arp" || t.Family == "netdev" {
			continue
		}
		for _, c := range t.Chains {
			if c.Hook == "output" && t.ending(c, 0) == "drop" {
				return true
			}
		}
	}
	return false
}

// ending is what becomes of a packet that no condition of the chain is true of:
// "accept", "drop", or empty where a chain without policy gives it back.
func (t *Table) ending(c *Chain, depth int) string {
	for _, rule := range c.Rules {
		if depth > 16 || rule.conditional() {
			continue
		}
		for _, e := range rule.Expr {
			name, inner := statement(e)
			switch name {
			case "accept":
				return name
			case "drop", "reject":
				return "drop"
			case "xt":
				if bytes.Contains(inner, []byte(`"REJECT"`)) {
					return "drop"
				}
			case "return":
				return c.Policy
			case "jump", "goto":
				to := t.Chain(rule.target())
				if to == nil {
					return c.Policy
				}
				if end := t.ending(to, depth+1); end != "" {
					return end
				}
				if name == "goto" {
					return c.Policy
				}
			}
		}
	}
	return c.Policy
}

// conditional says whether the rule holds anything that may not be true of a packet.
func (r *NftRule) conditional() bool {
	for _, e := range r.Expr {
		switch name, inner := statement(e); name {
		case "accept", "drop", "reject", "return", "jump", "goto", "continue", "counter", "log":
		case "xt":
			if !bytes.Contains(inner, []byte(`"target"`)) && !bytes.Contains(inner, []byte(`"comment"`)) {
				return true
			}
		default:
			return true
		}
	}
	return false
}
