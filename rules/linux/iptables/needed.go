package iptables

import (
	"fmt"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// live is a table that iptables-save showed.
type live struct {
	place
	table *linux.SaveTable
}

// tables reads the saves of the host. unread are tables that are left out, because nft
// wrote into them what iptables itself cannot show, by place name.
func tables(r *linux.Reading) (all []live, unread map[string]bool, err error) {
	unread = map[string]bool{}
	for i := range r.Saves {
		s := &r.Saves[i]
		read, err := linux.ParseSave(s.Text)
		if err != nil {
			return nil, nil, fmt.Errorf("what iptables-save printed of %s (%s): %w", s.Family, s.Backend, err)
		}
		for _, name := range read.Incompatible {
			p := place{backend: s.Backend, family: s.Family, table: name}
			unread[p.name()] = true
		}
		for _, t := range read.Tables {
			p := place{backend: s.Backend, family: s.Family, table: t.Name}
			if !unread[p.name()] {
				all = append(all, live{p, t})
			}
		}
	}
	return all, unread, nil
}

func find(all []live, p *place) *linux.SaveTable {
	for i := range all {
		if l := &all[i]; l.backend == p.backend && l.family == p.family && l.place.table == p.table {
			return l.table
		}
	}
	return nil
}

// needed lists the places that have to hold the wanted set: the table filter of IPv4 and
// of IPv6, of the one back end that decides. A family whose table is not there closes
// nothing and is left alone, unless something has to be closed in it or there is no
// table at all. An empty set needs none.
func needed(r *linux.Reading, all []live, want rules.Set) []place {
	backend := deciding(r, all)
	both := find(all, &place{backend: backend, family: "ip", table: filter}) == nil &&
		find(all, &place{backend: backend, family: "ip6", table: filter}) == nil
	var places []place
	for _, family := range []string{"ip", "ip6"} {
		p := place{backend: backend, family: family, table: filter}
		part := want.Family(p.v4())
		for i := range part {
			p.in = p.in || part[i].Direction == rules.In
			p.out = p.out || part[i].Direction == rules.Out
		}
		there := find(all, &p) != nil || uses(r, p.v4()) && (both || len(part.Blocks()) > 0)
		if len(part) > 0 && there {
			places = append(places, p)
		}
	}
	return places
}

// uses says whether the host speaks the family at all: loopback alone would do.
func uses(r *linux.Reading, v4 bool) bool {
	for _, i := range r.Interfaces {
		for _, a := range i.Addresses {
			if a.Addr().Is4() == v4 {
				return true
			}
		}
	}
	return false
}

// deciding is the back end that our rules belong into: one that closes by default, else
// one that holds ours, else one that holds any rules, else one that has tables.
func deciding(r *linux.Reading, all []live) string {
	best, most := defaultEnd(r), 0
	for _, backend := range []string{nftEnd, legacyEnd} {
		weight := 0
		for i := range all {
			if l := &all[i]; l.backend == backend && l.place.table == filter {
				weight = max(weight, weigh(l.table))
			}
		}
		if weight > most {
			best, most = backend, weight
		}
	}
	return best
}

// What a table filter weighs when the back end is chosen.
const (
	tableIsThere = 1 + iota
	hasRules
	holdsOurs
	closesByDefault
)

func weigh(t *linux.SaveTable) int {
	weight := tableIsThere
	for _, c := range t.Chains {
		switch {
		case ourChain(c.Name):
			weight = max(weight, holdsOurs)
		case len(c.Rules) > 0:
			weight = max(weight, hasRules)
		}
	}
	if closes(t, input) || closes(t, output) {
		weight = closesByDefault
	}
	return weight
}

// defaultEnd is the back end of the program iptables itself.
func defaultEnd(r *linux.Reading) string {
	if len(r.Legacy) > 0 {
		return legacyEnd
	}
	return nftEnd
}

// closes says whether a chain ends in a drop for what no condition in it is true of.
func closes(t *linux.SaveTable, chain string) bool { return ending(t, chain, 0) == "DROP" }

// ending is "ACCEPT", "DROP", or empty where a chain of a user gives the packet back.
func ending(t *linux.SaveTable, chain string, depth int) string {
	c := t.Chain(chain)
	if c == nil || depth > 16 {
		return ""
	}
	for _, n := range c.Rules {
		if conditional(n) {
			continue
		}
		switch to := n.Target(); to {
		case "DROP", "REJECT":
			return "DROP"
		case "ACCEPT":
			return "ACCEPT"
		case "RETURN":
			return fallback(c)
		default:
			if t.Chain(to) == nil || ourChain(to) {
				continue
			}
			if end := ending(t, to, depth+1); end != "" {
				return end
			}
			if _, leaves := n.Option("-g"); leaves {
				return fallback(c)
			}
		}
	}
	return fallback(c)
}

// fallback is what becomes of a packet at the end of the chain.
func fallback(c *linux.SaveChain) string {
	if c.Policy == "-" {
		return ""
	}
	return c.Policy
}

// conditional says whether the rule holds anything that may not be true of a packet.
func conditional(n *linux.SaveRule) bool {
	for i, o := range n.Options {
		switch o.Name {
		case "-j", "-g", "--comment", "--reject-with":
		case "-m":
			if len(o.Values) != 1 || o.Values[0] != "comment" {
				return true
			}
		default:
			// What stands behind the target belongs to the target.
			return !behindTarget(n.Options[:i])
		}
	}
	return false
}

func behindTarget(before []linux.SaveOption) bool {
	for _, o := range before {
		if o.Name == "-j" || o.Name == "-g" {
			return true
		}
	}
	return false
}
