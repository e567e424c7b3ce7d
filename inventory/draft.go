package inventory

import (
	"math/big"
	"strconv"
	"strings"
)

// draft is the inventory as the sources declare it, before anything is merged.
type draft struct {
	*report
	groups     map[string]*draftGroup
	groupOrder []*draftGroup
	hosts      map[string]*draftHost
	hostOrder  []*draftHost
	files      []placeVars
	first      Position // the first source
	current    string   // the file being read; empty for a list of hosts
	sources    []string // the folders of the sources
}

// placeVars is what group_vars and host_vars of one place say.
type placeVars struct {
	groups map[*draftGroup]Vars
	hosts  map[*draftHost]Vars
}

type draftGroup struct {
	name     string
	at       Position
	vars     Vars
	priority int // ansible_group_priority
	depth    int // longest way from all
	children []*draftGroup
	parents  []*draftGroup
	hosts    []*draftHost
}

type draftHost struct {
	name   string
	at     Position
	vars   Vars
	groups []*draftGroup // those that name it
	source string        // the file that named it first
}

func newDraft(r *report) *draft {
	d := &draft{report: r, groups: map[string]*draftGroup{}, hosts: map[string]*draftHost{}}
	all := d.group("all", Position{})
	d.adopt(all, d.group("ungrouped", Position{}), Position{})
	return d
}

// group returns the group of that name and declares it first where it is new.
func (d *draft) group(name string, at Position) *draftGroup {
	g := d.groups[name]
	if g == nil {
		g = &draftGroup{name: name, at: at, vars: Vars{}, priority: 1}
		d.groups[name] = g
		d.groupOrder = append(d.groupOrder, g)
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || name != "" && digit(name[0]) {
			d.warn(at, "Ansible asks for letters, digits and underscores, no digit first", "group name %q has other characters", name)
		}
	} else if g.at == (Position{}) {
		g.at = at
	}
	return g
}

// host returns the host of that name, declared in the group.
func (d *draft) host(name string, g *draftGroup, at Position) *draftHost {
	h := d.hosts[name]
	if h == nil {
		h = &draftHost{name: name, at: at, source: d.current}
		d.hosts[name] = h
		d.hostOrder = append(d.hostOrder, h)
	}
	for _, other := range h.groups {
		if other == g {
			return h
		}
	}
	h.groups = append(h.groups, g)
	g.hosts = append(g.hosts, h)
	return h
}

// adopt makes child a child group of parent; a loop is refused.
func (d *draft) adopt(parent, child *draftGroup, at Position) {
	if parent == child {
		d.problem(at, "take it out", "group %q is a child of itself", child.name)
		return
	}
	for _, p := range child.parents {
		if p == parent {
			return
		}
	}
	if child.holds(parent) {
		d.problem(at, "take one of the two out", "groups %q and %q are children of each other", parent.name, child.name)
		return
	}
	parent.children = append(parent.children, child)
	child.parents = append(child.parents, parent)
}

// setGroup gives the group a variable; ansible_group_priority is its own place in the
// order and no variable.
func (d *draft) setGroup(g *draftGroup, name string, v Value) {
	if name != "ansible_group_priority" {
		g.vars[name] = v
		return
	}
	n, ok := wholeOf(v.Any)
	if !ok {
		d.problem(v.At, "", "ansible_group_priority of group %q is %s, not a whole number", g.name, kindOf(v.Any))
		return
	}
	g.priority = n
}

func (h *draftHost) set(name string, v Value) {
	if h.vars == nil {
		h.vars = Vars{}
	}
	h.vars[name] = v
}

// wholeOf reads a whole number, also as a text.
func wholeOf(v any) (int, bool) {
	switch v := v.(type) {
	case int64:
		return int(v), true
	case *big.Int:
		return 0, false
	case string:
		n, err := strconv.Atoi(strings.TrimSpace(v))
		return n, err == nil
	}
	return 0, false
}

// finish gives every group a parent and every host a group, and counts depths.
func (d *draft) finish() {
	all, ungrouped := d.groups["all"], d.groups["ungrouped"]
	for _, g := range d.groupOrder {
		if g != all && len(g.parents) == 0 {
			d.adopt(all, g, g.at)
		}
	}
	ungrouped.hosts = nil
	for _, h := range d.hostOrder {
		kept, other := h.groups[:0:0], false
		for _, g := range h.groups {
			if g != ungrouped {
				kept = append(kept, g)
				other = other || g != all
			}
		}
		if !other {
			kept = append(kept, ungrouped)
			ungrouped.hosts = append(ungrouped.hosts, h)
		}
		h.groups = kept
		if g := d.groups[h.name]; g != nil {
			d.warn(h.at, "as a pattern the name means the host, and its variables are the group's", "%q is the name of a host and of a group", h.name)
		}
	}
	d.countDepths()
}
