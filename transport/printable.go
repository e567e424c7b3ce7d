package transport

import (
	"strconv"
	"strings"
	"unicode"
)

// Printable shows a host's words safely: control characters and invalid UTF-8
// are escaped, so that no host can write to the terminal.
func Printable(b []byte) string {
	var s strings.Builder
	for _, r := range strings.TrimSpace(string(b)) {
		switch {
		case r == '\n':
			s.WriteString(" | ")
		case r == unicode.ReplacementChar || !unicode.IsPrint(r):
			q := strconv.QuoteRuneToASCII(r)
			s.WriteString(q[1 : len(q)-1])
		default:
			s.WriteRune(r)
		}
	}
	return s.String()
}
