package inventory

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	iniHeader = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	iniGroup  = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
)

// iniLine is one line with its number; comments and empty lines are not kept.
type iniLine struct {
	text string
	at   Position
}

// iniSection is a header and the lines under it. The lines before the first
// header are in section "ungrouped".
type iniSection struct {
	group string
	kind  string // "hosts", "children" or "vars"
	at    Position
	hosts []iniHost
	kids  []iniLine // group names
	vars  []iniVar
	// secret: the file was encrypted.
	secret bool
}

type iniHost struct {
	names []string
	port  int // -1: none
	vars  []iniVar
	at    Position
}

type iniVar struct {
	name  string
	value Value
}

// splitLines cuts a file where Python's splitlines does, strips the lines and
// drops comments and empty ones. Only CR and LF count in line numbers, as in an
// editor.
func splitLines(file, text string) []iniLine {
	var lines []iniLine
	number, start := 1, 0
	add := func(end int) {
		t := strings.TrimFunc(text[start:end], pythonBlank)
		if t != "" && t[0] != '#' && t[0] != ';' {
			lines = append(lines, iniLine{t, Position{file, number}})
		}
	}
	for i := 0; i < len(text); {
		c, size := utf8.DecodeRuneInString(text[i:])
		switch c {
		case '\r', '\n':
			add(i)
			if c == '\r' && i+1 < len(text) && text[i+1] == '\n' {
				size = 2
			}
			number++
			start = i + size
		case '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			add(i)
			start = i + size
		}
		i += size
	}
	add(len(text))
	return lines
}

// pythonBlank is what Python's strip takes off.
func pythonBlank(r rune) bool {
	switch {
	case r >= 9 && r <= 13, r >= 0x1c && r <= 0x20, r == 0x85, r == 0xa0, r == 0x1680,
		r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// parseINI reads an INI inventory; what is wrong goes to the report.
func parseINI(r *report, file string, data []byte, secret bool) []*iniSection {
	section := &iniSection{group: "ungrouped", kind: "hosts", secret: secret}
	sections := []*iniSection{section}
	for _, line := range splitLines(file, string(data)) {
		if !utf8.ValidString(line.text) {
			r.problem(line.at, "save the file as UTF-8", "the line is not UTF-8")
			continue
		}
		if m := iniHeader.FindStringSubmatch(line.text); m != nil {
			section = &iniSection{group: m[1], kind: m[2], at: line.at, secret: secret}
			switch m[2] {
			case "":
				section.kind = "hosts"
			case "hosts", "children", "vars":
			default:
				section.kind = ""
				r.problem(line.at, suggest(m[2], "hosts", "children", "vars"), "section [%s:%s] has the unknown kind %q", m[1], m[2], m[2])
			}
			sections = append(sections, section)
			continue
		}
		if line.text[0] == '[' && line.text[len(line.text)-1] == ']' {
			r.problem(line.at, "[group], [group:children] or [group:vars]; no blanks in the name", "%q is no section header", line.text)
			section = &iniSection{at: line.at}
			continue
		}
		section.add(r, line)
	}
	return sections
}

// add reads one line of the section's kind.
func (s *iniSection) add(r *report, line iniLine) {
	switch s.kind {
	case "hosts":
		if h, ok := parseHostLine(r, line, s.secret); ok {
			s.hosts = append(s.hosts, h)
		}
	case "children":
		m := iniGroup.FindStringSubmatch(line.text)
		if m == nil {
			r.problem(line.at, "one group name a line", "%q is no group name", line.text)
			return
		}
		s.kids = append(s.kids, iniLine{m[1], line.at})
	case "vars":
		name, text, ok := strings.Cut(line.text, "=")
		if !ok {
			r.problem(line.at, "write name=value", "%q sets no variable", strings.Fields(line.text)[0])
			return
		}
		name = strings.TrimFunc(name, pythonBlank)
		text = strings.TrimFunc(text, pythonBlank)
		s.vars = append(s.vars, iniVar{name, Value{Any: literal(text), At: line.at, src: &origin{written: text, secret: s.secret}}})
	}
}

// parseHostLine reads a host pattern with its variables.
func parseHostLine(r *report, line iniLine, secret bool) (iniHost, bool) {
	words, err := shellWords(line.text, true)
	if err != nil {
		r.problem(line.at, "put values with quotes or backslashes in quotes of the other kind", "%s", err)
		return iniHost{}, false
	}
	if len(words) == 0 {
		return iniHost{}, false
	}
	pattern := words[0]
	if strings.HasSuffix(pattern, ":") {
		r.problem(line.at, "a colon stands before a port; is this YAML in a file that is read as INI?", "host pattern %q ends in a colon", pattern)
		return iniHost{}, false
	}
	h := iniHost{at: line.at}
	name, port := splitPort(pattern)
	h.port = port
	ok := true
	if h.names, err = expandName(name); err != nil {
		r.problem(line.at, "", "%s", err)
		ok = false
	} else if len(h.names) == 0 {
		r.warn(line.at, "", "host pattern %q stands for no host", pattern)
	}
	for _, w := range words[1:] {
		name, text, has := strings.Cut(w, "=")
		if !has {
			r.problem(line.at, "write name=value; a value with blanks needs quotes", "a word after host %q is no name=value", pattern)
			ok = false
			continue
		}
		h.vars = append(h.vars, iniVar{name, Value{Any: literal(text), At: line.at, src: &origin{written: text, secret: secret}}})
	}
	return h, ok
}
