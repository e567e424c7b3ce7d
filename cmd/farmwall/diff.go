package main

import (
	"fmt"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// changeLines shows one change: its sign, the rule's name, what it opens or how
// it differs, and with reasons why.
func (d detail) changeLines(c *rules.Change) []string {
	var sign, name, what string
	switch {
	case c.Verb == rules.Repair || c.Have == nil && c.Want == nil:
		sign, name, what = d.colours.yellow("~"), "(repair)", plain(c.Note)
	case c.Have == nil:
		sign, name, what = d.colours.green("+"), c.Want.ID, opens(c.Want, d.all)
	case c.Want == nil:
		sign, name, what = d.colours.red("-"), c.Have.ID, opens(c.Have, d.all)
	default:
		sign, name, what = d.colours.yellow("~"), c.Want.ID, changeWords(c.Have, c.Want, d.all)
	}
	if name == "" {
		name = "(no mark)"
	}
	line := fmt.Sprintf("  %s %-32s %s", sign, plain(name), what)
	if c.Note != "" && c.Verb != rules.Repair {
		line += " (" + plain(c.Note) + ")"
	}
	if len(c.Places) > 0 && (d.all || c.Verb == rules.Repair || c.Have != nil) {
		line += d.colours.faint(" in " + plain(strings.Join(c.Places, ", ")))
	}
	lines := []string{line}
	if (d.reasons || d.all) && c.Want != nil && c.Want.Why != nil {
		lines = append(lines, "      "+d.colours.faint(reason(c.Want.Why)))
	}
	return lines
}

// reason says why a rule is wanted, in one line.
func reason(w *rules.Why) string {
	var parts []string
	if w.Role != "" {
		parts = append(parts, "role "+string(w.Role))
	}
	if w.Row != "" {
		parts = append(parts, "row "+w.Row)
	}
	parts = append(parts, w.Deciders...)
	s := "because " + strings.Join(parts, ", ")
	if w.Text != "" {
		s += ": " + w.Text
	}
	return plain(s)
}

// flowWords says what a flow meets.
func (d detail) flowWords(f *tasks.JudgedFlow) string {
	r := rules.Rule{Direction: f.Flow.Direction, Protocol: f.Flow.Protocol, Remotes: f.Flow.Remotes, Loopback: f.Flow.Loopback}
	if f.Flow.Port != 0 {
		r.Ports = []rules.PortRange{{First: f.Flow.Port, Last: f.Flow.Port}}
	}
	what := opens(&r, d.all)
	if f.Flow.Not != nil {
		what += " except " + addressWords(f.Flow.Not, d.all)
	}
	answer := string(f.Verdict.Answer)
	switch f.Verdict.Answer {
	case rules.Allowed:
		answer = d.colours.green(answer)
	case rules.Denied:
		answer = d.colours.red(answer)
	default:
		answer = d.colours.yellow(answer)
	}
	s := fmt.Sprintf("%s: %s is %s", plain(f.Rule), what, answer)
	if f.Verdict.By != "" {
		s += " by " + plain(f.Verdict.By)
	}
	if len(f.Verdict.Part) > 0 {
		s += " for " + prefixWords(f.Verdict.Part, d.all)
	}
	if f.Verdict.Reason != "" {
		s += ": " + plain(f.Verdict.Reason)
	}
	if d.all && len(f.Verdict.Way) > 0 {
		s += d.colours.faint(" (" + plain(strings.Join(f.Verdict.Way, " > ")) + ")")
	}
	return s
}
