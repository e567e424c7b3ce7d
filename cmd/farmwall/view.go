package main

import (
	"fmt"
	"strings"

	"farmwall/rules"
	"farmwall/tasks"
)

// view is what is shown of one host, planned or done.
type view struct {
	host             string
	status           tasks.Status
	changes, pending []rules.Change
	accepted         []tasks.Accepted
	cause            string
	flows            []tasks.JudgedFlow
	probes           []tasks.Probed
	findings         []rules.Finding
	warnings, notes  []string
	problem          string // "step: what; hint"
	hint             string
}

func viewOfPlan(h *tasks.HostPlan) view {
	v := view{host: h.Host, changes: h.Changes, flows: h.Flows, findings: h.Findings, warnings: h.Warnings, notes: h.Notes}
	switch {
	case h.Problem != nil:
		v.status, v.problem = h.Problem.Status, sayProblem(h.Problem.Step, h.Problem.Text, h.Problem.Hint)
	case len(h.Changes) > 0:
		v.status = tasks.Differs
	default:
		v.status = tasks.OK
	}
	return v
}

func viewOfOutcome(o *tasks.Outcome) view {
	return view{host: o.Host, status: o.Status, changes: o.Changes, pending: o.Pending, accepted: o.Accepted, cause: o.Cause, flows: o.Flows, probes: o.Probes,
		findings: o.Findings, warnings: o.Warnings, problem: outcomeProblem(o), hint: o.Hint}
}

// outcomeProblem is "step: what; hint", with the time until which a switch is armed.
func outcomeProblem(o *tasks.Outcome) string {
	s := sayProblem(o.Step, o.Error, o.Hint)
	if o.Until != nil {
		left := "left to the switch until " + o.Until.Local().Format("15:04:05")
		if s == "" {
			return left
		}
		if !strings.Contains(s, "left to the switch until") {
			s += "; " + left
		}
	}
	return s
}

func sayProblem(step, text, hint string) string {
	var parts []string
	if step != "" && text != "" && !strings.HasPrefix(text, step+":") {
		parts = append(parts, plain(step)+": "+plain(text))
	} else if text != "" {
		parts = append(parts, plain(text))
	}
	if hint != "" {
		parts = append(parts, plain(hint))
	}
	return strings.Join(parts, "; ")
}

// detail says how much of a view is shown.
type detail struct {
	all     bool // -v: every host, every address
	reasons bool // -D: why each rule is wanted
	changes bool // the differences themselves
	colours colours
}

// lines is the text of a view, without the host's name, so that equal texts can
// be folded.
func (d detail) lines(v *view) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, "  "+fmt.Sprintf(format, args...)) }
	if v.status == tasks.NotOpen && v.hidden() > 0 {
		// Below each such flow has its own line; here it would be said twice.
		add("%s %s", d.colours.red(string(v.status)+":"), count(v.hidden(), "wanted flow")+" not open; "+plain(v.hint))
	} else if n := wrongProbes(v.probes); v.status == tasks.NotOpen && n > 0 {
		add("%s %s", d.colours.red(string(v.status)+":"), count(n, "probe")+" not as wanted; "+plain(v.hint))
	} else if v.problem != "" {
		add("%s %s", d.colours.red(string(v.status)+":"), v.problem)
	}
	width := nameWidth(v.changes, v.pending)
	if d.changes {
		for i := range v.changes {
			lines := d.changeLines(&v.changes[i], width)
			if c := v.changes[i].Cause; c != "" && c != v.cause { // of this one another than of the host
				lines[0] += d.colours.faint(" [" + causeWords(c) + "]")
			}
			out = append(out, lines...)
		}
	}
	if v.cause != "" && (len(v.changes) > 0 || v.status == tasks.Foreign || v.status == tasks.Differs) {
		add("%s %s", d.colours.faint("cause:"), causeWords(v.cause))
	}
	if len(v.pending) > 0 {
		add("%s", d.colours.faint("pending (only the inventory wants it; plan and apply make it true):"))
		for i := range v.pending {
			for _, line := range d.changeLines(&v.pending[i], width) {
				out = append(out, "  "+line)
			}
		}
	}
	for i := range v.accepted {
		for _, line := range d.acceptedLines(&v.accepted[i]) {
			add("%s", line)
		}
	}
	for i := range v.flows {
		if f := &v.flows[i]; d.all || !asHoped(f) {
			add("%s", d.flowWords(f))
		}
	}
	for _, line := range d.probeLines(v.probes) {
		add("%s", line)
	}
	for _, w := range v.warnings {
		add("%s %s", d.colours.yellow("warning:"), plain(w))
	}
	for _, f := range v.findings {
		if f.Kind == "covered" && !d.all { // harmless, and there is one for many rules that Windows brings
			continue
		}
		add("%s %s", d.colours.yellow("note ("+plain(f.Kind)+"):"), plain(f.Text))
	}
	for _, n := range foldNotes(v.notes) {
		add("%s %s", d.colours.faint("note:"), plain(n))
	}
	return out
}

// acceptedLines show a difference that somebody answers for.
func (d detail) acceptedLines(a *tasks.Accepted) []string {
	var lines []string
	if a.Change != nil {
		lines = d.changeLines(a.Change, 0)
	} else {
		lines = []string{"  " + d.flowWords(a.Flow)}
	}
	lines[0] = d.colours.faint("accepted:") + strings.TrimPrefix(lines[0], " ")
	return append(lines, "  "+d.colours.faint(fmt.Sprintf("until %s: %s (%s)", plain(a.Until), plain(a.Reason), plain(a.At))))
}

// hidden counts the wanted flows that are not known to be open.
func (v *view) hidden() int {
	n := 0
	for i := range v.flows {
		if !asHoped(&v.flows[i]) {
			n++
		}
	}
	return n
}

// asHoped says whether a wanted flow is open, or an outsider's closed. An
// outsider's flow that is open has a finding of its own.
func asHoped(f *tasks.JudgedFlow) bool {
	return f.Outsider() || f.Verdict.Answer == rules.Allowed
}

// causeWords explains the causes that drift names.
func causeWords(cause string) string {
	switch cause {
	case "host":
		return "the host was changed"
	case "policy":
		return "the inventory was changed"
	case "both":
		return "the host and the inventory were changed"
	case "foreign rule":
		return "a rule that is not farmwall's decides now"
	}
	return plain(cause)
}
