package evidence

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteMermaid writes the map as a Mermaid flowchart, which many wikis draw.
func (r *Report) WriteMermaid(w io.Writer) error {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("flowchart LR")
	links := map[state][]string{}
	n := 0
	for i, m := range r.maps() {
		id := map[string]string{}
		line("  subgraph farm%d[%s]", i, mermaidText("farm "+m.farm))
		for j, g := range m.groups {
			id[g.name] = fmt.Sprintf("f%dg%d", i, j)
			if g.source {
				line("    %s([%s])", id[g.name], mermaidText(g.name))
				continue
			}
			line("    %s[%s]", id[g.name], mermaidText(g.name, count(len(g.hosts), "host"), g.statusWords()))
		}
		line("  end")
		for _, e := range m.edges() {
			arrow := map[state]string{stateGood: "-->", stateUnseen: "-->", stateUnknown: "-.->", stateExposed: "==>", stateBad: "--x"}[e.state]
			line("  %s %s|%s| %s", id[e.from], arrow, mermaidText(append([]string{e.opens}, e.notes...)...), id[e.to])
			links[e.state] = append(links[e.state], fmt.Sprint(n))
			n++
		}
	}
	for _, s := range []struct {
		s      state
		colour string
	}{{stateGood, "#16743f"}, {stateUnseen, "#5d6878"}, {stateUnknown, "#8a5a00"}, {stateExposed, "#8f2fa8"}, {stateBad, "#c0262d"}} {
		if len(links[s.s]) > 0 {
			line("  linkStyle %s stroke:%s", strings.Join(links[s.s], ","), s.colour)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// mermaidText is a quoted text of Mermaid. Whatever is no letter, digit or plain sign
// is written as an entity, so that it can mean nothing else.
func mermaidText(lines ...string) string {
	var b strings.Builder
	b.WriteByte('"')
	first := true
	for _, l := range lines {
		if l == "" {
			continue
		}
		if !first {
			b.WriteString("<br/>")
		}
		first = false
		for _, r := range printable(l) {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" .,-+_()/", r):
				b.WriteRune(r)
			default:
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	b.WriteByte('"')
	return b.String()
}
