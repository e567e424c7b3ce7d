package tasks

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
)

// Accepted is a difference that somebody answers for: it is shown, does not count and
// is not put right. Either Change or Flow is set.
type Accepted struct {
	Change *rules.Change `json:"change,omitempty"`
	Flow   *JudgedFlow   `json:"flow,omitempty"`
	Reason string        `json:"reason"`
	Until  string        `json:"until"` // the last day on which it holds: 2027-01-31, UTC
	At     string        `json:"at"`    // file:line of the entry
}

// accept takes the differences away that the inventory's file accepts; one whose time
// is over stays, and is named.
func (x *drifted) accept(h *inventory.Host, now time.Time) {
	x.compared, x.used = true, map[*inventory.Acceptance]bool{}
	holds := func(id, kind, text, what string) *inventory.Acceptance {
		for _, a := range h.Accept {
			if !a.MatchesRule(id) || a.Change != "" && a.Change != kind || !strings.Contains(text, a.Differs) {
				continue
			}
			x.used[a] = true
			if now.Before(a.Expires) {
				return a
			}
			x.Warnings = append(x.Warnings, fmt.Sprintf("%s was accepted until %s, and that is over (%s: %s)", what, a.Until(), a.At, a.Reason))
		}
		return nil
	}
	x.Changes = slices.DeleteFunc(x.Changes, func(c rules.Change) bool {
		a := holds(idOf(&c), string(c.Verb), c.Note+" "+strings.Join(c.Places, ", "), brief(&c))
		if a != nil {
			x.Accepted = append(x.Accepted, Accepted{Change: &c, Reason: a.Reason, Until: a.Until(), At: a.At.String()})
		}
		return a != nil
	})
	x.Flows = slices.DeleteFunc(x.Flows, func(j JudgedFlow) bool {
		kind := "closed"
		if j.Outsider() {
			kind = "exposed"
		}
		a := holds(j.Rule, kind, j.Verdict.By, findingText(j))
		if a != nil {
			x.Accepted = append(x.Accepted, Accepted{Flow: &j, Reason: a.Reason, Until: a.Until(), At: a.At.String()})
		}
		return a != nil
	})
}

// beside is the set to restore: with what is accepted as it is on the host, as far as
// a set can say it.
func (x *drifted) beside(last rules.Set) rules.Set {
	kept := map[string]*rules.Rule{}
	for i := range x.Accepted {
		c := x.Accepted[i].Change
		if c == nil || idOf(c) == "" {
			continue
		}
		if c.Have == nil || c.Have.Opaque == "" {
			kept[idOf(c)] = c.Have
		}
	}
	if len(kept) == 0 {
		return last
	}
	var list []rules.Rule
	for _, r := range last {
		if _, other := kept[r.ID]; !other {
			list = append(list, r)
		}
	}
	for _, r := range kept {
		if r != nil {
			list = append(list, *r)
		}
	}
	set, err := rules.NewSet(list)
	if err != nil {
		return last // cannot be: each ID is there once
	}
	return set
}

// undone says which accepted difference a plan would put right on its way, or nothing.
func (x *drifted) undone(changes []rules.Change) string {
	for i := range x.Accepted {
		a := &x.Accepted[i]
		if a.Change == nil {
			continue
		}
		for j := range changes {
			c := &changes[j]
			if c.Have != nil && c.Want != nil && c.Have.Same(c.Want) {
				continue // only its mark is written anew
			}
			if changeKey(c) == changeKey(a.Change) || idOf(c) != "" && idOf(c) == idOf(a.Change) {
				return fmt.Sprintf("left as it is: to restore the rest would also put right what is accepted (%s, %s)", brief(a.Change), a.At)
			}
		}
	}
	return ""
}

// idle names the entries of the inventory that no difference matches, as far as all
// of their hosts were compared.
func idle(inv *inventory.Inventory, found []drifted) []string {
	compared, used := map[string]bool{}, map[*inventory.Acceptance]bool{}
	for i := range found {
		compared[found[i].Host] = found[i].compared
		for a := range found[i].used {
			used[a] = true
		}
	}
	unsure := map[*inventory.Acceptance]bool{}
	var order []*inventory.Acceptance
	for _, h := range inv.Hosts {
		for _, a := range h.Accept {
			if !slices.Contains(order, a) {
				order = append(order, a)
			}
			unsure[a] = unsure[a] || !compared[h.Name]
		}
	}
	var out []string
	for _, a := range order {
		if used[a] || unsure[a] {
			continue
		}
		what := a.Rule
		if what == "" {
			what = fmt.Sprintf("%q", a.Differs)
		}
		out = append(out, fmt.Sprintf("%s: nothing differs that this accepts (%s on %s)", a.At, what, a.Hosts))
	}
	return out
}
