package evidence

import (
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"farmwall/tasks"
)

// WriteCSV writes one row for each rule of each host, by RFC 4180 (the lines end in CR
// LF), after a row of names. A host without rules has one row. No cell can be taken for
// a formula.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	row := func(cells ...string) {
		for i := range cells {
			cells[i] = cell(cells[i])
		}
		out.Write(cells) // its error stays until the end
	}
	row("farm", "host", "roles", "run", "seen", "status", "rule", "direction", "protocol", "ports", "from", "before", "verdict", "decided_by",
		"everybody_else", "probes_right", "probes_wrong", "row", "reason", "deciders", "inventory_file", "inventory_line",
		"pairs_before", "pairs_after", "pairs_wanted")
	for i := range r.Hosts {
		h := &r.Hosts[i]
		head := []string{h.Farm, h.Host, GroupName(h.Roles), h.Run, "", string(h.Status)}
		if !h.Seen.IsZero() {
			head[4] = h.Seen.UTC().Format(time.RFC3339)
		}
		pairs := []string{open(h.Before), open(h.After), ""}
		if h.After != nil {
			pairs[2] = fmt.Sprint(h.After.Wanted)
		}
		openings := h.Openings
		if len(openings) == 0 {
			openings = []Opening{{}}
		}
		for j := range openings {
			o := &openings[j]
			at := h.At
			if o.At != nil {
				at = *o.At
			}
			from, right, wrong := "", "", ""
			if o.Rule != "" {
				from, right, wrong = o.From.Words(), fmt.Sprint(o.Probes.Right), fmt.Sprint(o.Probes.Wrong)
			}
			cells := append([]string{}, head...)
			cells = append(cells, o.Rule, string(o.Direction), o.Protocol, o.Ports, from, string(o.Before), string(o.Answer), o.By,
				string(o.Others), right, wrong, o.Row, o.Why, strings.Join(o.Deciders, "; "), at.File, fmt.Sprint(at.Line))
			row(append(cells, pairs...)...)
		}
	}
	out.Flush()
	return out.Error()
}

func open(p *tasks.Pairs) string {
	if p == nil {
		return ""
	}
	return fmt.Sprint(p.Open)
}

// cell keeps a spreadsheet from taking a text for a formula, and is one line.
func cell(text string) string {
	text = printable(text)
	if text != "" && strings.ContainsRune("=+-@|%", rune(text[0])) {
		return "'" + text
	}
	return text
}
