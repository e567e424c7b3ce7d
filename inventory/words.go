package inventory

import (
	"errors"
	"strings"
)

// shellWords cuts a line as Python's shlex does in POSIX mode: quotes vanish, a
// backslash outside quotes escapes the next character, inside double quotes only
// a double quote or a backslash. With comments, an unquoted # ends the line even
// inside a word, as in a host line of an INI inventory.
func shellWords(line string, comments bool) ([]string, error) {
	var words []string
	var word strings.Builder
	open := false // a word has begun, maybe an empty one in quotes
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		case c == '#' && comments:
			i = len(runes)
		case c == '\\':
			if i++; i == len(runes) {
				return nil, errors.New("nothing follows the last backslash")
			}
			word.WriteRune(runes[i])
			open = true
		case c == '\'' || c == '"':
			open = true
			for i++; i < len(runes) && runes[i] != c; i++ {
				if c == '"' && runes[i] == '\\' && i+1 < len(runes) && (runes[i+1] == '"' || runes[i+1] == '\\') {
					i++
				}
				word.WriteRune(runes[i])
			}
			if i >= len(runes) {
				return nil, errors.New("a quote is not closed")
			}
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}
