package iptables

import (
	"encoding/json"
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Check refuses what iptables cannot say, a host whose two back ends contradict each
// other, what cannot be written safely, and a host whose present state could not be put
// back.
func (m Manager) Check(s *rules.State, want rules.Set) rules.Refusals {
	r := reading(s)
	if r == nil {
		return rules.Refusals{{Text: "the host's ruleset was not read", Hint: "see the error of the reading"}}
	}
	refusals := refuseRules(want)
	all, unread, err := tables(r)
	if err != nil {
		return append(refusals, rules.Refusal{Text: err.Error(), Hint: "a comment with a newline makes a save that nobody can load; remove that rule"})
	}
	places := needed(r, all, want)
	refusals = append(refusals, refuseBoth(all, places)...)
	for i := range places {
		refusals = append(refusals, refusePlace(r, &places[i], all, unread)...)
	}
	refusals = append(refusals, refuseNative(r, all)...)
	if _, err := m.Undo(s); err != nil {
		refusals = append(refusals, linux.RefuseNoWayBack(err))
	}
	return refusals
}

func refuseRules(want rules.Set) rules.Refusals {
	return linux.RefuseRules(want, "iptables", portWords)
}

// refuseBoth refuses a host where both back ends drop what nothing lets in: rules in
// one of them open nothing, and mixing both is what iptables itself warns of.
func refuseBoth(all []live, places []place) rules.Refusals {
	if len(places) == 0 {
		return nil
	}
	ends := map[string]bool{}
	for i := range all {
		l := &all[i]
		if l.place.table == filter && (closes(l.table, input) || len(places) > 0 && places[0].out && closes(l.table, output)) {
			ends[l.backend] = true
		}
	}
	if !ends[nftEnd] || !ends[legacyEnd] {
		return nil
	}
	return rules.Refusals{{
		Text: "both back ends of iptables close traffic here, legacy and nft, and packets have to pass both",
		Hint: "move all rules into one: iptables-legacy-save | iptables-nft-restore --noflush (and ip6tables), then set the policies of iptables-legacy to ACCEPT and flush it",
	}}
}

// refusePlace refuses a table that iptables cannot show whole.
func refusePlace(r *linux.Reading, p *place, all []live, unread map[string]bool) rules.Refusals {
	var out rules.Refusals
	if unread[p.name()] {
		out = append(out, rules.Refusal{
			Text: p.name() + " holds what iptables cannot show, because nft wrote it",
			Hint: "move these rules into a table of another name, or write them with iptables",
		})
	}
	if p.backend == nftEnd && r.Ruleset != nil && r.Ruleset.Find(p.family, p.table) != nil && find(all, p) == nil && !unread[p.name()] {
		out = append(out, rules.Refusal{
			Text: p.name() + " is there and no iptables-save on this host shows it",
			Hint: "install the package iptables",
		})
	}
	return out
}

// refuseNative refuses chains of ours into which somebody wrote with nft what iptables
// shows without its set: put back from a save it would let everybody in.
func refuseNative(r *linux.Reading, all []live) rules.Refusals {
	var out rules.Refusals
	for i := range all {
		l := &all[i]
		if l.backend != nftEnd || r.Ruleset == nil {
			continue
		}
		t := r.Ruleset.Find(l.family, l.place.table)
		if t == nil {
			continue
		}
		for _, c := range t.Chains {
			if !ourChain(c.Name) {
				continue
			}
			for index, n := range c.Rules {
				if native(n) {
					out = append(out, rules.Refusal{
						Text: fmt.Sprintf("rule %d of chain %s in %s was written with nft, and iptables shows it without its set", index+1, c.Name, l.name()),
						Hint: fmt.Sprintf("remove it: nft delete rule %s %s %s handle %d", l.family, l.place.table, c.Name, n.Handle),
					})
				}
			}
		}
	}
	return out
}

// native says whether a rule compares with a set, which iptables never does.
func native(n *linux.NftRule) bool {
	for _, raw := range n.Expr {
		var e map[string]json.RawMessage
		if json.Unmarshal(raw, &e) != nil || len(e) != 1 {
			return true
		}
		for name, inner := range e {
			switch name {
			case "xt", "counter", "accept", "drop", "return", "jump", "goto", "reject", "log":
			case "match":
				var m struct{ Right json.RawMessage }
				var set struct{ Set json.RawMessage }
				var named string
				if json.Unmarshal(inner, &m) != nil || json.Unmarshal(m.Right, &set) == nil && set.Set != nil ||
					json.Unmarshal(m.Right, &named) == nil && len(named) > 0 && named[0] == '@' {
					return true
				}
			default:
				return true
			}
		}
	}
	return false
}
