// Package linux reads Linux hosts and frames changes on them. A host's truth is
// all its tables together, so reading is one script for every manager; writing
// belongs to the managers, one child package each.
package linux

import (
	"net/netip"
	"time"

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
	// Diff compares every place of this manager with what it should hold, but not the
	// persistent copy, which is of all managers together.
	Diff(s *rules.State, want rules.Set) []rules.Change
	// Target and Undo make this manager's section of a copy: its first line is
	// "farmwall copy 1 NAME", its last one "end".
	Target(s *rules.State, want rules.Set) (rules.Copy, error)
	Undo(s *rules.State) (rules.Copy, error)
	// Functions is the shell text that change.sh includes: how this manager
	// tests, loads and persists its section. It is an embedded file.
	Functions() string
	// Reads is the shell text by which the host tells what is ours with this manager and
	// what else of it decides, where neither nft nor iptables-save does: functions
	// NAME_here, NAME_ours and NAME_rest. It is an embedded file, or empty.
	Reads() string
}

// Reading is everything that observe printed; State.Native holds it.
type Reading struct {
	Nft    string // path of the program, empty where missing
	UID    int
	Kernel string
	Boot   string        // the boot's own id
	Uptime time.Duration // the host's monotonic clock
	Init   string        // "systemd", "openrc", "sysvinit" or ""
	// Ruleset is nil where it could not be read: no nft, or no right.
	Ruleset *Ruleset

	// Iptables is the path of the program, empty where missing; Legacy are the
	// legacy xtables, "ip filter"; nft sees nothing of what is in them.
	Iptables string
	Legacy   []string
	// Saves are what iptables-save prints, of each family and back end that has tables.
	Saves []Save
	// Walls are the answers of the managers' own functions, by manager.
	Walls map[string]WallText
	// UfwEnabled is what ufw.conf says; FirewalldRuns that its service is up.
	UfwEnabled    bool
	FirewalldRuns bool

	// OwnText is nft's own text (nft -s -n) of what is ours, by place name
	// ("table inet farmwall", "table ip filter"): our whole table, or our chains and
	// sets in a foreign table, each as a table that nft -f can load.
	OwnText map[string]string
	// Jumps are the rules of ours in foreign chains.
	Jumps []Jump
	// Kept is the persistent copy, nil where there is none; KeptEnabled says whether
	// something loads it at boot.
	Kept        []byte
	KeptEnabled bool

	Interfaces []Interface
	Routes     []Route
	// PolicyRoutes are the routing rules beyond the three that every host has; where
	// there are any, the routes alone do not decide.
	PolicyRoutes []string

	// Folders says which of our folders are not root's alone; nothing in these is read.
	Folders []string
	// Unreadable names what makes nft's own text ambiguous, so that fingerprints
	// and undo could not be trusted.
	Unreadable []string
}

// Jump is a rule of ours in a foreign chain.
type Jump struct {
	Family, Table, Chain string
	Index                int // place among the chain's rules, from 0
	Comment              string
	Target               string // chain jumped to; empty where the rule is something else
	Text                 string // nft's own text of the rule
}

// Interface is a network interface with its addresses.
type Interface struct {
	Name     string
	Index    int
	Up       bool
	Loopback bool
	Master   string // the bridge, bond or VRF that it is part of
	Parent   string // the interface that it was made on (a VLAN's), or its peer
	// Group is the number of the interface's group, where GroupKnown: a group may have a
	// name that only the host knows the number of.
	Group      uint32
	GroupKnown bool
	Addresses  []netip.Prefix
}

// Route is one way of one route. A route with several ways is several Routes with
// the same To, Table and Metric.
type Route struct {
	To     netip.Prefix
	Dev    string // empty where the route leads nowhere or ip does not say
	Type   string // "unicast", "local", "broadcast", "blackhole" ...
	Table  string // "main", "local", or a number or name
	Metric int
}
