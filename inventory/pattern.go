package inventory

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// patternPart is one part of a -l pattern.
type patternPart struct {
	text string // without its sign
	sign byte   // '&', '!' or 0
	from string // file it was read from, for messages
}

func (p patternPart) String() string {
	s := p.text
	if p.sign != 0 {
		s = string(p.sign) + s
	}
	s = strconv.QuoteToGraphic(s)
	if p.from != "" {
		s += " in " + p.from
	}
	return s
}

// PatternError is a -l pattern that cannot be used.
type PatternError struct {
	Pattern string // as the user wrote it, quoted
	Text    string
	Hint    string
	err     error // ErrNoHost, or nil
}

func (e *PatternError) Error() string {
	s := e.Pattern + ": " + e.Text
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// Unwrap is ErrNoHost where the pattern matches nothing.
func (e *PatternError) Unwrap() error { return e.err }

// splitPattern cuts one -l pattern into parts: at commas where it has any, else
// at colons and blanks unless the whole is an address or a name with a port.
func splitPattern(pattern string) ([]patternPart, error) {
	var words []string
	switch name, _ := splitPort(pattern); {
	case strings.Contains(pattern, ","):
		words = strings.Split(pattern, ",")
	case name != pattern, validAddress(pattern):
		words = []string{pattern}
	default:
		var err error
		if words, err = colonWords(pattern); err != nil {
			return nil, err
		}
	}
	var parts []patternPart
	for _, w := range words {
		if w = strings.TrimSpace(w); w == "" {
			continue
		}
		if w[0] == '@' {
			more, err := filePattern(w[1:])
			if err != nil {
				return nil, err
			}
			parts = append(parts, more...)
			continue
		}
		p, err := newPart(w, "")
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, &PatternError{Pattern: strconv.Quote(pattern), Text: "the pattern is empty, which would select every host", Hint: `write "all" if that is meant`}
	}
	return parts, nil
}

func newPart(word, from string) (patternPart, error) {
	p := patternPart{text: word, from: from}
	if word[0] == '&' || word[0] == '!' {
		p.sign, p.text = word[0], word[1:]
	}
	if p.text == "" {
		return p, &PatternError{Pattern: p.String(), Text: "nothing follows the sign"}
	}
	return p, nil
}

// colonWords cuts at colons and blanks outside brackets.
func colonWords(pattern string) ([]string, error) {
	broken := &PatternError{Pattern: strconv.QuoteToGraphic(pattern), Text: "a bracket stands alone"}
	var words []string
	start, depth := 0, 0
	for i, c := range pattern {
		switch {
		case c == '[' && depth == 0:
			depth = 1
		case c == ']':
			if depth == 0 {
				return nil, broken
			}
			depth = 0
		case depth == 0 && (c == ':' || pythonBlank(c)):
			words = append(words, pattern[start:i])
			start = i + utf8.RuneLen(c)
		}
	}
	if depth != 0 {
		return nil, broken
	}
	return append(words, pattern[start:]), nil
}

// filePattern reads a file with one part a line.
func filePattern(path string) ([]patternPart, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &PatternError{Pattern: strconv.Quote("@" + path), Text: "cannot read the file: " + reason(err)}
	}
	var parts []patternPart
	for _, line := range strings.Split(strings.TrimPrefix(string(data), "\ufeff"), "\n") {
		if line = strings.TrimFunc(line, pythonBlank); line == "" {
			continue
		}
		p, err := newPart(line, path)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, &PatternError{Pattern: strconv.Quote("@" + path), Text: "the file names no host, which would select every host", Hint: "one host, group or pattern a line"}
	}
	return parts, nil
}

var subscriptForm = regexp.MustCompile(`^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$`)

// subscript is what stands in brackets at the end of a part: one index, or a
// range with both ends.
type subscript struct {
	first, last int
	single      bool
	open        bool // [n:]
}

// splitSubscript cuts a subscript off; nil where there is none.
func splitSubscript(text string) (string, *subscript) {
	m := subscriptForm.FindStringSubmatch(text)
	if m == nil || text[0] == '~' {
		return text, nil
	}
	if m[2] != "" {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			return text, nil
		}
		return m[1], &subscript{first: n, single: true}
	}
	s := &subscript{open: m[5] == ""}
	var err error
	if s.first, err = strconv.Atoi(m[3]); err != nil {
		return text, nil
	}
	// Ansible takes a last index of 0 for none and so for the first one alone.
	if s.last, err = strconv.Atoi(m[5]); err != nil && !s.open {
		return text, nil
	}
	if !s.open && s.last == 0 {
		s.last = s.first
	}
	return m[1], s
}

// apply picks from the hosts; an index beyond them is an error.
func (s *subscript) apply(hosts []string) ([]string, error) {
	n := len(hosts)
	first, last := s.first, s.last
	switch {
	case s.single && first < 0:
		first += n
		last = first
	case s.single:
		last = first
	case s.open:
		last = n - 1
	}
	if first < 0 || first >= n {
		return nil, fmt.Errorf("there is no host %d: %d match before the brackets", s.first, n)
	}
	last = min(last, n-1)
	if last < first {
		return nil, nil
	}
	return hosts[first : last+1], nil
}
