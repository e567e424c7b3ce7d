package linux

import (
	"encoding/json"
	"fmt"
	"strings"

	"farmwall/rules"
)

// findings are what a person should know of the host before rules are written.
func (r *Reading) findings() []rules.Finding {
	var out []rules.Finding
	add := func(kind, format string, args ...any) {
		out = append(out, rules.Finding{Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	for _, f := range r.Folders {
		add("folder", "%s; what is in it was not read", f)
	}
	for _, u := range r.Unreadable {
		add("unreadable", "%s", u)
	}
	if r.Init == "" {
		add("persistence", "nothing that farmwall knows starts services here: rules would not survive a reboot")
	}
	if len(r.Legacy) > 0 {
		add("legacy-tables", "legacy iptables tables exist beside nft's (%s)", strings.Join(r.Legacy, ", "))
	}
	if r.UfwEnabled && r.Ruleset != nil && !r.hasUfw() {
		add("ufw", "ufw is enabled in /etc/ufw/ufw.conf and its chains are not loaded; they will be after a reboot")
	}
	if r.Ruleset == nil {
		return out
	}
	for _, t := range r.Ruleset.Tables {
		if t.Dormant {
			add("dormant", "%s is dormant: whatever it holds, it decides nothing", t.Place())
		}
		if r.iptablesTable(t) {
			for _, place := range nativeRules(t) {
				add("nft-in-iptables", "%s: iptables shows this rule without its set, and installs it so when it restores", place)
			}
		}
	}
	return out
}

// nativeRules are the rules with sets in a table of iptables, which iptables never
// makes itself: it reads them back as if the set were not there.
func nativeRules(t *Table) []string {
	var out []string
	for _, c := range t.Chains {
		for i, rule := range c.Rules {
			for _, e := range rule.Expr {
				name, inner := statement(e)
				var match struct{ Right json.RawMessage }
				if name != "match" || json.Unmarshal(inner, &match) != nil {
					continue
				}
				if kind, _ := statement(match.Right); kind == "set" || strings.HasPrefix(kind, "@") {
					out = append(out, fmt.Sprintf("%s chain %s rule %d", t.Place(), c.Name, i+1))
					break
				}
			}
		}
	}
	return out
}
