package inventory

// addINI declares what an INI inventory says.
func (d *draft) addINI(sections []*iniSection) {
	type pending struct {
		section *iniSection
		line    iniLine
	}
	var children []pending
	var vars []*iniSection
	for _, s := range sections {
		switch s.kind {
		case "hosts":
			g := d.group(s.group, s.at)
			for _, h := range s.hosts {
				for _, name := range h.names {
					d.addHost(g, name, h.port, h.at, h.vars)
				}
			}
		case "children":
			d.group(s.group, s.at)
			for _, line := range s.kids {
				children = append(children, pending{s, line})
			}
		case "vars":
			vars = append(vars, s)
		default: // the header was refused; the name still counts as declared
			d.group(s.group, s.at)
		}
	}
	// Sections may name groups that come later in the file.
	for _, c := range children {
		if child := d.groups[c.line.text]; child != nil {
			d.adopt(d.groups[c.section.group], child, c.line.at)
		} else {
			d.unknownGroup(c.line.at, c.line.text, "child of "+c.section.group)
		}
	}
	for _, s := range vars {
		g := d.groups[s.group]
		if g == nil {
			d.unknownGroup(s.at, s.group, "section ["+s.group+":vars]")
			continue
		}
		for _, v := range s.vars {
			d.setGroup(g, v.name, v.value)
		}
	}
}

func (d *draft) unknownGroup(at Position, name, where string) {
	names := make([]string, 0, len(d.groupOrder))
	for _, g := range d.groupOrder {
		names = append(names, g.name)
	}
	hint := suggest(name, names...)
	if hint == "" {
		hint = "declare it with [" + name + "]"
	}
	d.problem(at, hint, "group %q is declared nowhere (%s)", name, where)
}

// addHost declares one host of a group with its variables. A port from the host
// pattern counts unless ansible_port is set beside it, and only where the host is
// named for the first time, as in Ansible.
func (d *draft) addHost(g *draftGroup, name string, port int, at Position, vars []iniVar) {
	if bad := badName(name); bad != "" {
		d.problem(at, "", "host name %q %s", name, bad)
		return
	}
	before := d.hosts[name]
	h := d.host(name, g, at)
	switch {
	case port > 0 && before == nil:
		h.set("ansible_port", Value{Any: int64(port), At: at})
	case port > 0 && before.vars["ansible_port"].Any != int64(port):
		d.warn(at, "set ansible_port", "port %d is not used, because host %q is named before at %s", port, name, before.at)
	}
	for _, v := range vars {
		d.setHost(h, v.name, v.value)
	}
}

// setHost gives a host a variable; where a group has the host's name the variable
// is the group's, as in Ansible.
func (d *draft) setHost(h *draftHost, name string, v Value) {
	if g := d.groups[h.name]; g != nil {
		d.setGroup(g, name, v)
		return
	}
	h.set(name, v)
}

// badName says why a host cannot have the name; no other tool could show it.
func badName(name string) string {
	if name == "" {
		return "is empty"
	}
	for _, c := range name {
		if c < 0x20 || c == 0x7f {
			return "holds a control character"
		}
	}
	return ""
}
