// Package iptables writes our rules where iptables rules the host, with either of its
// back ends: in chains of our own in the table filter, of IPv4 and of IPv6, to which
// one jump at the top of INPUT (and of OUTPUT, where outbound rules are wanted) leads.
package iptables

import (
	_ "embed"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

var (
	//go:embed functions.sh
	functions string
	//go:embed compose.awk
	compose string
)

// Manager is the iptables manager. Its zero value is ready.
type Manager struct{}

var _ linux.Manager = Manager{}

// Name is "iptables".
func (Manager) Name() string { return "iptables" }

// Functions is the shell text that tests and loads a copy; compose.awk stands in
// it between single quotes, so it holds none.
func (Manager) Functions() string {
	return "iptables_awk='" + linux.Compact(compose) + "'\n" + functions
}

// Reads is empty: the one script that reads a host takes the saves of iptables.
func (Manager) Reads() string { return "" }

// The names of what is ours. Whatever chain begins with the prefix is ours, and every
// rule that leads to one.
const (
	prefix   = "FARMWALL-"
	chainIn  = prefix + "IN"
	chainOut = prefix + "OUT"
)

// The table that we write, its base chains and the back ends.
const (
	filter    = "filter"
	input     = "INPUT"
	output    = "OUTPUT"
	nftEnd    = "nft"
	legacyEnd = "legacy"
)

// place is one table that holds or has to hold our rules.
type place struct {
	backend, family, table string
	// in and out say which of our two chains it needs.
	in, out bool
}

// name is nft's name of the table for the nft back end, and says so for the other.
func (p *place) name() string {
	name := "table " + p.family + " " + p.table
	if p.backend == legacyEnd {
		name = "legacy " + name
	}
	return name
}

// v4 says of which family the table is.
func (p *place) v4() bool { return p.family == "ip" }

// hook is a base chain at whose top a jump to our chain has to stand.
type hook struct{ chain, target string }

func (p *place) hooks() []hook {
	var out []hook
	if p.in {
		out = append(out, hook{input, chainIn})
	}
	if p.out {
		out = append(out, hook{output, chainOut})
	}
	return out
}

// mark is the comment of a jump.
func mark(farm string) string { return rules.Prefix + farm + ":jump:00000000" }

// text is the jump as iptables-save prints it behind "-A CHAIN ".
func (h hook) text(farm string) string {
	return `-m comment --comment "` + mark(farm) + `" -j ` + h.target
}

// right says whether a rule is exactly this jump.
func (h hook) right(n *linux.SaveRule, farm string) bool {
	want := []linux.SaveOption{
		{Name: "-m", Values: []string{"comment"}}, {Name: "--comment", Values: []string{mark(farm)}}, {Name: "-j", Values: []string{h.target}},
	}
	if len(n.Options) != len(want) {
		return false
	}
	for i, o := range n.Options {
		if o.Not || o.Name != want[i].Name || len(o.Values) != 1 || o.Values[0] != want[i].Values[0] {
			return false
		}
	}
	return true
}

// ourChain says whether a chain is ours by its name.
func ourChain(name string) bool { return strings.HasPrefix(name, prefix) }

// ours says whether a rule in a foreign chain is ours: it leads to a chain of ours or
// has a comment like a mark. compose.awk finds the same ones.
func ours(n *linux.SaveRule) bool {
	comment := n.Comment()
	return ourChain(n.Target()) || strings.HasPrefix(comment, rules.Prefix) && !strings.ContainsAny(comment, " \t\n\"\\")
}

// reading is what the host was seen to be; a state always carries it.
func reading(s *rules.State) *linux.Reading {
	r, _ := s.Native.(*linux.Reading)
	return r
}
