package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
)

// NewSet makes the canonical set: ports sorted and merged, rules sorted by ID.
// The same ID twice is an error of the caller and is reported.
func NewSet(list []Rule) (Set, error) {
	set := make(Set, len(list))
	copy(set, list)
	for i := range set {
		set[i].Ports = MergePorts(set[i].Ports)
	}
	sort.SliceStable(set, func(i, j int) bool { return set[i].ID < set[j].ID })
	for i := 1; i < len(set); i++ {
		if set[i].ID == set[i-1].ID {
			return nil, fmt.Errorf("rule %q is there twice", set[i].ID)
		}
	}
	return set, nil
}

// MergePorts sorts port ranges and joins those that overlap or touch.
func MergePorts(in []PortRange) []PortRange {
	if len(in) == 0 {
		return nil
	}
	ps := append([]PortRange(nil), in...)
	sort.Slice(ps, func(i, j int) bool { return ps[i].First < ps[j].First })
	out := ps[:1]
	for _, p := range ps[1:] {
		last := &out[len(out)-1]
		if int(p.First) > int(last.Last)+1 {
			out = append(out, p)
		} else if p.Last > last.Last {
			last.Last = p.Last
		}
	}
	return out
}

// Find returns the rule with the ID, or nil.
func (s Set) Find(id string) *Rule {
	i := sort.Search(len(s), func(i int) bool { return s[i].ID >= id })
	if i < len(s) && s[i].ID == id {
		return &s[i]
	}
	return nil
}

// Digest is the SHA-256, in hex, over the marks of the set: equal digests mean
// equal sets.
func (s Set) Digest() string {
	h := sha256.New()
	for i := range s {
		fmt.Fprintf(h, "%s:%s %s\n", s[i].Farm, s[i].ID, s[i].content())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Settle leaves out the rules that this host does not need: outbound ones
// wanted only where it blocks outbound traffic.
func (s Set) Settle(st *State) Set {
	out := make(Set, 0, len(s))
	for _, r := range s {
		if r.OnlyIfBlocked && !st.BlocksOutbound {
			continue
		}
		r.OnlyIfBlocked = false
		out = append(out, r)
	}
	return out
}
