package rules

import "net/netip"

// Explainer is what a Reader may offer: a verdict with every step to it.
type Explainer interface {
	// Explain follows the flow to its end and returns its shares, the worst first: of each
	// address that is asked about at least one. Local, where valid, is the one of the
	// host's own addresses that is asked about; invalid: all of them.
	Explain(s *State, f Flow, local netip.Addr) []Share
}

// Share is the answer for some of a flow's addresses, with the way to it.
type Share struct {
	Answer Answer `json:"answer"`
	// Remotes are the addresses at the other end; none for loopback.
	Remotes []netip.Prefix `json:"remotes,omitempty"`
	// Interface and Local are where the host's own end is, where that mattered.
	Interface string     `json:"interface,omitempty"`
	Local     netip.Addr `json:"local,omitzero"`
	// By is the rule, the policy or the platform that decided, in the host's words and
	// where it stands; Reason says why the answer is unknown.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	Steps  []Step `json:"steps"`
	// Needed says what would have to be otherwise for the flow to be allowed.
	Needed string `json:"needed,omitempty"`
}

// Step is one place on a flow's way.
type Step struct {
	Place string `json:"place"` // "table inet filter chain input", "block rules"
	// Said is what happened there: the rule that let it on, what led into a chain.
	Said string `json:"said,omitempty"`
}

// Wants names the rules of a settled set that want some of the flow open; whole says
// that together they want all of it.
func (s Set) Wants(f Flow) (ids []string, whole bool) {
	for i := range s {
		r := &s[i]
		if !r.admitsPort(f) || r.Block {
			continue
		}
		if r.Loopback == f.Loopback && (f.Loopback || !r.Remotes.Intersect(f.Sources()).Empty()) {
			ids = append(ids, r.ID)
		}
	}
	return ids, len(ids) > 0 && (f.Loopback || s.Admits(f))
}
