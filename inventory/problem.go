package inventory

import "strings"

// Problem is one mistake in a source, in words for the person who wrote it.
type Problem struct {
	At   Position `json:"at"`
	Text string   `json:"text"`
	// Hint says what to do, where that is not plain from Text.
	Hint string `json:"hint,omitempty"`
}

func (p Problem) Error() string {
	s := p.Text
	if at := p.At.String(); at != "" {
		s = at + ": " + s
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// Problems is all mistakes of one reading, in order of file and line.
type Problems []Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}
