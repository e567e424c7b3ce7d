package ufw

import (
	"farmwall/rules"
	"farmwall/rules/linux"
)

// Places reads what is ours from the host: what is loaded, and what ufw will load at its
// next start. What is loaded carries no mark; it is ours where the files or the
// persistent copy say so.
func (Manager) Places(r *linux.Reading) []rules.Place {
	f := read(r)
	if f == nil {
		return nil
	}
	var out []rules.Place
	if f.enabled {
		l, _ := load(r)
		out = add(out, name, f.decode(append(l.of(f.ours), f.leftovers(r, l)...)))
	}
	return add(out, filesPlace, f.decode(f.ours))
}

func add(list []rules.Place, name string, owned []rules.Rule) []rules.Place {
	if len(owned) == 0 {
		return list
	}
	return append(list, rules.Place{Name: name, Owned: owned})
}

// Diff compares what is loaded and what the files hold with what is wanted. A part of a
// rule that somebody else's equal rule opens is there, though it is not ours.
func (Manager) Diff(s *rules.State, want rules.Set) []rules.Change {
	r := reading(s)
	f := read(r)
	if f == nil {
		return nil
	}
	want = f.needed(want)
	files := placed(rules.Diff(f.held(f.ours, f.others, want), want), filesPlace)
	if !f.enabled {
		return files
	}
	l, _ := load(r)
	ours := append(l.of(f.ours), f.leftovers(r, l)...)
	live := placed(rules.Diff(f.held(ours, l.of(f.others), want), want), name)
	return rules.MergeChanges(live, files)
}

func placed(list []rules.Change, name string) []rules.Change {
	for i := range list {
		list[i].Places = []string{name}
	}
	return list
}

// held decodes what is ours. Where all of a wanted rule is there, as ours or as an equal
// rule of somebody else, it counts as the wanted one.
func (f *files) held(ours, others []tuple, want rules.Set) []rules.Rule {
	foreign := map[string]bool{}
	for i := range others {
		if len(others[i].body) == 1 {
			foreign[others[i].body[0]] = true
		}
	}
	byMark := map[string][]tuple{}
	for _, t := range ours {
		byMark[t.comment] = append(byMark[t.comment], t)
	}
	var out []rules.Rule
	whole := map[string]bool{}
	for i := range want {
		w := &want[i]
		mark := w.Mark()
		mine := map[string]int{}
		for _, t := range byMark[mark] {
			for _, line := range t.body {
				mine[line]++
			}
		}
		left := len(byMark[mark])
		missing := false
		for _, p := range f.say(w) {
			switch n := mine[p.body[0]]; {
			case n == 1:
				left--
			case n > 1 || !foreign[p.body[0]]:
				missing = true
			}
		}
		if !missing && left == 0 && !f.hasOther(byMark, w) {
			whole[mark] = true
			have := *w
			_, _, have.Hash, _ = rules.ParseMark(mark)
			out = append(out, have)
		}
	}
	var rest []tuple
	for _, t := range ours {
		if !whole[t.comment] {
			rest = append(rest, t)
		}
	}
	return append(out, f.decode(rest)...)
}

// hasOther says whether something with the rule's name and another content is there; then
// the comparison has to see both.
func (f *files) hasOther(byMark map[string][]tuple, w *rules.Rule) bool {
	if len(byMark[w.Mark()]) > 0 {
		return false
	}
	for mark := range byMark {
		if farm, id, _, ok := rules.ParseMark(mark); ok && farm == w.Farm && id == w.ID {
			return true
		}
	}
	return false
}
