package evidence

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// WriteDot writes the map for Graphviz: a cluster for each farm, a node for each group
// of hosts and each other source, an edge for what one reaches on the other.
func (r *Report) WriteDot(w io.Writer) error {
	var b bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("digraph farmwall {")
	line("  graph [label=%s, labelloc=t, rankdir=LR, fontname=\"sans-serif\", nodesep=0.35, ranksep=1.2];", dotText("farmwall: "+r.title()))
	line("  node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef2f7\", fontname=\"sans-serif\", fontsize=11];")
	line("  edge [fontname=\"sans-serif\", fontsize=9];")
	for i, m := range r.maps() {
		id := map[string]string{}
		line("  subgraph cluster_%d {", i)
		line("    label=%s;", dotText("farm "+m.farm))
		for j, g := range m.groups {
			id[g.name] = fmt.Sprintf("f%d_g%d", i, j)
			if g.source {
				line("    %s [label=%s, shape=oval, style=dashed];", id[g.name], dotText(g.name))
				continue
			}
			line("    %s [label=%s, tooltip=%s];", id[g.name], dotText(g.name, count(len(g.hosts), "host"), g.statusWords()), dotText(foldNames(hostNames(g.hosts))))
		}
		for _, e := range m.edges() {
			style := map[state]string{stateGood: "solid", stateUnseen: "solid", stateUnknown: "dotted", stateExposed: "dashed", stateBad: "bold"}[e.state]
			head := map[state]string{stateGood: "normal", stateUnseen: "onormal", stateUnknown: "odot", stateExposed: "normal", stateBad: "tee"}[e.state]
			colour := map[state]string{stateGood: "#16743f", stateUnseen: "#5d6878", stateUnknown: "#8a5a00", stateExposed: "#8f2fa8", stateBad: "#c0262d"}[e.state]
			line("    %s -> %s [label=%s, color=\"%s\", fontcolor=\"%s\", style=%s, arrowhead=%s];", id[e.from], id[e.to], dotText(append([]string{e.opens}, e.notes...)...), colour, colour, style, head)
		}
		line("  }")
	}
	line("}")
	_, err := w.Write(b.Bytes())
	return err
}

// dotText is a quoted string of dot, of one or several lines.
func dotText(lines ...string) string {
	var kept []string
	for _, l := range lines {
		if l != "" {
			kept = append(kept, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(printable(l)))
		}
	}
	return `"` + strings.Join(kept, `\n`) + `"`
}

// edge is all that one group or source reaches on another, in one state.
type edge struct {
	from, to string
	state    state
	opens    string
	notes    []string
}

// edges are the map's wires, joined by their ends and states.
func (m *farmMap) edges() []edge {
	type key struct {
		from, to string
		state    state
	}
	var order []key
	joined := map[key]*pin{}
	for _, g := range m.groups {
		for _, p := range g.pins {
			for _, from := range p.from {
				k := key{from, g.name, p.state}
				if joined[k] == nil {
					order = append(order, k)
					joined[k] = &pin{state: p.state, bad: p.bad, of: p.of, probes: p.probes}
				}
				joined[k].opens = append(joined[k].opens, p.opens...)
			}
		}
	}
	var out []edge
	for _, k := range order {
		p := joined[k]
		e := edge{from: k.from, to: k.to, state: k.state, opens: p.opensWords()}
		if words := p.stateWords(); k.state != stateGood || p.probes.Right > 0 {
			e.notes = []string{words}
		}
		out = append(out, e)
	}
	return out
}

// statusWords says how many hosts of a group are not as they should be.
func (g *mapGroup) statusWords() string {
	n := map[state]int{}
	for _, h := range g.hosts {
		n[h.state()]++
	}
	var parts []string
	for _, s := range []struct {
		s    state
		what string
	}{{stateBad, "failed"}, {stateUnknown, "differing"}, {stateUnseen, "not looked at"}} {
		if n[s.s] > 0 && n[s.s] < len(g.hosts) || n[s.s] > 0 && s.s != stateUnseen {
			parts = append(parts, fmt.Sprintf("%d %s", n[s.s], s.what))
		}
	}
	return strings.Join(parts, ", ")
}
