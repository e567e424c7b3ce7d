package main

import (
	"fmt"
	"slices"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// changeLines shows one change: its sign, the rule's name, what it opens or how
// it differs, and with reasons why.
func (d detail) changeLines(c *rules.Change, width int) []string {
	var sign, what string
	name := changeName(c)
	switch {
	case c.Verb == rules.Repair || c.Have == nil && c.Want == nil:
		sign, what = d.colours.yellow("~"), plain(c.Note)
	case c.Have == nil:
		sign, what = d.colours.green("+"), opens(c.Want, d.all)
	case c.Want == nil:
		sign, what = d.colours.red("-"), opens(c.Have, d.all)
	default:
		sign, what = d.colours.yellow("~"), changeWords(c.Have, c.Want, d.all)
	}
	line := fmt.Sprintf("  %s %-*s  %s", sign, width, name, what)
	if c.Note != "" && c.Verb != rules.Repair {
		line += " (" + plain(c.Note) + ")"
	}
	if len(c.Places) > 0 && (d.all || c.Note != "" || partial(c)) {
		line += d.colours.faint(" in " + plain(strings.Join(c.Places, ", ")))
	}
	lines := []string{line}
	if (d.reasons || d.all) && c.Want != nil && c.Want.Why != nil {
		lines = append(lines, "      "+d.colours.faint(reason(c.Want)))
	}
	return lines
}

// partial says whether a rule that is added or removed stands elsewhere on the host
// and stays there. Our own table holds every rule that the host has from us, and
// Windows has one place for all.
func partial(c *rules.Change) bool {
	return (c.Verb == rules.Add || c.Verb == rules.Remove) && len(c.Places) > 0 &&
		!slices.Contains(c.Places, "table inet farmwall") && !slices.Contains(c.Places, "Windows Firewall")
}

// changeName is the rule's name, safe to show.
func changeName(c *rules.Change) string {
	switch {
	case c.Verb == rules.Repair || c.Have == nil && c.Want == nil:
		return "(repair)"
	case c.Want != nil:
		return plain(c.Want.ID)
	case c.Have.ID == "":
		return "(no mark)"
	}
	return plain(c.Have.ID)
}

// nameWidth is the width of the column of names.
func nameWidth(lists ...[]rules.Change) int {
	width := 0
	for _, changes := range lists {
		for i := range changes {
			width = max(width, len(changeName(&changes[i])))
		}
	}
	return min(width, 48)
}

// reason says why a rule is wanted, in one line.
func reason(r *rules.Rule) string {
	var parts []string
	if r.Why.Role != "" {
		parts = append(parts, "role "+string(r.Why.Role))
	}
	if r.Why.Row != "" && r.Why.Row != r.ID {
		parts = append(parts, "row "+r.Why.Row)
	}
	s := "because " + strings.Join(append(parts, r.Why.Deciders...), ", ")
	if r.Why.Text != "" {
		s += ": " + r.Why.Text
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
