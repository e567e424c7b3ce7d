package inventory

import (
	"slices"
	"strings"
)

// Select returns the hosts that the -l patterns mean, in order of the
// inventory. Several patterns count as one with commas between them; none at
// all means every host. An empty pattern is refused, and so is a part that
// matches nothing: left out in silence, a mistyped "!host" would exclude nobody.
// Where no host is left the error wraps ErrNoHost.
func (inv *Inventory) Select(patterns ...string) ([]*Host, error) {
	if len(patterns) == 0 {
		return slices.Clone(inv.Hosts), nil
	}
	var parts []patternPart
	for _, pattern := range patterns {
		more, err := splitPattern(pattern)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	s := &selection{inv: inv, under: map[string][]string{}}
	chosen := map[string]bool{}
	for _, sign := range []byte{0, '&', '!'} {
		some := false
		for _, p := range parts {
			if p.sign != sign {
				continue
			}
			some = true
			names, err := s.part(p)
			if err != nil {
				return nil, err
			}
			chosen = combine(chosen, names, sign)
		}
		if sign == 0 && !some {
			for _, h := range inv.Hosts {
				chosen[h.Name] = true
			}
		}
	}
	var hosts []*Host
	for _, h := range inv.Hosts {
		if chosen[h.Name] {
			hosts = append(hosts, h)
		}
	}
	if len(hosts) == 0 {
		return nil, &PatternError{Pattern: "-l " + strings.Join(patterns, ","), Text: "no host is left", err: ErrNoHost}
	}
	return hosts, nil
}

func combine(chosen map[string]bool, names []string, sign byte) map[string]bool {
	switch sign {
	case '&':
		both := map[string]bool{}
		for _, n := range names {
			both[n] = chosen[n]
		}
		return both
	case '!':
		for _, n := range names {
			delete(chosen, n)
		}
	default:
		for _, n := range names {
			chosen[n] = true
		}
	}
	return chosen
}

type selection struct {
	inv   *Inventory
	under map[string][]string // hosts of groups already walked
}

// part returns the names of the hosts that one part means.
func (s *selection) part(p patternPart) ([]string, error) {
	if s.inv.Host(p.text) != nil {
		return []string{p.text}, nil
	}
	text, sub := splitSubscript(p.text)
	matches, err := nameMatcher(text)
	if err != nil {
		return nil, &PatternError{Pattern: p.String(), Text: err.Error(), Hint: "a regular expression must not hold a comma or a colon: patterns are cut there"}
	}
	var names []string
	seen := map[string]bool{}
	known := false
	for _, g := range s.inv.Groups {
		if !matches(g.Name) {
			continue
		}
		known = true
		for _, h := range s.hosts(g) {
			if !seen[h] {
				seen[h] = true
				names = append(names, h)
			}
		}
	}
	if !known || text[0] == '~' || strings.ContainsAny(text, ".?*[") {
		for _, h := range s.inv.Hosts {
			if matches(h.Name) {
				known = true
				if !seen[h.Name] {
					seen[h.Name] = true
					names = append(names, h.Name)
				}
			}
		}
	}
	if !known {
		return nil, s.unmatched(p)
	}
	if sub != nil {
		if names, err = sub.apply(names); err != nil {
			return nil, &PatternError{Pattern: p.String(), Text: err.Error(), err: ErrNoHost}
		}
	}
	return names, nil
}

func (s *selection) unmatched(p patternPart) error {
	e := &PatternError{Pattern: p.String(), Text: "no host and no group matches", err: ErrNoHost}
	if p.sign == '!' {
		e.Text += ", so nothing would be excluded"
	}
	names := make([]string, 0, len(s.inv.Groups))
	for _, g := range s.inv.Groups {
		names = append(names, g.Name)
	}
	for i := 0; i < len(s.inv.Hosts) && i < 1000; i++ {
		names = append(names, s.inv.Hosts[i].Name)
	}
	switch {
	case strings.HasPrefix(p.text, "#"):
		e.Hint = "a line with # is no comment here"
	case strings.HasPrefix(p.text, "~"):
		e.Hint = "the expression is matched at the start of a name"
	default:
		e.Hint = suggest(p.text, names...)
	}
	return e
}

// hosts lists a group's hosts breadth first, children in order of declaration.
func (s *selection) hosts(g *Group) []string {
	if names, ok := s.under[g.Name]; ok {
		return names
	}
	queue := []*Group{g}
	walked := map[string]bool{g.Name: true}
	seen := map[string]bool{}
	var names []string
	for i := 0; i < len(queue); i++ {
		for _, h := range queue[i].Hosts {
			if !seen[h] {
				seen[h] = true
				names = append(names, h)
			}
		}
		for _, c := range queue[i].Children {
			if child := s.inv.Group(c); child != nil && !walked[c] {
				walked[c] = true
				queue = append(queue, child)
			}
		}
	}
	s.under[g.Name] = names
	return names
}
