package nftables

import (
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Diff compares every place that nftables rules with what it should hold.
func (Manager) Diff(s *rules.State, want rules.Set) []rules.Change {
	r := reading(s)
	if r == nil || r.Ruleset == nil {
		return nil
	}
	have := Manager{}.Places(r)
	places := needed(r, want)
	var all [][]rules.Change
	for i := range places {
		p := &places[i]
		one := rules.Diff(ownedIn(have, p.name()), p.holds(want))
		all = append(all, placed(one, p.name()))
	}
	for i := range have {
		if !wantedPlace(places, have[i].Name) {
			all = append(all, placed(rules.Diff(have[i].Owned, nil), have[i].Name))
		}
	}
	return append(repairs(r, have, places, want), rules.MergeChanges(all...)...)
}

func ownedIn(have []rules.Place, name string) []rules.Rule {
	for i := range have {
		if have[i].Name == name {
			return have[i].Owned
		}
	}
	return nil
}

func wantedPlace(places []place, name string) bool {
	for i := range places {
		if places[i].name() == name {
			return true
		}
	}
	return false
}

func placed(list []rules.Change, name string) []rules.Change {
	for i := range list {
		list[i].Places = []string{name}
	}
	return list
}

// repairs says what is wrong with how our rules hang: defects, and jumps that are
// missing, wrong or not needed.
func repairs(r *linux.Reading, have []rules.Place, places []place, want rules.Set) []rules.Change {
	var out []rules.Change
	repair := func(place, note string) {
		out = append(out, rules.Change{Verb: rules.Repair, Places: []string{place}, Note: note})
	}
	for i := range have {
		for _, d := range have[i].Defects {
			repair(have[i].Name, d)
		}
	}
	expected := make(map[[3]string]bool)
	for i := range places {
		p := &places[i]
		for j := range p.hooks {
			h := &p.hooks[j]
			expected[[3]string{p.family, p.table, h.chain}] = true
			if there, right := hasJump(r, p, h, want[0].Farm); !there {
				repair(p.name(), fmt.Sprintf("the jump to our rules is missing in chain %s", h.chain))
			} else if !right {
				repair(p.name(), fmt.Sprintf("the jump to our rules in chain %s is not as it should be", h.chain))
			}
		}
	}
	for _, j := range r.Jumps {
		if !expected[[3]string{j.Family, j.Table, j.Chain}] && (j.Target == chainIn || j.Target == chainOut) {
			repair(placeName(j.Family, j.Table), fmt.Sprintf("the jump to our rules in chain %s is not needed", j.Chain))
		}
	}
	return out
}

func hasJump(r *linux.Reading, p *place, h *hook, farm string) (there, right bool) {
	for _, j := range r.Jumps {
		if j.Family != p.family || j.Table != p.table || j.Chain != h.chain || j.Target == "" {
			continue
		}
		there = true
		right = right || j.Text == h.text(farm)
	}
	return there, right
}
