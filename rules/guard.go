package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"farmwall/inventory"
)

// Kept is the flows that no change may close: that of the connection which read
// the state, from its client's address to the port that it really uses here,
// and those of farmwall_keep.
func Kept(s *State, h *inventory.Host) []Flow {
	var kept []Flow
	if s.Client.IsValid() && s.Local.IsValid() {
		ip := s.Client.Addr().Unmap().WithZone("")
		kept = append(kept, Flow{Direction: In, Protocol: TCP, Port: s.Local.Port(), Loopback: ip.IsLoopback(),
			Remotes: NewAddresses(single([]netip.Addr{ip}))})
	}
	for _, k := range h.Keep {
		f := Flow{Direction: In, Protocol: Protocol(k.Protocol), Port: k.Port}
		if len(k.Sources) > 0 {
			f.Remotes = NewAddresses(k.Sources)
		}
		kept = append(kept, f)
	}
	return kept
}

// Guard refuses a change that would close a kept flow. A change closes what a rule
// of ours lets pass now and no wanted rule lets pass any more; for exactly those
// remotes the judge says whether it is our rule that decides. And it closes what a
// wanted rule blocks. want must be settled.
func Guard(d Reader, s *State, want Set, keep []Flow) Refusals {
	refusals := guardBlocks(d, s, want, keep)
	for _, f := range keep {
		left := want.Leaves(f)
		for i := range s.Places {
			for j := range s.Places[i].Owned {
				if left.Empty() {
					break
				}
				r := &s.Places[i].Owned[j]
				if r.Block {
					continue
				}
				part := f
				part.Remotes, part.Not = left, nil
				if r.Opaque == "" {
					if !r.admitsPort(f) {
						continue
					}
					part.Remotes = left.Intersect(r.Remotes)
				}
				lost, by := decidedByUs(d, s, part)
				if lost.Empty() {
					continue
				}
				left = left.Minus(lost) // said once, whatever other rule lets it pass too
				refusals = append(refusals, Refusal{Rule: r.ID,
					Text: fmt.Sprintf("%s from %s must stay open, but only %s lets it in now, and that goes", f, lost, by),
					Hint: "keep the role or the setting that wanted it, or open it in farmwall_rules",
				})
			}
		}
	}
	return refusals
}

// decidedByUs is the remotes of a flow that pass because of a rule with our
// mark, and that rule. A list is judged entry by entry, for the verdict on a
// whole list names one rule only.
func decidedByUs(d Reader, s *State, f Flow) (lost *Addresses, by string) {
	lost = canonical(nil)
	for _, p := range f.Remotes.Listed().prefixes {
		f.Remotes = canonical([]netip.Prefix{p})
		if v := d.Judge(s, f); v.Answer == Allowed && strings.Contains(v.By, Prefix) {
			lost, by = lost.Union(f.Remotes), v.By
		}
	}
	return lost, by
}

// String is the flow in words: "tcp 443", "outbound udp 53".
func (f Flow) String() string {
	s := f.Protocol.String()
	if f.Port != 0 {
		s += fmt.Sprintf(" %d", f.Port)
	}
	if f.Direction == Out {
		s = "outbound " + s
	}
	return s
}
