package inventory

import "go.yaml.in/yaml/v3"

// yamlDraft declares what a YAML inventory says.
type yamlDraft struct {
	*draft
	*yamlReader
}

// addYAML reads the groups under the root of a YAML inventory.
func (d *draft) addYAML(file string, root *yaml.Node, secret bool) {
	y := &yamlDraft{draft: d, yamlReader: d.yamlReader(file, secret)}
	pairs := y.pairs(root)
	for _, p := range pairs {
		switch p.name {
		case "plugin":
			d.problem(y.at(p.key), "write its answer to a file: ansible-inventory -i FILE --list --yaml --export", "this is the configuration of inventory plugin %q, which farmwall does not run", followed(p.value).Value)
			return
		case "_meta":
			d.problem(y.at(p.key), "write it as a YAML inventory: ansible-inventory -i SCRIPT --list --yaml --export", "this is the output of an inventory script, not an inventory")
			return
		}
	}
	for _, p := range pairs {
		y.addGroup(p)
	}
}

// yamlReader reads values of a file; secret says that it was encrypted.
func (d *draft) yamlReader(file string, secret bool) *yamlReader {
	y := newYAMLReader(d.report, file)
	y.secret = secret
	return y
}

// entries lists what may be a map, null or one name.
func (y *yamlDraft) entries(what string, n *yaml.Node) []yamlPair {
	r := followed(n)
	switch {
	case r.Kind == yaml.MappingNode:
		return y.pairs(r)
	case r.Kind == yaml.ScalarNode:
		v, err := y.scalar(r)
		if name, ok := v.(string); ok && err == nil {
			return []yamlPair{{name: name, text: true, key: n, value: &yaml.Node{Kind: yaml.ScalarNode, Line: n.Line}}}
		}
		if v == nil && err == nil {
			return nil
		}
		y.draft.problem(y.at(n), "", "%s must be a map, not %s", what, kindOf(v))
	default:
		y.draft.problem(y.at(n), "write the names as keys, each with a colon", "%s must be a map, not a list", what)
	}
	return nil
}

// addGroup reads one group, with what is under it, and returns it; nil where it
// is none.
func (y *yamlDraft) addGroup(p yamlPair) *draftGroup {
	if !p.text || p.name == "" {
		y.draft.problem(y.at(p.key), "put it in quotes", "group name %q is not a text", p.name)
		return nil
	}
	body := followed(p.value)
	if body.Kind != yaml.MappingNode {
		v := y.value(body)
		if v != nil {
			y.draft.problem(y.at(p.key), "a group is a map with hosts, children and vars", "group %q is %s", p.name, kindOf(v))
			return nil
		}
		return y.group(p.name, y.at(p.key))
	}
	if y.busy[body] {
		y.draft.problem(y.at(p.key), "", "group %q is inside itself", p.name)
		return nil
	}
	y.busy[body] = true
	defer delete(y.busy, body)
	g := y.group(p.name, y.at(p.key))
	for _, section := range y.pairs(body) {
		y.addSection(g, section)
	}
	return g
}

func (y *yamlDraft) addSection(g *draftGroup, section yamlPair) {
	what := section.name + " of group " + g.name
	switch section.name {
	case "vars":
		for _, v := range y.entries(what, section.value) {
			y.setGroup(g, v.name, y.variable(v.key, v.value))
		}
	case "children":
		for _, c := range y.entries(what, section.value) {
			if child := y.addGroup(c); child != nil {
				y.adopt(g, child, y.at(c.key))
			}
		}
	case "hosts":
		for _, h := range y.entries(what, section.value) {
			y.addHosts(g, h)
		}
	default:
		y.draft.problem(y.at(section.key), suggestOr("a group holds hosts, children and vars", section.name, "hosts", "children", "vars"), "group %q has the unknown key %q", g.name, section.name)
	}
}

// addHosts reads one key under hosts, which may stand for many hosts.
func (y *yamlDraft) addHosts(g *draftGroup, p yamlPair) {
	at := y.at(p.key)
	if !p.text {
		y.draft.problem(at, "put it in quotes", "host name %q is not a text", p.name)
		return
	}
	var vars []iniVar
	if body := followed(p.value); body.Kind == yaml.MappingNode {
		for _, v := range y.pairs(body) {
			vars = append(vars, iniVar{v.name, y.variable(v.key, v.value)})
		}
	} else if v := y.value(body); v != nil {
		y.draft.problem(at, "a host's variables are a map", "host %q is %s", p.name, kindOf(v))
		return
	}
	name, port := splitPort(p.name)
	names, err := expandName(name)
	if err != nil {
		y.draft.problem(at, "", "%s", err)
		return
	}
	if len(names) == 0 {
		y.draft.warn(at, "", "host pattern %q stands for no host", p.name)
	}
	for _, name := range names {
		y.addHost(g, name, port, at, vars)
	}
}
