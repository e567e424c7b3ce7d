// Package inventory reads Ansible inventories and says what they mean for a
// Parallels RAS farm: which hosts there are, what part each plays, which
// settings decided that, and how to reach it. It contacts no host and looks no
// name up.
//
// Load reads sources; every mistake in them is reported at once, as Problems,
// each with its file and line.
package inventory

import "fmt"

// Inventory is everything that the sources say, complete or not at all.
type Inventory struct {
	// Hosts stand in order of declaration, breadth first over the groups, so
	// that batches and subscripts mean the same on every run.
	Hosts  []*Host
	Groups []*Group
	// Farms hold the members, in order of their first member.
	Farms []*Farm
	// Warnings are what a person should look at, though nothing stops for it.
	Warnings Problems

	hosts  map[string]*Host
	groups map[string]*Group
}

// Farm is the members with the same ras_farm. Without any ras_farm in the
// inventory its name is "farm".
type Farm struct {
	Name    string
	Members []*Host
}

// Group is an Ansible group: hosts and child groups in order of declaration.
type Group struct {
	Name     string
	Children []string
	Hosts    []string
	At       Position
}

// Host is one machine of the inventory, member of a farm or not.
type Host struct {
	Name string
	// Groups holds every group of the host, the outermost first ("all" included).
	Groups []string
	// Vars are the merged variables, after Ansible's precedence. Hosts share the
	// map where they can: it must not be changed.
	Vars Vars
	At   Position

	// Farm is empty for a host that is no member.
	Farm  string
	Roles []Role // sorted, each once
	Settings
	Access Access

	member bool   // has a role, or ras_member
	farm   string // ras_farm
}

// Member says whether the host belongs to a farm.
func (h *Host) Member() bool { return h.Farm != "" }

// Has says whether the host has the role.
func (h *Host) Has(role Role) bool {
	for _, r := range h.Roles {
		if r == role {
			return true
		}
	}
	return false
}

// Position is a place in a source. Line is 0 where the whole file is meant.
type Position struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

func (p Position) String() string {
	switch {
	case p.File == "":
		return ""
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// Value is one variable's value, with the Go type that Ansible gives it
// (string, bool, int64, *big.Int, float64, nil, []any, map[string]any, *Sealed for
// what is encrypted where it stands), and where it was set.
type Value struct {
	Any any
	At  Position
	src *origin
}

// Secret says whether the value came from where secrets are kept, so that it must
// not be shown: it is encrypted, or its whole file was.
func (v Value) Secret() bool {
	_, sealed := v.Any.(*Sealed)
	return sealed || v.src != nil && v.src.secret
}

// Vars maps a variable's name to its value.
type Vars map[string]Value
