package inventory

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// listing is what ansible-inventory --list prints.
type listing struct {
	vars     map[string]map[string]any
	hosts    map[string][]string // of groups
	children map[string][]string
}

func TestAgainstAnsible(t *testing.T) {
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		skip(t, "ansible-inventory is not installed (Debian: ansible-core)")
	}
	for name, files := range oracleCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, files)
			source := ""
			for _, s := range []string{"hosts", "hosts.yml", "hosts.json", "inv"} {
				if hit, _ := filepath.Glob(filepath.Join(dir, s)); hit != nil {
					source = hit[0]
				}
			}
			inv, err := Load(context.Background(), []string{source}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, inv, ansible(t, program, source))
		})
	}
}

func ansible(t *testing.T, program, source string) listing {
	t.Helper()
	cmd := exec.Command(program, "-i", source, "--list")
	cmd.Dir = t.TempDir() // no ansible.cfg, no group_vars of a playbook
	cmd.Env = append(cmd.Environ(), "HOME="+cmd.Dir, "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(out, &raw); err != nil {
		t.Fatal(err)
	}
	l := listing{hosts: map[string][]string{}, children: map[string][]string{}}
	for name, text := range raw {
		if name == "_meta" {
			var meta struct{ Hostvars json.RawMessage }
			if err := json.Unmarshal(text, &meta); err != nil {
				t.Fatal(err)
			}
			d := json.NewDecoder(bytes.NewReader(meta.Hostvars))
			d.UseNumber()
			if err := d.Decode(&l.vars); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var g struct{ Hosts, Children []string }
		if err := json.Unmarshal(text, &g); err != nil {
			t.Fatal(err)
		}
		l.hosts[name], l.children[name] = g.Hosts, g.Children
	}
	return l
}

// compare checks groups, their hosts and children, and every host's variables.
func compare(t *testing.T, inv *Inventory, want listing) {
	t.Helper()
	for _, g := range inv.Groups {
		if g.Name != "all" { // hosts that are in all alone are listed as ungrouped only
			equal(t, "hosts of "+g.Name, sortedNames(g.Hosts), sortedNames(want.hosts[g.Name]))
		}
		equal(t, "children of "+g.Name, sortedNames(g.Children), sortedNames(want.children[g.Name]))
	}
	for name := range want.hosts {
		if inv.Group(name) == nil {
			t.Errorf("group %s is missing", name)
		}
	}
	total := map[string]bool{}
	for _, hosts := range want.hosts {
		for _, h := range hosts {
			total[h] = true
		}
	}
	if len(total) != len(inv.Hosts) {
		t.Errorf("got %d hosts, want %d", len(inv.Hosts), len(total))
	}
	for _, h := range inv.Hosts {
		got := map[string]any{}
		for name, v := range h.Vars {
			got[name] = v.Any
			if v.src != nil && v.src.unsafe {
				got[name] = map[string]any{"__ansible_unsafe": v.Any}
			}
		}
		for name := range want.vars[h.Name] {
			if _, ok := got[name]; !ok {
				t.Errorf("host %s lacks %s", h.Name, name)
			}
		}
		for name, v := range got {
			if w, ok := want.vars[h.Name][name]; !ok || !same(v, w) {
				t.Errorf("host %s, %s: got %#v, want %#v (%v)", h.Name, name, v, w, ok)
			}
		}
	}
}

// same compares a value with what JSON says of it: whole numbers and fractions
// are different things.
func same(got, want any) bool {
	switch w := want.(type) {
	case json.Number:
		text, _ := textOf(got)
		if _, isText := got.(string); isText {
			return false
		}
		text = strings.NewReplacer("inf", "Infinity", "nan", "NaN").Replace(text)
		return text == w.String()
	case []any:
		g, ok := got.([]any)
		return ok && slices.EqualFunc(g, w, same)
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if !same(g[k], w[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

func sortedNames(names []string) []string {
	out := append([]string{}, names...)
	slices.Sort(out)
	return out
}
