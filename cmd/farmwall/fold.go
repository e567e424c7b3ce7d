package main

import (
	"fmt"
	"io"
	"strings"
)

// show writes the hosts that have something to show. Hosts with the same text
// are folded into one, unless everything is wanted.
func (d detail) show(w io.Writer, views []view) {
	type group struct {
		lines []string
		hosts []string
	}
	var groups []*group
	byText := map[string]*group{}
	for i := range views {
		lines := d.lines(&views[i])
		if len(lines) == 0 && !d.all {
			continue
		}
		text := strings.Join(lines, "\n")
		g := byText[text]
		if g == nil || d.all {
			g = &group{lines: lines}
			byText[text] = g
			groups = append(groups, g)
		}
		g.hosts = append(g.hosts, views[i].host)
	}
	for _, g := range groups {
		fmt.Fprintln(w, d.colours.bold(plain(g.hosts[0])))
		for _, line := range g.lines {
			fmt.Fprintln(w, line)
		}
		if more := g.hosts[1:]; len(more) > 0 {
			fmt.Fprintf(w, "  %s\n", d.colours.faint(fmt.Sprintf("the same on %s: %s", count(len(more), "more host"), someNames(more))))
		}
		fmt.Fprintln(w)
	}
}

// foldNotes joins notes that say the same of several rules ("RULE: text").
func foldNotes(notes []string) []string {
	var texts []string
	about := map[string][]string{}
	for _, n := range notes {
		rule, text, ok := strings.Cut(n, ": ")
		if !ok || strings.Contains(rule, " ") {
			rule, text = "", n
		}
		if _, seen := about[text]; !seen {
			texts = append(texts, text)
		}
		about[text] = append(about[text], rule)
	}
	for i, text := range texts {
		switch list := about[text]; {
		case list[0] == "":
		case len(list) > 3:
			texts[i] = fmt.Sprintf("%s, %s and %d more: %s", list[0], list[1], len(list)-2, text)
		default:
			texts[i] = strings.Join(list, ", ") + ": " + text
		}
	}
	return texts
}

// count is "1 host", "2 hosts".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// someNames is a list of names, cut where it would fill the screen.
func someNames(names []string) string {
	const most = 12
	var shown []string
	for i, n := range names {
		if i == most {
			return strings.Join(shown, ", ") + fmt.Sprintf(" and %d more", len(names)-most)
		}
		shown = append(shown, plain(n))
	}
	return strings.Join(shown, ", ")
}
