package nftables

import (
	"encoding/json"
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Check refuses what nftables cannot say, what cannot be written into a table of
// somebody else, and a host whose present state could not be put back.
func (Manager) Check(s *rules.State, want rules.Set) rules.Refusals {
	r := reading(s)
	if r == nil || r.Ruleset == nil {
		return rules.Refusals{{Text: "the host's ruleset was not read", Hint: "see the error of the reading"}}
	}
	refusals := refuseRules(want)
	refusals = append(refusals, refusePlaces(r, needed(r, want))...)
	if _, err := undo(r); err != nil {
		refusals = append(refusals, linux.RefuseNoWayBack(err))
	}
	return refusals
}

func refuseRules(want rules.Set) rules.Refusals {
	return linux.RefuseRules(want, "nft", portWords)
}

// refusePlaces refuses foreign tables that nft must not or cannot write into.
func refusePlaces(r *linux.Reading, places []place) rules.Refusals {
	var out rules.Refusals
	for i := range places {
		p := &places[i]
		if p.own() {
			continue
		}
		odd := !cleanName(p.family) || !cleanName(p.table)
		for _, h := range p.hooks {
			odd = odd || !cleanName(h.chain)
		}
		if odd {
			out = append(out, rules.Refusal{
				Text: fmt.Sprintf("table %s %q closes wanted flows and its names cannot be written in nft's language", p.family, p.table),
				Hint: "rename the table and its chains",
			})
		}
		if t := r.Ruleset.Find(p.family, p.table); t != nil && hasXT(t) {
			out = append(out, rules.Refusal{
				Text: fmt.Sprintf("table %s %s closes wanted flows and belongs to iptables; rules that nft puts there are lost or widened when iptables saves them", p.family, p.table),
				Hint: "iptables hosts are not supported yet; move these rules to nftables",
			})
		}
	}
	return out
}

// hasXT says whether a table holds extensions that only iptables can say.
func hasXT(t *linux.Table) bool {
	for _, c := range t.Chains {
		for _, n := range c.Rules {
			for _, e := range n.Expr {
				var m map[string]json.RawMessage
				if json.Unmarshal(e, &m) == nil && m["xt"] != nil {
					return true
				}
			}
		}
	}
	return false
}
