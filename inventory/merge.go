package inventory

import (
	"maps"
	"sort"
	"strconv"
	"strings"
)

// merger merges variables by Ansible's precedence, weak to strong: vars of all
// in the inventory, vars of the other groups, group_vars/all, group_vars of the
// other groups (source by source), the host's in the inventory, host_vars, -e.
// Groups are merged by depth, then ansible_group_priority, then name. Lists and
// maps are replaced as a whole, never joined.
type merger struct {
	*draft
	extra  Vars
	number map[*draftGroup]int
	known  map[string]*merged
}

// merged is what the hosts with the same groups have in common.
type merged struct {
	groups []*draftGroup // outermost first
	names  []string
	vars   Vars
}

func newMerger(d *draft, extra Vars) *merger {
	m := &merger{draft: d, extra: extra, number: map[*draftGroup]int{}, known: map[string]*merged{}}
	for i, g := range d.groupOrder {
		m.number[g] = i
	}
	return m
}

// of returns the host's groups and merged variables. The variables are shared by
// all hosts that have none of their own.
func (m *merger) of(h *draftHost) ([]string, Vars) {
	base := m.base(h.groups)
	own := len(h.vars)
	for _, place := range m.files {
		own += len(place.hosts[h])
	}
	if own == 0 {
		return base.names, base.vars
	}
	vars := make(Vars, len(base.vars)+own)
	maps.Copy(vars, base.vars)
	maps.Copy(vars, h.vars)
	for _, place := range m.files {
		maps.Copy(vars, place.hosts[h])
	}
	maps.Copy(vars, m.extra)
	return base.names, vars
}

func (m *merger) base(direct []*draftGroup) *merged {
	numbers := make([]int, len(direct))
	for i, g := range direct {
		numbers[i] = m.number[g]
	}
	sort.Ints(numbers)
	var key strings.Builder
	for _, n := range numbers {
		key.WriteString(strconv.Itoa(n))
		key.WriteByte(' ')
	}
	if b := m.known[key.String()]; b != nil {
		return b
	}
	b := &merged{groups: m.chain(direct), vars: Vars{}}
	for _, g := range b.groups {
		b.names = append(b.names, g.name)
	}
	all := m.draft.groups["all"]
	maps.Copy(b.vars, all.vars)
	for _, g := range b.groups {
		maps.Copy(b.vars, g.vars)
	}
	for _, place := range m.files {
		maps.Copy(b.vars, place.groups[all])
	}
	for _, place := range m.files {
		for _, g := range b.groups {
			if g != all {
				maps.Copy(b.vars, place.groups[g])
			}
		}
	}
	m.lostRules(b)
	maps.Copy(b.vars, m.extra)
	m.known[key.String()] = b
	return b
}

// chain is the groups and all above them, weakest first.
func (m *merger) chain(direct []*draftGroup) []*draftGroup {
	all := m.draft.groups["all"]
	seen := map[*draftGroup]bool{all: true}
	list := []*draftGroup{all}
	queue := append([]*draftGroup(nil), direct...)
	for len(queue) > 0 {
		g := queue[0]
		queue = queue[1:]
		if seen[g] {
			continue
		}
		seen[g] = true
		list = append(list, g)
		queue = append(queue, g.parents...)
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.depth != b.depth {
			return a.depth < b.depth
		}
		if a.priority != b.priority {
			return a.priority < b.priority
		}
		return a.name < b.name
	})
	return list
}

// lostRules warns where farmwall_rules of one group takes the place of
// another's, which surprises people who expect the two to add up.
func (m *merger) lostRules(b *merged) {
	const name = "farmwall_rules"
	winner, ok := b.vars[name]
	if !ok {
		return
	}
	lost := func(g *draftGroup, vars Vars) {
		if v, ok := vars[name]; ok && v.src != winner.src {
			m.warn(v.At, "Ansible replaces lists; write all rules of a host in one", "%s of group %q is replaced for some hosts by the one at %s", name, g.name, winner.At)
		}
	}
	for _, g := range b.groups {
		lost(g, g.vars)
		for _, place := range m.files {
			lost(g, place.groups[g])
		}
	}
}

// order lists the groups breadth first from g, children in order of declaration,
// and the hosts in the order in which that walk meets them.
func (g *draftGroup) order() ([]*draftGroup, []*draftHost) {
	groups := []*draftGroup{g}
	seenGroup := map[*draftGroup]bool{g: true}
	seenHost := map[*draftHost]bool{}
	var hosts []*draftHost
	for i := 0; i < len(groups); i++ {
		for _, h := range groups[i].hosts {
			if !seenHost[h] {
				seenHost[h] = true
				hosts = append(hosts, h)
			}
		}
		for _, c := range groups[i].children {
			if !seenGroup[c] {
				seenGroup[c] = true
				groups = append(groups, c)
			}
		}
	}
	return groups, hosts
}
