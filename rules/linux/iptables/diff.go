package iptables

import (
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// Diff compares every place that iptables rules with what it should hold.
func (Manager) Diff(s *rules.State, want rules.Set) []rules.Change {
	r := reading(s)
	if r == nil {
		return nil
	}
	all, _, err := tables(r)
	if err != nil { // Check refuses the host
		return nil
	}
	have, places := found(all), needed(r, all, want)
	var changes [][]rules.Change
	expected := map[string]bool{}
	byFamily := map[string][]rules.Change{}
	for i := range places {
		p := &places[i]
		part := want.Family(p.v4())
		expected[p.name()] = true
		byFamily[p.family] = placed(rules.Diff(spelled(ownedIn(have, p.name()), part), part), p.name())
	}
	joined, v4, v6 := halves(byFamily["ip"], byFamily["ip6"], want)
	changes = append(changes, joined, v4, v6)
	changes = append(changes, leftOver(all, have, expected)...)
	return append(repairs(all, have, places, want), rules.MergeChanges(changes...)...)
}

// leftOver removes what stands where nothing of ours is wanted.
func leftOver(all []live, have []rules.Place, expected map[string]bool) [][]rules.Change {
	var changes [][]rules.Change
	gone := map[[3]string][]rules.Change{} // by back end, table and family
	for i := range all {
		l := &all[i]
		if owned := ownedIn(have, l.name()); len(owned) > 0 && !expected[l.name()] {
			gone[[3]string{l.backend, l.place.table, l.family}] = placed(rules.Diff(owned, nil), l.name())
		}
	}
	for i := range all {
		l := &all[i]
		key4, key6 := [3]string{l.backend, l.place.table, "ip"}, [3]string{l.backend, l.place.table, "ip6"}
		joined, v4, v6 := halves(gone[key4], gone[key6], nil)
		changes = append(changes, joined, v4, v6)
		delete(gone, key4)
		delete(gone, key6)
	}
	return changes
}

// spelled says "everybody" of a rule as the wanted rule of its name does: iptables prints
// neither 0.0.0.0/0 nor ::/0.
func spelled(have []rules.Rule, want rules.Set) []rules.Rule {
	out := append([]rules.Rule(nil), have...)
	for i := range out {
		h := &out[i]
		w := want.Find(h.ID)
		if h.Remotes != nil || h.Opaque != "" || w == nil || w.Remotes == nil {
			continue
		}
		if ps := w.Remotes.Prefixes(); len(ps) == 1 && ps[0].Bits() == 0 {
			h.Remotes = w.Remotes
		}
	}
	return out
}

func ownedIn(have []rules.Place, name string) []rules.Rule {
	for i := range have {
		if have[i].Name == name {
			return have[i].Owned
		}
	}
	return nil
}

func placed(list []rules.Change, name string) []rules.Change {
	for i := range list {
		list[i].Places = []string{name}
	}
	return list
}

// repairs says what is wrong with how our rules hang: defects, and jumps that are
// missing, wrong or not needed.
func repairs(all []live, have []rules.Place, places []place, want rules.Set) []rules.Change {
	var out []rules.Change
	repair := func(place, note string) {
		out = append(out, rules.Change{Verb: rules.Repair, Places: []string{place}, Note: note})
	}
	for i := range have {
		for _, d := range have[i].Defects {
			repair(have[i].Name, d)
		}
	}
	expected := map[[2]string]bool{}
	for i := range places {
		p := &places[i]
		t := find(all, p)
		for _, h := range p.hooks() {
			expected[[2]string{p.name(), h.chain}] = true
			if there, right := hasJump(t, h, want[0].Farm); !there {
				repair(p.name(), fmt.Sprintf("the jump to our rules is missing in chain %s", h.chain))
			} else if !right {
				repair(p.name(), fmt.Sprintf("the jump to our rules in chain %s is not as it should be", h.chain))
			}
		}
	}
	for i := range all {
		l := &all[i]
		for _, h := range []hook{{input, chainIn}, {output, chainOut}} {
			if there, _ := hasJump(l.table, h, ""); there && !expected[[2]string{l.name(), h.chain}] {
				repair(l.name(), fmt.Sprintf("the jump to our rules in chain %s is not needed", h.chain))
			}
		}
	}
	return out
}

func hasJump(t *linux.SaveTable, h hook, farm string) (there, right bool) {
	c := t.Chain(h.chain)
	if c == nil {
		return false, false
	}
	for _, n := range c.Rules {
		if n.Target() == h.target {
			there = true
			right = right || h.right(n, farm)
		}
	}
	return there, right
}
