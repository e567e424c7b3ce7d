package inventory

import (
	"fmt"
	"regexp"
	"strings"
)

// nameMatcher says which names a part of a pattern means: a Python regular
// expression after ~, matched at the start only, else Python's fnmatch.
func nameMatcher(text string) (func(string) bool, error) {
	if expr, ok := strings.CutPrefix(text, "~"); ok {
		re, err := regexp.Compile(`^(?:` + expr + `)`)
		if err != nil {
			return nil, fmt.Errorf("not a regular expression: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		}
		return re.MatchString, nil
	}
	if !strings.ContainsAny(text, "*?[") {
		return func(name string) bool { return name == text }, nil
	}
	re, err := regexp.Compile(globExpr(text))
	if err != nil {
		return nil, fmt.Errorf("not a pattern: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return re.MatchString, nil
}

// globExpr writes a glob as a regular expression: * ? [set] [!set]; a bracket
// that is not closed means itself, and so does a ] right after the opening.
func globExpr(glob string) string {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	runes := []rune(glob)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; c {
		case '*':
			b.WriteString(`.*`)
		case '?':
			b.WriteString(`.`)
		case '[':
			end := setEnd(runes, i)
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(setExpr(runes[i+1 : end]))
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	b.WriteString(`$`)
	return b.String()
}

// setEnd is the place of the bracket that closes the set at open, or -1.
func setEnd(runes []rune, open int) int {
	i := open + 1
	if i < len(runes) && runes[i] == '!' {
		i++
	}
	if i < len(runes) && runes[i] == ']' {
		i++
	}
	for ; i < len(runes); i++ {
		if runes[i] == ']' {
			return i
		}
	}
	return -1
}

// setExpr writes a set; a range that runs backwards holds nothing.
func setExpr(set []rune) string {
	not := len(set) > 0 && set[0] == '!'
	if not {
		set = set[1:]
	}
	var b strings.Builder
	for i := 0; i < len(set); i++ {
		first, last := set[i], set[i]
		if i+2 < len(set) && set[i+1] == '-' {
			last = set[i+2]
			i += 2
		}
		if first <= last {
			fmt.Fprintf(&b, `\x{%x}-\x{%x}`, first, last)
		}
	}
	switch {
	case b.Len() == 0 && not:
		return `.`
	case b.Len() == 0:
		return `[^\x{0}-\x{10ffff}]`
	case not:
		return `[^` + b.String() + `]`
	}
	return `[` + b.String() + `]`
}
