// Package nftables writes our rules where nftables itself rules the host. Our own
// table inet farmwall always holds them all; in every foreign table whose base
// chain closes one of the flows by default they stand too, in chains of ours to
// which one jump at the top of that base chain leads.
package nftables

import (
	_ "embed"
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

var (
	//go:embed functions.sh
	functions string
	//go:embed compose.awk
	compose string
)

// Manager is the nftables manager. Its zero value is ready.
type Manager struct{}

var _ linux.Manager = Manager{}

// Name is "nftables".
func (Manager) Name() string { return "nftables" }

// Functions is the shell text that tests and loads a copy; compose.awk stands in
// it between single quotes, so it holds none.
func (Manager) Functions() string {
	return "nftables_awk='" + linux.Compact(compose) + "'\n" + functions
}

// Reads is empty: the one script that reads a host lists all that nft knows.
func (Manager) Reads() string { return "" }

// The names of what is ours.
const (
	ownFamily = "inet"
	ownTable  = "farmwall"
	chainIn   = "farmwall_in"
	chainOut  = "farmwall_out"
)

// place is one table that holds or has to hold our rules.
type place struct {
	family, table string
	// in and out say which of our two chains it needs.
	in, out bool
	hooks   []hook
}

// hook is a foreign base chain at whose top a jump to our chain has to stand.
type hook struct {
	chain     string
	direction rules.Direction
	// local: the chain sees forwarded traffic too, and our rules are for this host.
	local bool
}

func (p *place) own() bool { return p.family == ownFamily && p.table == ownTable }

func (p *place) name() string { return placeName(p.family, p.table) }

func placeName(family, table string) string { return "table " + family + " " + table }

// chain is the name of our chain for a direction.
func (p *place) chain(d rules.Direction) string {
	switch {
	case p.own() && d == rules.In:
		return "input"
	case p.own():
		return "output"
	case d == rules.In:
		return chainIn
	default:
		return chainOut
	}
}

// text is nft's own text of the jump.
func (h *hook) text(farm string) string {
	limit := ""
	if h.local {
		limit = "fib daddr type { 2, 3, 5 } " // local, broadcast, multicast
	}
	chain := chainIn
	if h.direction == rules.Out {
		chain = chainOut
	}
	return fmt.Sprintf("%sjump %s comment %q", limit, chain, rules.Prefix+farm+":jump:00000000")
}

// reading is what the host was seen to be; a state always carries it.
func reading(s *rules.State) *linux.Reading {
	r, _ := s.Native.(*linux.Reading)
	return r
}
