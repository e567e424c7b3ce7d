package linux

import "encoding/json"

// savePriorities are where iptables' tables hang, both back ends alike (ip_tables.h and
// the tables' own modules; nft_known_tables of iptables-nft).
var savePriorities = map[string]int{"raw": -300, "mangle": -150, "filter": 0, "security": 50}

// addLegacy adds the legacy tables of a save to the program.
func (p *program) addLegacy(family string, s *SaveTables) {
	for _, t := range s.Tables {
		priority, known := savePriorities[t.Name]
		if !known && t.Name != "nat" {
			continue
		}
		rt := &ruleTable{Table: &Table{Family: family, Name: t.Name}, chains: map[string]*ruleChain{}, legacy: true}
		p.tables = append(p.tables, rt)
		p.legacy[family+" "+t.Name] = true
		names := map[string]bool{}
		for _, c := range t.Chains {
			names[c.Name] = true
		}
		for _, c := range t.Chains {
			rc := newChain(rt, &Chain{Name: c.Name})
			for i, r := range c.Rules {
				n := &NftRule{Comment: r.Comment(), Text: r.Text}
				rc.rules = append(rc.rules, newRule(n, rc, i, saveSteps(r, family == "ip", true, names)))
			}
			hook, base := iptablesHooks[c.Name]
			if !base || c.Policy == "-" {
				continue
			}
			rc.Hook, rc.Type, rc.Priority, rc.Policy = hook, "filter", priority, "accept"
			if c.Policy == "DROP" {
				rc.Policy = "drop"
			}
			if t.Name == "nat" {
				rc.Type, rc.Priority = "nat", -100
				if hook == "input" || hook == "postrouting" {
					rc.Priority = 100
				}
			}
			p.add(rc)
		}
	}
}

// savedRules are the rules of a chain of iptables' nft back end as its save has them,
// nil where the save does not show just the rules that nft lists.
func savedRules(t *SaveTable, c *Chain) []*SaveRule {
	saved := t.Chain(c.Name)
	if saved == nil || len(saved.Rules) != len(c.Rules) {
		return nil
	}
	for i, r := range c.Rules {
		if to := r.target(); to != "" && to != saved.Rules[i].Target() {
			return nil
		}
	}
	return saved.Rules
}

// onlySaved says whether a rule holds what nft cannot show, and nothing that iptables
// cannot: a set of nft's stands in no save.
func (r *NftRule) onlySaved() bool {
	xt := false
	for _, e := range r.Expr {
		name, inner := statement(e)
		switch name {
		case "xt":
			xt = true
		case "vmap", "set":
			return false
		case "match":
			var m struct{ Right json.RawMessage }
			if json.Unmarshal(inner, &m) != nil {
				return false
			}
			if kind, _ := statement(m.Right); kind == "set" || len(kind) > 0 && kind[0] == '@' {
				return false
			}
		}
	}
	return xt
}
