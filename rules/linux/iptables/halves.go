package iptables

import (
	"strings"

	"farmwall/rules"
)

// halves joins what happens to the two halves of a rule, its IPv4 and its IPv6 addresses,
// where the same happens to both. want is the whole set.
func halves(v4, v6 []rules.Change, want rules.Set) (joined, rest4, rest6 []rules.Change) {
	taken := make([]bool, len(v6))
next:
	for i := range v4 {
		for j := range v6 {
			if taken[j] {
				continue
			}
			if c, ok := whole(&v4[i], &v6[j], want); ok {
				joined, taken[j] = append(joined, c), true
				continue next
			}
		}
		rest4 = append(rest4, v4[i])
	}
	for j := range v6 {
		if !taken[j] {
			rest6 = append(rest6, v6[j])
		}
	}
	return joined, rest4, rest6
}

// whole is the change that two changes are the halves of.
func whole(a, b *rules.Change, want rules.Set) (rules.Change, bool) {
	c := rules.Change{Verb: a.Verb, Note: a.Note, Places: append(append([]string(nil), a.Places...), b.Places...)}
	if a.Verb != b.Verb || a.Note != b.Note || (a.Have == nil) != (b.Have == nil) || (a.Want == nil) != (b.Want == nil) {
		return c, false
	}
	if a.Have != nil {
		both, ok := union(a.Have, b.Have)
		if !ok {
			return c, false
		}
		c.Have = both
	}
	if a.Want != nil {
		w := want.Find(a.Want.ID)
		if w == nil || b.Want.ID != w.ID || a.Want.Remotes == nil || b.Want.Remotes == nil {
			return c, false
		}
		c.Want = w
	}
	return c, true
}

// union is the rule whose halves are a and b; ok is false where they are none, or where
// one of them was edited by hand.
func union(a, b *rules.Rule) (*rules.Rule, bool) {
	if a.ID == "" || a.Opaque != "" || a.Remotes == nil || b.Remotes == nil || !unedited(a) || !unedited(b) {
		return nil, false
	}
	both := *a
	both.Remotes = b.Remotes
	if !both.Same(b) {
		return nil, false
	}
	both.Remotes, both.Hash = a.Remotes.Union(b.Remotes), ""
	return &both, true
}

// unedited says whether the rule is as its own mark says.
func unedited(r *rules.Rule) bool { return strings.HasSuffix(r.Mark(), ":"+r.Hash) }
