package inventory

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Acceptance is one entry of the file that farmwall_accept names: a difference that
// drift shows and lets be, with who answers for it and until when.
type Acceptance struct {
	Hosts   string    // a pattern as -l takes; "all" where nothing was written
	Rule    string    // a rule's ID, or a pattern of IDs; empty: any difference
	Differs string    // words that drift's line about the difference holds; empty: any
	Change  string    // one of AcceptedChanges; empty: any
	Reason  string    // never empty
	Expires time.Time // the first moment at which it holds no more: the midnight (UTC) after the day that is written
	At      Position  // of the entry

	rule func(string) bool
}

// AcceptedChanges are the words of an acceptance's field change: what a difference
// is, as Change.Verb has it, or what a flow meets.
func AcceptedChanges() []string {
	return []string{"add", "remove", "replace", "repair", "closed", "exposed"}
}

// MatchesRule says whether the acceptance is for the rule; the ID is empty for what is
// no rule's.
func (a *Acceptance) MatchesRule(id string) bool { return a.rule == nil || a.rule(id) }

// Until is the last day on which the acceptance holds, as it was written.
func (a *Acceptance) Until() string { return a.Expires.AddDate(0, 0, -1).Format(time.DateOnly) }

func readAcceptFile(p part, bad complaint) string {
	text, ok := p.any.(string)
	if text = strings.TrimSpace(text); !ok || text == "" {
		bad(p.at, "write the entries into a file and name it here", "%s is no file's name", show(p.any))
	}
	return text
}

// acceptances reads the files that hosts name with farmwall_accept, each once, and
// gives every host the entries that are for it.
func (s *sources) acceptances(inv *Inventory) {
	from := map[string]string{}
	for _, h := range s.hostOrder {
		from[h.name] = filepath.Dir(h.source)
	}
	type reader struct {
		at    Position
		names map[string]bool
	}
	readers := map[string]*reader{}
	var order []string
	for _, h := range inv.Hosts {
		if !h.AcceptFile.Set {
			continue
		}
		path := h.AcceptFile.Value
		if !filepath.IsAbs(path) {
			path = filepath.Join(from[h.Name], path)
		}
		if readers[path] == nil {
			readers[path] = &reader{h.AcceptFile.At, map[string]bool{}}
			order = append(order, path)
		}
		readers[path].names[h.Name] = true
	}
	for _, path := range order {
		r := readers[path]
		for _, a := range s.acceptFile(path, r.at) {
			some := false
			hosts, err := inv.Select(a.Hosts)
			if err != nil {
				s.problem(a.At, "name a host, a group or a pattern as -l takes", "hosts: %s", err)
				continue
			}
			for _, h := range hosts {
				if r.names[h.Name] {
					some = true
					h.Accept = append(h.Accept, a)
				}
			}
			if !some {
				s.problem(a.At, "set farmwall_accept for them too, or put the entry into their file", "hosts: none of the hosts of %s reads this file", show(a.Hosts))
			}
		}
	}
}

// acceptFile reads one file; at is where somebody names it.
func (s *sources) acceptFile(path string, at Position) []*Acceptance {
	data, p := readRaw(path)
	if p != nil {
		s.problem(at, "the path is relative to the folder of the inventory", "farmwall_accept: %s: %s", path, p.Text)
		return nil
	}
	if isSealed(data) {
		s.problem(Position{File: path}, "it is for people who review it: leave it in plain text", "the file with accepted differences is encrypted")
		return nil
	}
	root, err := parseYAML(path, data)
	if err != nil {
		s.report.add(&s.problems, err.(Problem))
		return nil
	}
	if root == nil {
		return nil
	}
	y := s.yamlReader(path, false)
	list := part{any: y.value(root), at: y.at(root), node: followed(root)}
	if list.node.Kind != yaml.SequenceNode {
		s.problem(list.at, "write a list whose entries have hosts, rule or differs, reason and expires", "a file with accepted differences must be a list, not %s", kindOf(list.any))
		return nil
	}
	items, _ := list.items()
	var out []*Acceptance
	for _, item := range items {
		if a := readAcceptance(item, s.problem); a != nil {
			out = append(out, a)
		}
	}
	return out
}

var acceptFields = []string{"hosts", "rule", "differs", "change", "reason", "expires"}

// readAcceptance reads one entry; nil where it is wrong, and then all that is wrong
// with it has been told.
func readAcceptance(p part, tell complaint) *Acceptance {
	m, is := p.any.(map[string]any)
	if !is {
		tell(p.at, "write hosts, rule or differs, reason and expires", "%s is no accepted difference", show(p.any))
		return nil
	}
	right := true
	bad := func(at Position, hint, format string, args ...any) {
		right = false
		tell(at, hint, format, args...)
	}
	for _, name := range sortedKeys(m) {
		if !slices.Contains(acceptFields, name) {
			f, _ := p.field(name)
			bad(f.at, suggestOr("those that exist: "+list(acceptFields), name, acceptFields...), "field %s does not exist", show(name))
		}
	}
	a := &Acceptance{Hosts: "all", At: p.at}
	word := func(name string, into *string) {
		f, there := p.field(name)
		if !there {
			return
		}
		text, ok := f.text()
		if !ok || text == "" {
			bad(f.at, "write a text", "%s: %s is no text", name, show(f.any))
		}
		*into = text
	}
	word("hosts", &a.Hosts)
	if f, _ := p.field("hosts"); strings.Contains(a.Hosts, "@") {
		bad(f.at, "name the hosts here, where they are reviewed", "hosts: %s is in another file", show(a.Hosts))
	}
	word("rule", &a.Rule)
	word("differs", &a.Differs)
	word("change", &a.Change)
	word("reason", &a.Reason)
	if a.Rule == "" && a.Differs == "" && right {
		bad(p.at, "rule names a rule's ID (* stands for anything); differs is words of the line that drift prints", "an accepted difference needs rule or differs")
	}
	if _, there := p.field("reason"); !there {
		bad(p.at, "say why, and who agreed", "an accepted difference needs a reason")
	}
	if f, _ := p.field("change"); a.Change != "" && !slices.Contains(AcceptedChanges(), a.Change) {
		bad(f.at, suggestOr("one of "+list(AcceptedChanges()), a.Change, AcceptedChanges()...), "change: %s is not known", show(a.Change))
	}
	if a.Rule != "" {
		var err error
		if a.rule, err = nameMatcher(a.Rule); err != nil {
			f, _ := p.field("rule")
			bad(f.at, "", "rule: %s", err)
		}
	}
	f, there := p.field("expires")
	if !there {
		bad(p.at, "write the last day on which it holds, as in expires: 2027-01-31", "an accepted difference needs an expiry date")
	} else if a.Expires, is = expiryOf(f); !is {
		bad(f.at, "write the last day on which it holds, as in 2027-01-31", "expires: %s is no date", show(dateText(f)))
	}
	if !right {
		return nil
	}
	return a
}

// dateText is a date as it was written, whatever YAML makes of it.
func dateText(p part) any {
	if p.node != nil && p.node.Kind == yaml.ScalarNode {
		return p.node.Value
	}
	return p.any
}

func expiryOf(p part) (time.Time, bool) {
	text, _ := dateText(p).(string)
	day, err := time.Parse(time.DateOnly, strings.TrimSpace(text))
	return day.AddDate(0, 0, 1), err == nil
}
