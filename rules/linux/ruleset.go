package linux

import "encoding/json"

// Ruleset is the answer of nft -j -s -n list ruleset.
type Ruleset struct{ Tables []*Table }

// Table is one table, of any family.
type Table struct {
	Family, Name string
	Dormant      bool
	Chains       []*Chain
	Sets         map[string]*NamedSet // sets and maps
}

// Chain is a base chain where Hook is not empty.
type Chain struct {
	Name     string
	Type     string // "filter", "nat", "route"
	Hook     string // "ingress", "prerouting", "input", "forward", "output", "postrouting"
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
}

// NamedSet is a named set, map or verdict map.
type NamedSet struct {
	Name  string
	Kind  string // "set" or "map"
	Type  []string
	Flags []string
	Elem  []json.RawMessage
}
