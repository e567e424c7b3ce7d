package main

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

// showVars prints a host's variables, but for those that hold a secret.
func (p *program) showVars(c *cli.Context, h *inventory.Host) error {
	names := make([]string, 0, len(h.Vars))
	for name := range h.Vars {
		names = append(names, name)
	}
	sort.Strings(names)
	if c.String("output") == "json" {
		out := map[string]any{}
		for _, name := range names {
			out[name] = map[string]any{"value": shownVariable(name, h.Vars[name]), "at": h.Vars[name].At}
		}
		return writeJSON(p.stdout, out)
	}
	rows := [][]string{{"VARIABLE", "VALUE", "SET AT"}}
	for _, name := range names {
		v := h.Vars[name]
		text, err := json.Marshal(shownVariable(name, v))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows, []string{name, string(text), orDash(v.At.String())})
	}
	writeTable(p.stdout, rows)
	return nil
}

// shownVariable hides what is secret by its place.
func shownVariable(name string, v inventory.Value) any {
	if v.Secret() {
		return "***"
	}
	return shownValue(name, v.Any)
}

// shownValue hides passwords and passphrases, by the words that Ansible's own
// variables have for them.
func shownValue(name string, v any) any {
	for _, word := range []string{"pass", "secret", "token", "private_key_passphrase"} {
		if strings.Contains(strings.ToLower(name), word) && v != nil {
			return "***"
		}
	}
	if _, sealed := v.(*inventory.Sealed); sealed {
		return "***"
	}
	if m, ok := v.(map[string]any); ok {
		out := map[string]any{}
		for key, value := range m {
			out[key] = shownValue(key, value)
		}
		return out
	}
	if list, ok := v.([]any); ok {
		out := make([]any, len(list))
		for i, value := range list {
			out[i] = shownValue("", value)
		}
		return out
	}
	return v
}

func (p *program) inventoryGraph(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	inv, hosts, err := p.farmsWith(c, inventory.Options{NoRoles: true, NoSecrets: true})
	if err != nil {
		return exitOK, err
	}
	if c.String("output") == "json" {
		return exitOK, writeJSON(p.stdout, inv.Groups)
	}
	g := graph{groups: map[string]*inventory.Group{}, shown: map[string]bool{}, hosts: map[string]*inventory.Host{}}
	for _, group := range inv.Groups {
		g.groups[group.Name] = group
	}
	for _, h := range hosts {
		g.hosts[h.Name] = h
	}
	g.group(&g.text, "all", 0)
	_, err = fmt.Fprint(p.stdout, g.text.String())
	return exitOK, err
}

// graph draws groups as ansible-inventory --graph does.
type graph struct {
	groups map[string]*inventory.Group
	hosts  map[string]*inventory.Host // selected ones
	shown  map[string]bool
	text   strings.Builder
}

func (g *graph) group(w *strings.Builder, name string, depth int) {
	fmt.Fprintf(w, "%s@%s:\n", indent(depth), plain(name))
	group := g.groups[name]
	if group == nil || g.shown[name] {
		return
	}
	g.shown[name] = true
	for _, child := range group.Children {
		g.group(w, child, depth+1)
	}
	for _, name := range group.Hosts {
		h := g.hosts[name]
		if h == nil {
			continue
		}
		line := plain(name)
		if len(h.Roles) > 0 {
			line += "  " + roleWords(h.Roles)
		}
		fmt.Fprintf(w, "%s%s\n", indent(depth+1), line)
	}
}

func indent(depth int) string {
	if depth == 0 {
		return ""
	}
	return strings.Repeat("  |", depth) + "--"
}
