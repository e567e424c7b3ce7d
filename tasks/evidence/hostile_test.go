package evidence_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"farmwall/rules"
	"farmwall/tasks"
	"farmwall/tasks/evidence"
)

// hostileWords are what a host, or who writes to it, may call things.
func hostileWords() []string {
	return []string{
		`</title></svg><script>alert(1)</script><b>x</b>`, `=cmd|' /C calc'!A0`, "+1+1", "-2", "@SUM(A1)", "a|b|c", "[x](https://evil.example/)", "![p](http://evil.example/p.png)",
		"line one\r\nline two\ttab", "\x1b[31mred\x1b[0m", "right\u202eto left", "nul\x00 del\x7f", `quote " back \ slash`, "]]>--><!--", `"]; evil [label="x`, "click f0g0 \"javascript:alert(1)\"",
		"}}{{.Made}}", "%s%d%n", "\xff\xfe broken", "\uFFFE\uFFFF", "{\"x\": 1}", "`code`", "https://user:pw@evil.example",
	}
}

// newHostile is a farm whose hosts say hostile things wherever they may say anything.
func newHostile(t *testing.T) *sample {
	s := newSample(t, fiveHosts, false)
	seen, err := s.journal.EvidenceOf(context.Background(), s.run)
	s.must(err)
	words := hostileWords()
	for i := range seen {
		e := &seen[i]
		at := i * 5
		next := func() string { at++; return words[at%len(words)] }
		e.System, e.Manager, e.Error, e.Hint, e.Cause, e.Step, e.Status = next(), next(), next(), next(), next(), next(), tasks.Doubtful
		for j := range e.After.Flows {
			e.After.Flows[j].By, e.After.Flows[j].Reason = next(), next()
			if j%3 == 0 {
				e.After.Flows[j].Answer = rules.Denied
			}
		}
		for j := range e.Wanted {
			e.Wanted[j].Why = &rules.Why{Row: e.Wanted[j].ID, Text: next(), Deciders: []string{next()}}
		}
		for _, w := range words {
			e.Findings = append(e.Findings, rules.Finding{Kind: w, Text: w})
			e.Warnings = append(e.Warnings, w)
			e.Changes = append(e.Changes, rules.Change{Verb: rules.Remove, Have: &rules.Rule{ID: w, Opaque: w}, Note: w, Cause: w})
			e.Accepted = append(e.Accepted, tasks.Accepted{Change: &rules.Change{Verb: rules.Remove, Have: &rules.Rule{ID: "kept" + w, Opaque: w}}, Reason: w, Until: w, At: w})
			e.Probes = append(e.Probes, tasks.Probed{From: w, To: e.Host, Protocol: "tcp", Port: 1, Answer: tasks.ProbeFiltered, Right: new(bool), Detail: w})
		}
		e.Steps = append(e.Steps, tasks.StepTime{Step: next(), After: e.Elapsed})
	}
	s.run = "hostile-run"
	for i := range seen {
		seen[i].Run = s.run
	}
	s.must(s.journal.Witness(context.Background(), seen))
	return s
}

func TestHostileWordsStayWords(t *testing.T) {
	r := samples(t)["hostile"]
	for name, write := range writers(r) {
		text := written(t, write)
		for i, c := range text {
			if c < ' ' && c != '\n' && (c != '\r' || name != "csv") || name != "json" && (c == 0x7f || c == '\u202e' || c == '\u2028' || c == 0xFFFE) {
				t.Errorf("%s: the character %q at %d", name, c, i)
				break
			}
		}
		for _, bad := range []string{"<script", "<b>x", "\"javascript:alert(1)\""} {
			if name != "json" && name != "csv" && name != "sarif" && name != "openmetrics" && strings.Contains(text, bad) {
				t.Errorf("%s: holds %s", name, bad)
			}
		}
	}
}

// writers are all formats of a report.
func writers(r *evidence.Report) map[string]func(io.Writer) error {
	return map[string]func(io.Writer) error{"html": r.WriteHTML, "markdown": r.WriteMarkdown, "junit": r.WriteJUnit, "sarif": r.WriteSARIF, "csv": r.WriteCSV,
		"json": r.WriteJSON, "openmetrics": r.WriteOpenMetrics, "svg": r.WriteSVG, "dot": r.WriteDot, "mermaid": r.WriteMermaid}
}
