package notify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"farmwall/tasks"
)

// Conditions are all that a host's status can make of its farm, the worst first; it
// is the order in which exit codes win.
func Conditions() []Condition {
	return []Condition{Broken, Doubtful, NotOpen, Failed, Unreachable, Stale, Busy, OverBudget, Drifted, Foreign, Fixed, OK}
}

func conditionOf(status tasks.Status) (Condition, bool) {
	switch status {
	case tasks.OK, tasks.PendingOnly:
		return OK, true
	case tasks.Changed:
		return Fixed, true
	case tasks.Foreign:
		return Foreign, true
	case tasks.Differs:
		return Drifted, true
	case tasks.LeaseTaken:
		return Busy, true
	case tasks.Stale:
		return Stale, true
	case tasks.Unreachable:
		return Unreachable, true
	case tasks.Failed, tasks.Refused, tasks.Restored:
		return Failed, true
	case tasks.NotOpen:
		return NotOpen, true
	case tasks.Doubtful:
		return Doubtful, true
	}
	return "", false // not looked at
}

// Reports says how each farm of a summary is, in order of their names. A farm of
// which no host was looked at is not among them; neither is any of a cycle that was
// interrupted.
func Reports(s *tasks.Summary) []Report {
	if s == nil || s.Interrupted {
		return nil
	}
	farms := map[string]*Report{}
	for i := range s.Outcomes {
		o := &s.Outcomes[i]
		c, looked := conditionOf(o.Status)
		if !looked {
			continue
		}
		r := farms[o.Farm]
		if r == nil {
			r = &Report{Farm: o.Farm, Condition: OK, Counts: map[tasks.Status]int{}}
			farms[o.Farm] = r
		}
		r.Counts[o.Status]++
		if worse(c, r.Condition) {
			r.Condition = c
		}
		if c != OK {
			r.Hosts = append(r.Hosts, HostReport{Host: o.Host, Status: o.Status, Cause: o.Cause, Step: o.Step, Error: clean(o.Error), Hint: clean(o.Hint), Changes: len(o.Changes)})
		}
	}
	var all []Report
	for _, farm := range slices.Sorted(maps.Keys(farms)) {
		r := farms[farm]
		if s.OverBudget != nil && r.Condition == Drifted {
			r.Condition = OverBudget
		}
		slices.SortStableFunc(r.Hosts, func(a, b HostReport) int {
			ca, _ := conditionOf(a.Status)
			cb, _ := conditionOf(b.Status)
			return rank(ca) - rank(cb)
		})
		all = append(all, *r)
	}
	return all
}

// BrokenReport tells that a cycle could not run.
func BrokenReport(err error) Report {
	return Report{Farm: AllFarms, Condition: Broken, Text: clean(err.Error())}
}

// RunningReport tells that cycles run.
func RunningReport() Report { return Report{Farm: AllFarms, Condition: OK} }

func rank(c Condition) int      { return slices.Index(Conditions(), c) }
func worse(a, b Condition) bool { return rank(a) < rank(b) }

// clean takes out of a text what a terminal, a mail or a chat could take for more
// than text; some of it comes from hosts.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar:
			return '?'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 500 {
		text = string(runes[:500]) + " ..."
	}
	return text
}

// line is the message in one line. Nothing in it comes from a host.
func (m *Message) line(r *Report) string {
	farm := "farm " + m.Farm
	switch m.Farm {
	case AllFarms:
		farm = "drift"
	case "":
		farm = "hosts without a farm"
	}
	if m.Scope != "" {
		farm += " (" + m.Scope + ")"
	}
	text := fmt.Sprintf("farmwall: %s: %s", farm, words(m.Condition))
	switch m.Event {
	case Recovered:
		text += fmt.Sprintf(" again (was: %s)", words(m.Before))
	case Reminder:
		text += ", still, since " + m.Since.UTC().Format("2006-01-02 15:04 UTC")
	}
	if m.Condition == Broken {
		return clean(text + ": " + r.Text)
	}
	var names []string
	for i, h := range r.Hosts {
		if i == 10 {
			names = append(names, fmt.Sprintf("and %d more", len(r.Hosts)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s (%s)", h.Host, h.Status))
	}
	if len(names) > 0 {
		total := 0
		for _, n := range r.Counts {
			total += n
		}
		text += fmt.Sprintf("; %d of %d hosts: %s", len(r.Hosts), total, strings.Join(names, ", "))
	}
	if m.Run != "" {
		text += "; run " + m.Run
	}
	return clean(text + "; by " + m.Controller)
}

func words(c Condition) string {
	switch c {
	case OK:
		return "all right"
	case Fixed:
		return "drift was found and put right"
	case Foreign:
		return "another controller has changed hosts"
	case Drifted:
		return "hosts have drifted"
	case OverBudget:
		return "more hosts have drifted than may be put right unasked"
	case Busy:
		return "another controller is changing hosts"
	case Stale:
		return "hosts moved while they were changed"
	case Unreachable:
		return "hosts are unreachable"
	case Failed:
		return "hosts failed and are as they were"
	case NotOpen:
		return "a wanted flow is not open"
	case Doubtful:
		return "a person must look at hosts"
	case Broken:
		return "the cycle could not run"
	}
	return string(c)
}
