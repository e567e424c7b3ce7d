package nftables

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"farmwall/rules/linux"
)

// block is nft's own text of the part of a table that is ours, taken apart by its
// indents. Text that could mean something else when it is loaded is refused, so a
// block's text never holds more than objects of its table.
type block struct {
	family, table string
	flags         []string // "flags dormant"
	objects       []object
}

type object struct {
	kind, name string   // "chain input"; the kind may be two words
	lines      []string // with their indent
}

var (
	names      = regexp.MustCompile(`^[A-Za-z_.][A-Za-z0-9_./-]*$`)
	tableLine  = regexp.MustCompile(`^table ([a-z0-9]+) (\S+) \{$`)
	objectLine = regexp.MustCompile(`^\t([a-z]+(?: [a-z]+)?) (\S+) \{$`)
	flagsLine  = regexp.MustCompile(`^\tflags [a-z, ]+;?$`)
	noteLine   = regexp.MustCompile(`^\tcomment "[^"]*"$`)
)

// cleanName says whether nft takes the name without quotes.
func cleanName(s string) bool { return names.MatchString(s) }

// oneLine says whether the text can stand as one rule on a line of its own.
func oneLine(s string) bool {
	if s == "" || s != strings.TrimSpace(s) {
		return false
	}
	quoted := false
	for _, c := range s {
		switch {
		case c == '"':
			quoted = !quoted
		case c < ' ' || c == 0x7f:
			return false
		case !quoted && (c == ';' || c == '#' || c == '\\'):
			return false
		}
	}
	return !quoted
}

func parseBlock(text string) (*block, error) {
	var b block
	var current *object
	ended := false
	for _, l := range strings.Split(text, "\n") {
		switch {
		case strings.TrimSpace(l) == "":
		case ended:
			return nil, fmt.Errorf("there is more after its end: %q", l)
		case b.table == "":
			m := tableLine.FindStringSubmatch(l)
			if m == nil || !cleanName(m[2]) {
				return nil, fmt.Errorf("not the beginning of a table: %q", l)
			}
			b.family, b.table = m[1], m[2]
		case current != nil && l == "\t}":
			b.objects = append(b.objects, *current)
			current = nil
		case current != nil:
			if !strings.HasPrefix(l, "\t\t") || !inner(current.kind, strings.TrimSpace(l)) {
				return nil, fmt.Errorf("%s %s: this line cannot be written back: %q", current.kind, current.name, l)
			}
			current.lines = append(current.lines, l)
		case l == "}":
			ended = true
		case flagsLine.MatchString(l), noteLine.MatchString(l):
			b.flags = append(b.flags, l)
		default:
			m := objectLine.FindStringSubmatch(l)
			if m == nil || !cleanName(m[2]) {
				return nil, fmt.Errorf("this line cannot be written back: %q", l)
			}
			current = &object{kind: m[1], name: m[2]}
		}
	}
	if !ended {
		return nil, fmt.Errorf("its text is cut off")
	}
	return &b, nil
}

// inner says whether a line may stand within an object: no quote is left open, and
// a closing brace stands alone only behind its opening one.
func inner(kind, l string) bool {
	if kind == "chain" && !strings.HasPrefix(l, "type ") {
		return oneLine(l)
	}
	if strings.Count(l, `"`)%2 != 0 {
		return false
	}
	return !strings.HasPrefix(l, "}") && !strings.ContainsAny(l, "#\\")
}

func (b *block) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "table %s %s {\n", b.family, b.table)
	for _, l := range b.flags {
		s.WriteString(l + "\n")
	}
	for _, o := range b.objects {
		fmt.Fprintf(&s, "\t%s %s {\n", o.kind, o.name)
		for _, l := range o.lines {
			s.WriteString(l + "\n")
		}
		s.WriteString("\t}\n")
	}
	s.WriteString("}\n")
	return s.String()
}

// rulesOf is the text of the rules of a chain, in order.
func (b *block) rulesOf(chain string) []string {
	if b == nil {
		return nil
	}
	for _, o := range b.objects {
		if o.kind != "chain" || o.name != chain {
			continue
		}
		var out []string
		for i, l := range o.lines {
			l = strings.TrimSpace(l)
			if i == 0 && strings.HasPrefix(l, "type ") && strings.Contains(l, " hook ") || strings.HasPrefix(l, `comment "`) {
				continue
			}
			out = append(out, l)
		}
		return out
	}
	return nil
}

// agrees compares the text's rules with the table as JSON told it: a comment that
// breaks out of its line would show here.
func (b *block) agrees(t *linux.Table) error {
	if t == nil {
		return fmt.Errorf("its text is there and it is not")
	}
	if t.Dormant { // observe leaves what it holds out of the JSON
		return nil
	}
	for _, o := range b.objects {
		if o.kind != "chain" {
			continue
		}
		c := t.Chain(o.name)
		text := b.rulesOf(o.name)
		if c == nil || len(c.Rules) != len(text) {
			return fmt.Errorf("chain %s reads differently in nft's text and in its JSON", o.name)
		}
		for i, n := range c.Rules {
			if n.Comment != "" && !strings.HasSuffix(text[i], ` comment "`+n.Comment+`"`) {
				return fmt.Errorf("rule %d of chain %s reads differently in nft's text and in its JSON", i+1, o.name)
			}
		}
	}
	return nil
}

// placeNames are the names of the places with text of ours, our own table first.
func placeNames(r *linux.Reading) []string {
	var list []string
	for name := range r.OwnText {
		list = append(list, name)
	}
	own := placeName(ownFamily, ownTable)
	sort.Slice(list, func(i, j int) bool {
		if (list[i] == own) != (list[j] == own) {
			return list[i] == own
		}
		return list[i] < list[j]
	})
	return list
}
