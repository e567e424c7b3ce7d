package windows

import (
	"slices"
	"strings"
)

// Entry is one value of a FirewallRules key: the rule's ID and its registry string.
type Entry struct{ ID, Text string }

// store is a FirewallRules key. Hosts made from one preset share its entries until
// they change them.
type store struct {
	entries []Entry
	shared  bool
}

func (s *store) own() {
	if s.shared {
		s.entries, s.shared = slices.Clone(s.entries), false
	}
}

func (s *store) index(id string) int {
	return slices.IndexFunc(s.entries, func(e Entry) bool { return e.ID == id })
}

func (s *store) add(e Entry) {
	s.own()
	s.entries = append(s.entries, e)
}

func (s *store) put(i int, text string) {
	s.own()
	s.entries[i].Text = text
}

func (s *store) delete(i int) {
	s.own()
	s.entries = slices.Delete(s.entries, i, i+1)
}

// named finds the first or the last rule of a name as COM shows it.
func (s *store) named(name string, last bool) int {
	found := -1
	for i, e := range s.entries {
		if n := nameOf(e.Text); strings.EqualFold(n, name) || n != "" && n[0] == '@' && strings.EqualFold(resource(n), name) {
			if found = i; !last {
				break
			}
		}
	}
	return found
}

// nameOf is the Name field of a registry string.
func nameOf(text string) string { return valueOf(text, "Name") }

// valueOf is one field of a registry string; empty where it is missing.
func valueOf(text, key string) string {
	i := strings.Index(text, "|"+key+"=")
	if i < 0 {
		return ""
	}
	v, _, _ := strings.Cut(text[i+len(key)+2:], "|")
	return v
}
