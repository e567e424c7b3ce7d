package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
)

// report gathers what is wrong and what is odd; the same finding at the same
// place counts once, however many hosts it concerns.
type report struct {
	problems Problems
	warnings Problems
	seen     map[Problem]bool
	// masked hides what problems quote, while an encrypted source is read.
	masked bool
	sealed []*Sealed // every inline value, in order of reading
}

func newReport() *report { return &report{seen: map[Problem]bool{}} }

func (r *report) add(list *Problems, p Problem) {
	if r.masked {
		p.Text, p.Hint = maskQuoted(p.Text), maskQuoted(p.Hint)
	}
	if !r.seen[p] {
		r.seen[p] = true
		*list = append(*list, p)
	}
}

func (r *report) problem(at Position, hint, format string, args ...any) {
	r.add(&r.problems, Problem{At: at, Text: fmt.Sprintf(format, args...), Hint: hint})
}

func (r *report) warn(at Position, hint, format string, args ...any) {
	r.add(&r.warnings, Problem{At: at, Text: fmt.Sprintf(format, args...), Hint: hint})
}

var quotedPart = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'[^']*'")

// maskQuoted hides all that a message quotes, but for the words to keep.
func maskQuoted(text string, keep ...string) string {
	return quotedPart.ReplaceAllStringFunc(text, func(quoted string) string {
		if word, err := strconv.Unquote(quoted); err == nil && slices.Contains(keep, word) {
			return quoted
		}
		return `"***"`
	})
}

// sorted orders findings by file and line, those of one line as they were found.
func sorted(ps Problems) Problems {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i].At, ps[j].At
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Line < b.Line
	})
	return ps
}
