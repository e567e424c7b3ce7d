package inventory

import (
	"path/filepath"
	"strings"
)

// magic says whether a name is one of the variables that Ansible sets itself and
// that farmwall knows.
func magic(name string) bool {
	switch name {
	case "inventory_hostname", "inventory_hostname_short", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file":
		return true
	}
	return false
}

// hostVariables is the value of hostvars: the variables of all hosts by name, or
// those of one.
type hostVariables struct{ host *Host } // nil: all

// magicValue is the value of a variable that Ansible sets itself.
func (ev *evaluation) magicValue(name string) (any, bool) {
	switch name {
	case "inventory_hostname":
		return ev.host.Name, true
	case "inventory_hostname_short":
		short, _, _ := strings.Cut(ev.host.Name, ".")
		return short, true
	case "group_names":
		names := []any{}
		for _, g := range sortedCopy(ev.host.Groups) {
			if g != "all" {
				names = append(names, g)
			}
		}
		return names, true
	case "groups":
		return ev.groups(), true
	case "hostvars":
		return hostVariables{}, true
	case "inventory_file":
		if file := ev.sources[ev.host.Name]; file != "" {
			return file, true
		}
		return nil, true
	case "inventory_dir":
		if file := ev.sources[ev.host.Name]; file != "" {
			return filepath.Dir(file), true
		}
		return nil, true
	}
	return nil, false
}

// groups are the names of all hosts of each group, those of child groups too.
func (r *resolver) groups() map[string]any {
	if r.allNames == nil {
		r.allNames = map[string]any{}
		s := &selection{inv: r.inv, under: map[string][]string{}}
		for _, g := range r.inv.Groups {
			names := []any{}
			for _, h := range s.hosts(g) {
				names = append(names, h)
			}
			r.allNames[g.Name] = names
		}
	}
	return r.allNames
}

// ofHost is hostvars['host'] or hostvars['host']['name'].
func (ev *evaluation) ofHost(h hostVariables, index any) (any, *templateError) {
	name, ok := index.(string)
	if !ok {
		return nil, templatef("", "hostvars has names of hosts and of variables, not %s", kindOf(index))
	}
	if h.host == nil {
		other := ev.inv.Host(name)
		if other == nil {
			return undefined{"the host " + show(name) + " of hostvars"}, nil
		}
		return hostVariables{other}, nil
	}
	before := ev.host
	ev.host = h.host
	defer func() { ev.host = before }()
	v, err := ev.variable(name)
	if u, missing := v.(undefined); missing && err == nil {
		u.what += " for host " + show(h.host.Name)
		return u, nil
	}
	return v, err
}
