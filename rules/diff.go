package rules

import (
	"sort"
	"strings"
)

// Notes of changes about what is odd with a rule that is there.
const (
	noteTwin     = "twin"
	noteEdited   = "edited by hand"
	noteMark     = "its mark was edited by hand"
	noteUnmarked = "without a mark of ours"
	noteUnknown  = "not written by farmwall"
)

// Diff says how one place gets from what it has to what it should have, sorted
// by rule. want must be settled, and what the place can hold of it. Of several
// rules with one name the first that is right stays, else the first is replaced;
// the others are twins and go, as does whatever farmwall cannot have written.
func Diff(have []Rule, want Set) []Change {
	type name struct{ farm, id string }
	kept := make(map[name]int, len(have)) // index into have of the one that may stay
	for i := range have {
		h := &have[i]
		w := want.Find(h.ID)
		if h.Opaque != "" || w == nil || w.Farm != h.Farm {
			continue
		}
		n := name{h.Farm, h.ID}
		if first, ok := kept[n]; !ok || !right(&have[first], w) && right(h, w) {
			kept[n] = i
		}
	}
	var changes []Change
	for i := range have {
		h := &have[i]
		w := want.Find(h.ID)
		keep, ok := kept[name{h.Farm, h.ID}]
		switch {
		case !ok || keep != i || h.Opaque != "":
			changes = append(changes, Change{Verb: Remove, Have: h, Note: oddness(h, want, ok && keep != i)})
		case right(h, w):
		case h.Same(w):
			changes = append(changes, Change{Verb: Replace, Have: h, Want: w, Note: noteMark})
		default:
			changes = append(changes, Change{Verb: Replace, Have: h, Want: w, Note: oddness(h, want, false)})
		}
	}
	for i := range want {
		if _, ok := kept[name{want[i].Farm, want[i].ID}]; !ok {
			changes = append(changes, Change{Verb: Add, Want: &want[i]})
		}
	}
	sortChanges(changes)
	return changes
}

// right says whether a rule that is there is the wanted one, mark and all.
func right(have, want *Rule) bool {
	return have.Opaque == "" && have.Same(want) && (have.Hash == "" || have.Hash == want.hash8())
}

// oddness says what a person should know about a rule that goes.
func oddness(h *Rule, want Set, twin bool) string {
	switch {
	case h.Opaque != "":
		return noteUnknown
	case h.ID == "":
		return noteUnmarked
	case twin:
		return noteTwin
	case len(want) > 0 && want[0].Farm != h.Farm:
		return "of farm " + h.Farm
	case h.Hash != "" && h.Hash != h.hash8():
		return noteEdited
	}
	return ""
}

// MergeChanges joins equal changes of several places into one that names them
// all. A place for one address family holds its part of a rule; the change of
// that part is joined to the whole one's.
func MergeChanges(perPlace ...[]Change) []Change {
	var out []Change
	at := map[string][]int{} // by what never differs between equal changes
	for _, list := range perPlace {
		for _, c := range list {
			k := c.key()
			joined := false
			for _, i := range at[k] {
				o := &out[i]
				if !c.partOf(o) && !o.partOf(&c) {
					continue
				}
				places := append(append([]string(nil), o.Places...), c.Places...)
				if !c.partOf(o) {
					*o = c
				}
				o.Places, joined = places, true
				break
			}
			if !joined {
				at[k] = append(at[k], len(out))
				out = append(out, c)
			}
		}
	}
	sortChanges(out)
	return out
}

// rule is what the change is about, or nil for a repair.
func (c *Change) rule() *Rule {
	if c.Want != nil {
		return c.Want
	}
	return c.Have
}

func (c *Change) key() string {
	k := string(c.Verb) + "\n" + c.Note
	if r := c.rule(); r != nil {
		k += "\n" + r.Farm + "\n" + r.ID
	}
	return k
}

// partOf says whether the change is the other, or its part for one family.
func (c *Change) partOf(o *Change) bool {
	for _, ipv4 := range []bool{true, false} {
		if sameOrPart(c.Have, o.Have, ipv4) && sameOrPart(c.Want, o.Want, ipv4) {
			return true
		}
	}
	return false
}

// sameOrPart says whether r is o, or what o is for one family.
func sameOrPart(r, o *Rule, ipv4 bool) bool {
	if r == nil || o == nil {
		return r == o
	}
	if r.Same(o) {
		return true
	}
	part := *o
	part.Remotes = o.Remotes.Family(ipv4)
	return r.Same(&part)
}

// sortChanges puts repairs first, then goes by rule; a twin goes before what
// happens to its like.
func sortChanges(changes []Change) {
	id := func(c *Change) string {
		if r := c.rule(); r != nil {
			return "1" + r.ID
		}
		return "0" + c.Note
	}
	sort.SliceStable(changes, func(i, j int) bool {
		a, b := &changes[i], &changes[j]
		if n := strings.Compare(id(a), id(b)); n != 0 {
			return n < 0
		}
		return a.Verb == Remove && b.Verb != Remove
	})
}
