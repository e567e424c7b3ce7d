package iptables

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strings"

	"farmwall/rules"
	"farmwall/rules/linux"
)

// An address list is a chain of its own, named by its content, that accepts whoever is
// in it, so that no rule is written once for each address and no ipset is needed. A
// long list is a tree of two steps: the chain leads to one chain for each group, by the
// prefix that covers it, so that a packet is compared with about twice the square root
// of the list instead of all of it.

var listChain = regexp.MustCompile(`^FARMWALL-[SD]-[0-9a-f]{12}(-[0-9a-f]{1,4})?$`)

// listName names an address list of one family by its content and by the end of the
// packet that it is compared with.
func listName(d rules.Direction, part *rules.Addresses) string {
	end := "S"
	if d == rules.Out {
		end = "D"
	}
	return prefix + end + "-" + part.Hash()[:12]
}

// flat is how many addresses a list may have before it becomes a tree, and mostGroups
// how many groups have a name.
const (
	flat       = 32
	mostGroups = 0x10000
)

// writeList says the chains of a list and their rules.
func writeList(d rules.Direction, part *rules.Addresses) (chains, body []string) {
	name, option := listName(d, part), address(d)
	ps := part.Prefixes()
	groups := []group{{members: ps}}
	if len(ps) > flat {
		groups = grouped(ps, max(flat, int(math.Sqrt(float64(len(ps))))))
	}
	if len(groups) == 1 || len(groups) > mostGroups {
		groups = []group{{members: ps}}
	}
	chains = []string{name}
	var last []string
	for i, g := range groups {
		if len(groups) == 1 || len(g.members) == 1 {
			for _, p := range g.members {
				body = append(body, accept(name, option, p))
			}
			continue
		}
		sub := fmt.Sprintf("%s-%x", name, i)
		chains = append(chains, sub)
		body = append(body, fmt.Sprintf("-A %s %s %s -j %s", name, option, g.cover, sub))
		for _, p := range g.members {
			last = append(last, accept(sub, option, p))
		}
	}
	return chains, append(body, last...)
}

func accept(chain, option string, p netip.Prefix) string {
	return "-A " + chain + " " + option + " " + p.String() + " -j ACCEPT"
}

// group is prefixes of a list with the prefix that covers them and none of the others.
type group struct {
	cover   netip.Prefix
	members []netip.Prefix
}

// grouped cuts sorted, disjoint prefixes into groups of at most so many members, in
// order: it halves the prefix that covers all of them until they are few enough.
func grouped(ps []netip.Prefix, most int) []group {
	cover := covering(ps[0], ps[len(ps)-1])
	if len(ps) <= most {
		return []group{{cover, ps}}
	}
	n := 0
	low := netip.PrefixFrom(cover.Addr(), cover.Bits()+1)
	for n < len(ps) && low.Contains(ps[n].Addr()) {
		n++
	}
	return append(grouped(ps[:n], most), grouped(ps[n:], most)...)
}

// covering is the smallest prefix that holds both.
func covering(a, b netip.Prefix) netip.Prefix {
	for bits := min(a.Bits(), b.Bits()); ; bits-- {
		if p, err := a.Addr().Prefix(bits); err == nil && p.Contains(b.Addr()) {
			return p
		}
	}
}

// listed reads who is let in by a chain that is an address list. ok is false where the
// chain does anything else.
func listed(t *linux.SaveTable, d rules.Direction, chain string, depth int) (*rules.Addresses, bool) {
	c := t.Chain(chain)
	if c == nil || depth > 4 || !strings.HasPrefix(chain, prefix) {
		return nil, false
	}
	var all []netip.Prefix
	for _, n := range c.Rules {
		p, to, ok := member(n, d)
		if !ok {
			return nil, false
		}
		if to == "ACCEPT" {
			all = append(all, p)
			continue
		}
		deeper, ok := listed(t, d, to, depth+1)
		if !ok {
			return nil, false
		}
		all = append(all, deeper.Intersect(rules.NewAddresses([]netip.Prefix{p})).Prefixes()...)
	}
	return rules.NewAddresses(all), true
}

// member reads one rule of a list: the address, and the chain that it leads to.
func member(n *linux.SaveRule, d rules.Direction) (p netip.Prefix, to string, ok bool) {
	if len(n.Options) != 2 || n.Options[1].Name != "-j" || n.Options[1].Not {
		return p, "", false
	}
	p, err := prefixOf(n.Options[0], d)
	return p, n.Target(), err == nil
}
