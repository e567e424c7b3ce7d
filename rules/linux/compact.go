package linux

import "strings"

// Compact leaves out of shell or awk text what no interpreter needs, so that more of it
// fits into one command: indents, empty lines, and lines that are comments. A text with a
// line that means something only with these must not be given to it.
func Compact(text string) string {
	var b strings.Builder
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimLeft(l, "\t"); l != "" && l[0] != '#' {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}
