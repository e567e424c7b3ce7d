package evidence

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/transport"
)

// printable makes a text of a host or an inventory safe to show anywhere: one line,
// and control characters, among them those that turn the direction of writing, escaped.
func printable(text string) string {
	return transport.Printable([]byte(text))
}

// count is "1 host", "2 hosts".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// decidedAt is the place in the inventory that decided a rule, or nil.
func decidedAt(y *rules.Why) *inventory.Position {
	if at, ok := y.At(); ok {
		return &at
	}
	return nil
}

// moment is a time for people; nothing for the zero time.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// short is a duration for people.
func short(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// changeWords is a change as sign, name and words.
func changeWords(c *rules.Change) (sign, name, words string) {
	switch {
	case c.Verb == rules.Repair || c.Have == nil && c.Want == nil:
		return "~", "(repair)", printable(c.Note)
	case c.Have == nil:
		sign, name, words = "+", c.Want.ID, ruleWords(c.Want)
	case c.Want == nil:
		sign, name, words = "-", c.Have.ID, ruleWords(c.Have)
	default:
		sign, name, words = "~", c.Want.ID, ruleWords(c.Have)+" → "+ruleWords(c.Want)
	}
	if name == "" {
		name = "(no mark)"
	}
	if c.Note != "" {
		words += " (" + printable(c.Note) + ")"
	}
	if c.Cause != "" {
		words += " (cause: " + printable(c.Cause) + ")"
	}
	return sign, printable(name), words
}

// ruleWords says in words what a rule opens.
func ruleWords(r *rules.Rule) string {
	if r.Opaque != "" {
		return printable(r.Opaque)
	}
	s := r.Protocol.String()
	if len(r.Ports) > 0 {
		s += " " + rules.PortsText(r.Ports, ",")
	}
	switch side := map[rules.Direction]string{rules.Out: "to"}[r.Direction]; {
	case r.Block:
		return "close " + s + " to everybody else"
	case r.Loopback:
		return s + " from the host itself"
	case side != "":
		return s + " to " + r.Remotes.String()
	}
	return s + " from " + r.Remotes.String()
}

// foldNames writes names that end in numbers as ranges: rds[01:40].
func foldNames(names []string) string {
	type numbered struct {
		head, digits string
		n            int
	}
	cut := func(name string) (numbered, bool) {
		i := len(name)
		for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
			i--
		}
		n, err := strconv.Atoi(name[i:])
		return numbered{name[:i], name[i:], n}, err == nil && len(name)-i <= 9
	}
	var parts []string
	for i := 0; i < len(names); {
		first, ok := cut(names[i])
		j, last := i+1, first
		for ok && j < len(names) {
			next, is := cut(names[j])
			if !is || next.head != first.head || next.n != last.n+1 || len(next.digits) != len(last.digits) {
				break
			}
			last, j = next, j+1
		}
		switch {
		case j-i > 2:
			parts = append(parts, fmt.Sprintf("%s[%s:%s]", printable(first.head), first.digits, last.digits))
		default:
			for _, name := range names[i:j] {
				parts = append(parts, printable(name))
			}
		}
		i = j
	}
	return strings.Join(parts, ", ")
}
