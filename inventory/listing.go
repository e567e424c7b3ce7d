package inventory

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// WriteAnsible writes what ansible-inventory --list prints: each group with its
// hosts and children, and _meta.hostvars with the merged variables, templates and
// inline vault values as they stand. Of groups only the given hosts are named. It
// returns how many of the values were in encrypted files and are now readable.
func (inv *Inventory) WriteAnsible(w io.Writer, hosts []*Host) (secrets int, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	l := &ansibleListing{out: out, done: map[*origin]string{}, secret: map[*origin]bool{}}
	selected := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		selected[h.Name] = true
	}
	l.write("{\n")
	groups := map[string]string{}
	for _, g := range inv.Groups {
		if text := groupText(g, selected); text != "" {
			groups[g.Name] = text
		}
	}
	names := append(sortedKeys(groups), metaKey)
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			l.write(",\n")
		}
		l.write("    " + jsonText(name) + ": ")
		if name == metaKey {
			l.meta(hosts)
		} else {
			l.write(groups[name])
		}
	}
	l.write("\n}\n")
	return len(l.secret), out.Flush()
}

const metaKey = "_meta"

// ansibleListing writes JSON as Python does with an indent of four and sorted keys.
type ansibleListing struct {
	out    *bufio.Writer
	done   map[*origin]string // values that hosts share, written once
	secret map[*origin]bool
}

func (l *ansibleListing) write(s string) { _, _ = l.out.WriteString(s) } // Flush has the error

// groupText is empty for a group without hosts and children. The hosts of "all"
// are left out, as they are all.
func groupText(g *Group, selected map[string]bool) string {
	var parts []string
	if len(g.Children) > 0 {
		parts = append(parts, `        "children": `+namesText(g.Children))
	}
	var hosts []string
	for _, h := range g.Hosts {
		if selected[h] && g.Name != "all" {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) > 0 {
		parts = append(parts, `        "hosts": `+namesText(hosts))
	}
	if len(parts) == 0 {
		return ""
	}
	return "{\n" + strings.Join(parts, ",\n") + "\n    }"
}

func namesText(names []string) string {
	var b strings.Builder
	b.WriteString("[\n")
	for i, n := range names {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("            " + jsonText(n))
	}
	b.WriteString("\n        ]")
	return b.String()
}

// meta writes the variables of hosts that have any.
func (l *ansibleListing) meta(hosts []*Host) {
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(a, b *Host) int { return strings.Compare(a.Name, b.Name) })
	l.write("{\n        \"hostvars\": {")
	some := false
	var names []string
	for _, h := range hosts {
		names = names[:0]
		for name := range h.Vars {
			if !internal(name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		if some {
			l.write(",")
		}
		some = true
		l.write("\n            " + jsonText(h.Name) + ": {")
		slices.Sort(names)
		for i, name := range names {
			if i > 0 {
				l.write(",")
			}
			l.write("\n                " + jsonText(name) + ": " + l.value(h.Vars[name]))
		}
		l.write("\n            }")
	}
	if some {
		l.write("\n        ")
	}
	l.write("}\n    }")
}

// internal says whether Ansible leaves a variable out of its listings, because it
// sets it itself.
func internal(name string) bool {
	switch name {
	case "ansible_diff_mode", "ansible_config_file", "ansible_facts", "ansible_forks", "ansible_inventory_sources", "ansible_limit",
		"ansible_playbook_python", "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity", "ansible_version", "inventory_dir",
		"inventory_file", "inventory_hostname", "inventory_hostname_short", "groups", "group_names", "omit", "playbook_dir":
		return true
	}
	return false
}

func (l *ansibleListing) value(v Value) string {
	if v.src == nil {
		return jsonValue(v.Any, 16)
	}
	text, known := l.done[v.src]
	if known {
		return text
	}
	if v.src.secret {
		l.secret[v.src] = true
	}
	if s, ok := v.Any.(string); ok && v.src.unsafe {
		text = jsonValue(unsafeText(s), 16)
	} else {
		text = jsonValue(v.Any, 16)
	}
	l.done[v.src] = text
	return text
}

// jsonValue writes a value whose line is indented by so many blanks.
func jsonValue(v any, indent int) string {
	inner := "\n" + strings.Repeat(" ", indent+4)
	outer := "\n" + strings.Repeat(" ", indent)
	var parts []string
	brackets := "{}"
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return fmt.Sprint(v)
	case string:
		return jsonText(v)
	case float64:
		return jsonFloat(v)
	case unsafeText:
		parts = []string{`"__ansible_unsafe": ` + jsonText(string(v))}
	case *Sealed:
		parts = []string{`"__ansible_vault": ` + jsonText(v.text)}
	case []any:
		brackets = "[]"
		for _, e := range v {
			parts = append(parts, jsonValue(e, indent+4))
		}
	case map[string]any:
		for _, k := range sortedKeys(v) {
			parts = append(parts, jsonText(k)+": "+jsonValue(v[k], indent+4))
		}
	default:
		text, _ := textOf(v)
		return text
	}
	if len(parts) == 0 {
		return brackets
	}
	return brackets[:1] + inner + strings.Join(parts, ","+inner) + outer + brackets[1:]
}

func jsonFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case math.IsNaN(f):
		return "NaN"
	}
	return floatText(f)
}

// jsonText quotes a text as Python does, which leaves all but control characters,
// quotes and backslashes alone.
func jsonText(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = s[i] >= 0x20 && s[i] != '"' && s[i] != '\\' && s[i] < 0x7f
	}
	if plain {
		return `"` + s + `"`
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\b':
			b.WriteString(`\b`)
		case c == '\f':
			b.WriteString(`\f`)
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
