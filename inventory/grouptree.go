package inventory

// holds says whether other is a child of g, at any depth. It walks down from g and
// up from other in turns, and ends with whichever way ends first: a chain of groups
// costs the same in whatever order it is declared.
func (g *draftGroup) holds(other *draftGroup) bool {
	down, up := []*draftGroup{g}, []*draftGroup{other}
	below, above := map[*draftGroup]bool{g: true}, map[*draftGroup]bool{other: true}
	for len(down) > 0 && len(up) > 0 {
		d, u := down[0], up[0]
		down, up = down[1:], up[1:]
		for _, c := range d.children {
			if c == other {
				return true
			}
			if !below[c] {
				below[c] = true
				down = append(down, c)
			}
		}
		for _, p := range u.parents {
			if p == g {
				return true
			}
			if !above[p] {
				above[p] = true
				up = append(up, p)
			}
		}
	}
	return false
}

// maxGroupDepth is how deeply groups may lie in each other; Ansible itself fails a
// little below a thousand.
const maxGroupDepth = 500

// countDepths walks the groups with every parent before its children.
func (d *draft) countDepths() {
	waiting := map[*draftGroup]int{}
	for _, g := range d.groupOrder {
		waiting[g] = len(g.parents)
	}
	ready := []*draftGroup{d.groups["all"]}
	told := false
	for len(ready) > 0 {
		g := ready[0]
		ready = ready[1:]
		if g.depth > maxGroupDepth && !told {
			told = true
			d.problem(g.at, "", "groups lie in each other more than %d deep, down to %q", maxGroupDepth, g.name)
		}
		for _, c := range g.children {
			c.depth = max(c.depth, g.depth+1)
			if waiting[c]--; waiting[c] == 0 {
				ready = append(ready, c)
			}
		}
	}
}
