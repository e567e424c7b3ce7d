package linux

import (
	"encoding/json"
	"sync"
)

// Ruleset is the answer of nft -j -s -n list ruleset, with what nft 1.0.6 says in
// its text only: dormant tables and the devices of chains.
type Ruleset struct {
	Tables  []*Table
	Version string // nft's

	once     sync.Once
	compiled *program
}

// Table is one table, of any family. A dormant one decides nothing, and observe does
// not read what is in it.
type Table struct {
	Family, Name string
	Dormant      bool
	Chains       []*Chain
	Sets         map[string]*NamedSet // sets and maps
}

// Place is the table's name as State.Places has it: "table inet filter".
func (t *Table) Place() string { return "table " + t.Family + " " + t.Name }

// Own says whether the whole table is ours.
func (t *Table) Own() bool { return t.Family == "inet" && t.Name == "farmwall" }

// Chain returns the table's chain of that name, or nil.
func (t *Table) Chain(name string) *Chain {
	for _, c := range t.Chains {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Find returns the table, or nil.
func (r *Ruleset) Find(family, name string) *Table {
	if r == nil {
		return nil
	}
	for _, t := range r.Tables {
		if t.Family == family && t.Name == name {
			return t
		}
	}
	return nil
}

// Chain is a base chain where Hook is not empty.
type Chain struct {
	Name     string
	Type     string // "filter", "nat", "route"
	Hook     string // "ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"
	Devices  []string
	Priority int
	Policy   string // "accept" or "drop"
	Rules    []*NftRule
}

// NftRule is one rule as nft's JSON has it.
type NftRule struct {
	Handle  int
	Comment string
	Expr    []json.RawMessage
	// Text is nft's own words for it, for people; empty where they are not known.
	Text string
}

// NamedSet is a named set, map or verdict map.
type NamedSet struct {
	Name  string
	Kind  string // "set" or "map"
	Type  []string
	Flags []string
	Elem  []json.RawMessage
}
