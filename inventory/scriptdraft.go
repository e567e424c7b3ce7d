package inventory

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// addScript declares what an inventory script answered to --list: groups by name,
// and _meta.hostvars with the variables of hosts. Without _meta the script is
// asked for each host by itself. Ranges and ports in names mean nothing here.
func (y *yamlDraft) addScript(root *yaml.Node, run *scriptRun) {
	var hostvars *yaml.Node
	known := map[string]bool{}
	var names []string // of hosts, in order
	for _, p := range y.pairs(root) {
		if p.name == "_meta" {
			for _, m := range y.pairs(p.value) {
				if m.name == "hostvars" {
					hostvars = m.value
				}
			}
			continue
		}
		for _, name := range y.scriptGroup(p) {
			if !known[name] {
				known[name] = true
				names = append(names, name)
			}
		}
	}
	if hostvars == nil {
		y.askHosts(names, run)
		return
	}
	if hostvars.Kind != yaml.MappingNode {
		y.draft.problem(y.at(hostvars), "a map from host names to variables", "_meta.hostvars is %s", kindOf(y.value(hostvars)))
		return
	}
	for _, p := range y.pairs(hostvars) {
		if known[p.name] {
			y.hostVars(p.name, p.value)
		}
	}
}

// scriptGroup reads one group and returns the hosts that it names. A list is its
// hosts; a map with none of the three keys is a host of the group's own name, with
// these as the group's variables.
func (y *yamlDraft) scriptGroup(p yamlPair) []string {
	at := y.at(p.key)
	if p.name == "" {
		y.draft.problem(at, "", "a group has no name")
		return nil
	}
	body := p.value
	parts := map[string]*yaml.Node{}
	switch body.Kind {
	case yaml.SequenceNode:
		parts["hosts"] = body
	case yaml.MappingNode:
		for _, part := range y.pairs(body) {
			switch part.name {
			case "hosts", "vars", "children":
				parts[part.name] = part.value
			}
		}
		if len(parts) == 0 {
			parts["vars"] = body
			parts["hosts"] = &yaml.Node{Kind: yaml.SequenceNode, Line: body.Line, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Style: yaml.TaggedStyle, Value: p.name, Line: p.key.Line}}}
		}
	default:
		y.draft.problem(at, "a group is a map with hosts, vars and children, or a list of hosts", "group %q is %s", p.name, kindOf(y.value(body)))
		return nil
	}
	g := y.group(p.name, at)
	names := y.scriptNames(parts["hosts"], "hosts of group "+p.name)
	for _, name := range names {
		y.addHost(g, name, -1, at, nil)
	}
	if vars := parts["vars"]; vars != nil {
		if vars.Kind != yaml.MappingNode {
			y.draft.problem(y.at(vars), "", "vars of group %s is %s, not a map", p.name, kindOf(y.value(vars)))
			return names
		}
		for _, v := range y.pairs(vars) {
			y.setGroup(g, v.name, y.variable(v.key, v.value))
		}
	}
	for _, child := range y.scriptNames(parts["children"], "children of group "+p.name) {
		y.adopt(g, y.group(child, at), at)
	}
	return names
}

// scriptNames reads a list of texts.
func (y *yamlDraft) scriptNames(n *yaml.Node, what string) []string {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		y.draft.problem(y.at(n), "", "%s is %s, not a list", what, kindOf(y.value(n)))
		return nil
	}
	var names []string
	for _, e := range n.Content {
		name, ok := y.value(e).(string)
		if !ok || name == "" {
			y.draft.problem(y.at(e), "", "%s: %s is no name", what, show(y.value(e)))
			continue
		}
		names = append(names, name)
	}
	return names
}

func (y *yamlDraft) hostVars(name string, n *yaml.Node) {
	h := y.hosts[name]
	if h == nil {
		return // its name was refused
	}
	if n.Kind != yaml.MappingNode {
		y.draft.problem(y.at(n), "", "the variables of host %q are %s, not a map", name, kindOf(y.value(n)))
		return
	}
	for _, v := range y.pairs(n) {
		y.setHost(h, v.name, y.variable(v.key, v.value))
	}
}

func (y *yamlDraft) askHosts(names []string, run *scriptRun) {
	if run == nil || len(names) == 0 {
		return
	}
	answers, failed, err := run.hostAnswers(names)
	if err != nil {
		if failed != "" {
			y.draft.problem(Position{File: run.name}, "run it by hand: "+run.name+" --host "+failed, "the inventory script is of no use for host %q: %s", failed, err)
		}
		return
	}
	for i, name := range names {
		if len(bytes.TrimSpace(answers[i])) == 0 {
			continue // no variables
		}
		source := run.name + " --host " + name
		root := y.scriptJSON(source, answers[i])
		if root == nil {
			return
		}
		each := &yamlDraft{draft: y.draft, yamlReader: y.draft.yamlReader(source, false)}
		each.hostVars(name, root)
	}
}
