package evidence

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"farmwall/tasks"
)

// WriteMarkdown writes the report as GitHub's Markdown, for a ticket or a wiki.
func (r *Report) WriteMarkdown(w io.Writer) error {
	m := &markdown{}
	m.line("# farmwall report: %s", md(r.title()))
	m.line("")
	m.line("%s", md(r.summary()))
	m.line("")
	for _, n := range r.Notes {
		m.line("> %s", md(n))
		m.line("")
	}
	m.table([]string{"host", "farm", "roles", "status", "about", "exposure before", "after", "wanted"}, len(r.Hosts), func(i int) []string {
		h := &r.Hosts[i]
		wanted := ""
		if h.After != nil {
			wanted = fmt.Sprint(h.After.Wanted)
		}
		return []string{h.Host, h.Farm, GroupName(h.Roles), h.statusWords(), h.about(), open(h.Before), open(h.After), wanted}
	})
	m.line("## Who may reach what, and why")
	m.line("")
	for _, g := range r.groups() {
		m.line("### %s", md(g.title()))
		m.line("")
		m.line("%s", md(foldNames(g.names())))
		m.line("")
		list := g.hosts[0].Openings
		m.table([]string{"rule", "opens", "from", "verdict", "everybody else", "probes", "why", "decided at"}, len(list), func(i int) []string {
			o := &list[i]
			return []string{o.Rule, strings.TrimSpace(o.Protocol + " " + o.Ports), o.fromWords(), o.verdictWords(), string(o.Others), o.Probes.words(), o.because(), o.place(g.hosts[0])}
		})
	}
	if list := r.wrongProbes(); len(list) > 0 {
		m.line("## Probes with the wrong answer")
		m.line("")
		m.table([]string{"to", "opens", "from", "should be", "answer", "what is known", "rule"}, len(list), func(i int) []string {
			p := list[i]
			return []string{p.To, p.Opens, p.From, p.Should, p.Answer, p.Why, p.Rule}
		})
	}
	if groups := r.changeGroups(); len(groups) > 0 {
		m.line("## Changes")
		m.line("")
		for _, g := range groups {
			m.line("### %s", md(foldNames(g.names())))
			m.line("")
			list := g.lines()
			m.table([]string{"", "rule", "what"}, len(list), func(i int) []string { return list[i][:] })
		}
	}
	m.line("## Runs")
	m.line("")
	m.table([]string{"run", "verb", "started", "took", "exit", "by"}, len(r.Runs), func(i int) []string { return r.Runs[i].row() })
	if len(r.Cycles) > 0 {
		m.line("## Drift")
		m.line("")
		list := r.Cycles[max(0, len(r.Cycles)-20):]
		m.table([]string{"cycle", "at", "hosts", "differing"}, len(list), func(i int) []string {
			c := list[i]
			return []string{c.Run, moment(c.Time), fmt.Sprint(c.Hosts), fmt.Sprint(c.Differing)}
		})
	}
	m.line("## History")
	m.line("")
	m.line("%s", md(r.Chain.words()))
	_, err := w.Write(m.text.Bytes())
	return err
}

type markdown struct{ text bytes.Buffer }

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.text, format+"\n", args...) }

func (m *markdown) table(head []string, n int, row func(i int) []string) {
	m.line("| %s |", strings.Join(head, " | "))
	m.line("|%s", strings.Repeat(" --- |", len(head)))
	for i := range n {
		cells := append([]string{}, row(i)...)
		for j := range cells {
			cells[j] = md(cells[j])
		}
		m.line("| %s |", strings.Join(cells, " | "))
	}
	m.line("")
}

// md makes any text a text of Markdown that says just that.
func md(text string) string {
	var b strings.Builder
	for _, r := range printable(text) {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_{}[]()#+!|~@$", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == ':': // what a URL would begin with would become a link
			b.WriteString("&#58;")
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// words says whether the journal is whole.
func (c *Chain) words() string {
	if c.Damage != "" {
		return "The journal is NOT what was written: " + printable(c.Damage)
	}
	if c.Entries == 0 {
		return "The journal is empty."
	}
	return fmt.Sprintf("%d entries, each chained to the one before, none changed. The last hash is %s; kept elsewhere, it proves that no entry was cut off the end.", c.Entries, c.Last)
}

func (c ProbeCount) words() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{c.Right, "right"}, {c.Wrong, "wrong"}, {c.Nothing, "no proof"}, {c.PathBlocks, "path blocks"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *Run) row() []string {
	took, exit := "unfinished", ""
	if !r.Ended.IsZero() {
		took = short(r.Ended.Sub(r.Started))
	}
	if r.Exit != nil {
		exit = fmt.Sprint(*r.Exit)
	}
	return []string{r.Run, r.Verb, moment(r.Started), took, exit, r.Controller}
}

// statusWords is what became of a host.
func (h *Host) statusWords() string {
	if h.Run == "" {
		return "nobody looked"
	}
	return string(h.Status)
}

// about is why a host did not come to a good end, or what a person should know.
func (h *Host) about() string {
	var parts []string
	for _, text := range []string{h.Error, h.Hint} {
		if text != "" {
			parts = append(parts, text)
		}
	}
	if h.Cause != "" && (h.Status == tasks.Differs || h.Status == tasks.Foreign || h.Status == tasks.PendingOnly) {
		parts = append(parts, "cause: "+h.Cause)
	}
	return strings.Join(parts, "; ")
}
