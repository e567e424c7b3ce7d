// Package linux reads Linux hosts and frames changes on them. A host's truth is
// all its tables together, so reading is one script for every manager; writing
// belongs to the managers, one child package each.
package linux

import (
	"net/netip"

	"farmwall/rules"
)

// Manager writes our rules the way one firewall manager needs it.
type Manager interface {
	// Name is the manager's, as State.Manager has it.
	Name() string
	// Places reads what is ours from the host, and what is wrong with how it hangs there.
	Places(r *Reading) []rules.Place
	// Check refuses what this manager cannot say.
	Check(s *rules.State, want rules.Set) rules.Refusals
	// Diff compares every place with what it should hold.
	Diff(s *rules.State, want rules.Set) []rules.Change
	// Target and Undo make copies that Functions can test and load.
	Target(s *rules.State, want rules.Set) (rules.Copy, error)
	Undo(s *rules.State) (rules.Copy, error)
	// Functions is the shell text that change.sh includes: how this manager
	// tests, loads and persists a copy. It is an embedded file.
	Functions() string
}

// Reading is everything that observe printed; State.Native holds it.
type Reading struct {
	Nft     string // path of the program, empty where missing
	UID     int
	Init    string // "systemd", "openrc", "sysvinit" or ""
	Ruleset *Ruleset

	// OwnText is nft's own text (nft -s -n) of what is ours, by place name: our
	// whole table, or our chains and sets in a foreign table.
	OwnText map[string]string
	// Jumps are the rules of ours in foreign chains.
	Jumps []Jump
	// Kept is the persistent copy, nil where there is none; KeptEnabled says whether
	// something loads it at boot.
	Kept        []byte
	KeptEnabled bool

	Interfaces []Interface
	Routes     []Route
}

// Jump is a rule of ours in a foreign base chain.
type Jump struct {
	Family, Table, Chain string
	Index                int // place among the chain's rules, from 0
	Comment              string
	Target               string // chain jumped to; empty where the rule is something else
	Text                 string // nft's own text of the rule
}

// Interface is a network interface with its addresses.
type Interface struct {
	Name      string
	Addresses []netip.Prefix
}

// Route is one route of the main or local tables.
type Route struct {
	To  netip.Prefix
	Dev string
}
