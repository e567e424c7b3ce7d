package linux

import "farmwall/rules"

// part is a share of the flow: some remote addresses and source ports, which met the
// same rules so far. The parts of a walk never overlap. A part is a value; its slices
// are never changed.
type part struct {
	remote  rules.Spans
	sports  rules.Spans
	marks   marking
	noTrack bool
	renamed bool     // its source address was translated on the way out
	unseen  bool     // connection tracking did not see an earlier packet of the connection
	noZone  bool     // the connection's zone is not known, so its answers may not belong to it
	filled  []string // named sets that a rule put this packet into

	// mayAccept says why a rule of this base chain may have accepted already;
	// doubt says why a rule of this or an earlier one may have dropped. Both with who.
	mayAccept, doubt *cause
	// accepted is the marks that a packet had which was accepted so; where they differ
	// later base chains do not know them.
	accepted    marking
	unlikeTrack bool  // noTrack, where it was accepted so
	mixedTrack  bool  // accepted so both in and out of connection tracking
	passed      cause // who accepted it last, a rule rather than a policy
	way         *trail
}

// cause is a rule, or a policy, and what is to be said of it.
type cause struct{ by, why string }

func (p part) empty() bool { return p.remote.Empty() || p.sports.Empty() }

// outcome is what became of a part in a base chain.
type outcome struct {
	part   part
	answer rules.Answer
	cause  cause
	policy bool // no rule but the policy decided
}
