package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sort"
)

// NewSet makes the canonical set: ports sorted and merged, rules that allow before
// rules that block, each sorted by ID.
// The same ID twice is an error of the caller and is reported.
func NewSet(list []Rule) (Set, error) {
	set := make(Set, len(list))
	copy(set, list)
	for i := range set {
		set[i].Ports = MergePorts(set[i].Ports)
	}
	sort.SliceStable(set, func(i, j int) bool {
		if set[i].Block != set[j].Block {
			return set[j].Block
		}
		return set[i].ID < set[j].ID
	})
	for i := range set {
		if first := set.Find(set[i].ID); first != &set[i] {
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
	blocks := s.blocksFrom()
	for _, half := range []Set{s[:blocks], s[blocks:]} {
		if i := sort.Search(len(half), func(i int) bool { return half[i].ID >= id }); i < len(half) && half[i].ID == id {
			return &half[i]
		}
	}
	return nil
}

// blocksFrom is where the rules that block begin.
func (s Set) blocksFrom() int {
	return sort.Search(len(s), func(i int) bool { return s[i].Block })
}

// Allows is the part of the set that lets something pass; the set's rules are shared.
func (s Set) Allows() Set { return s[:s.blocksFrom()] }

// Blocks is the part of the set that closes something; the set's rules are shared.
func (s Set) Blocks() Set { return s[s.blocksFrom():] }

// Side is the part of the set with the direction.
func (s Set) Side(d Direction) Set {
	var part Set
	for _, r := range s {
		if r.Direction == d {
			part = append(part, r)
		}
	}
	return part
}

// Family is the part of the set that speaks of IPv4 (or IPv6), its addresses cut to that
// family.
func (s Set) Family(ipv4 bool) Set {
	var part Set
	for _, r := range s {
		r.Remotes = r.Remotes.Family(ipv4)
		if !r.Remotes.Empty() {
			part = append(part, r)
		}
	}
	return part
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
