package ufw

import (
	"strings"

	"farmwall/rules/linux"
)

// loaded counts the rules in the chains that ufw loads its files into, by their key.
type loaded map[string]int

// load reads them from what iptables-save printed; nil where they are not there.
func load(r *linux.Reading) (l loaded, backends map[string]int) {
	backends = map[string]int{}
	for _, s := range r.Saves {
		tables, err := linux.ParseSave(s.Text)
		if err != nil {
			continue
		}
		there := false
		for _, c := range chainsOf(tables) {
			if l == nil {
				l = loaded{}
			}
			there = true
			for _, rule := range c.Rules {
				l[key(rule.Text, s.Family == "ip6")]++
			}
		}
		if there {
			backends[s.Family]++
		}
	}
	return l, backends
}

func chainsOf(tables *linux.SaveTables) []*linux.SaveChain {
	var out []*linux.SaveChain
	for _, name := range []string{"ufw-user-input", "ufw-user-output", "ufw6-user-input", "ufw6-user-output"} {
		if c := tables.Table("filter").Chain(name); c != nil {
			out = append(out, c)
		}
	}
	return out
}

// key is a rule without the ways to write it, so that a line of ufw's file and one of
// iptables-save have the same; splice.awk has it too.
func key(text string, v6 bool) string {
	host := "/32"
	if v6 {
		host = "/128"
	}
	for _, unsaid := range []string{" --reject-with icmp-port-unreachable", " --reject-with icmp6-port-unreachable"} {
		text = strings.TrimSuffix(text, unsaid)
	}
	words := strings.Fields(text)
	at := map[string]string{}
	var out strings.Builder
	not := ""
	for i := 1; i < len(words); i++ {
		w, next := words[i], ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch w {
		case "!":
			not = "!"
			continue
		case "-s", "-d", "-i", "-o", "-p", "--dport", "--dports", "--sport", "--sports":
			if w == "-p" && next == "112" {
				next = "vrrp"
			}
			if w != "-s" {
				w = strings.TrimSuffix(w, "s")
			}
			at[w] = not + strings.TrimSuffix(next, host)
			i++
		case "-m":
			if next == "tcp" || next == "udp" || next == "multiport" {
				i++
				continue
			}
			out.WriteString(" " + not + w)
		default:
			out.WriteString(" " + not + w)
		}
		not = ""
	}
	for _, name := range []string{"-s", "-d", "-i", "-o", "-p", "--dport", "--sport"} {
		out.WriteString(" " + name + " " + at[name])
	}
	return out.String()
}

// holds says whether all that the tuple loads is there.
func (l loaded) holds(t *tuple) bool {
	for _, line := range t.body {
		if l[key(line, t.v6)] == 0 {
			return false
		}
	}
	return len(t.body) > 0
}

// loadedOf is what is loaded of the tuples; of two that load the same, both are.
func (l loaded) of(list []tuple) []tuple {
	var out []tuple
	for i := range list {
		if l.holds(&list[i]) {
			out = append(out, list[i])
		}
	}
	return out
}

// leftovers are rules that are loaded and in no file any more, of which the persistent
// copy says that they are ours.
func (f *files) leftovers(r *linux.Reading, l loaded) []tuple {
	kept := parseCopy(r.Kept, f.six)
	in := map[string]bool{}
	for _, list := range [][]tuple{f.ours, f.others} {
		for i := range list {
			for _, line := range list[i].body {
				in[key(line, list[i].v6)] = true
			}
		}
	}
	var out []tuple
	for i := range kept {
		t := &kept[i]
		if l.holds(t) && len(t.body) == 1 && !in[key(t.body[0], t.v6)] {
			out = append(out, *t)
		}
	}
	return out
}
