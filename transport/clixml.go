package transport

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	clixmlHead = "#< CLIXML"
	// clixmlDepth is how deep blocks may stand in each other: each child
	// powershell.exe wraps what its own child said.
	clixmlDepth = 5
)

// ReadCLIXML turns what powershell.exe prints on a redirected stderr into the
// words of its errors and warnings. Progress, verbose and debug records are left
// out; text outside of CLIXML, and what was cut off, is kept. It never fails.
func ReadCLIXML(b []byte) []byte { return []byte(readCLIXML(string(b), clixmlDepth)) }

func readCLIXML(text string, depth int) string {
	if depth == 0 || !strings.Contains(text, clixmlHead) {
		return text
	}
	var out strings.Builder
	for text != "" {
		i := strings.Index(text, clixmlHead)
		if i < 0 {
			out.WriteString(text)
			break
		}
		out.WriteString(text[:i])
		text = text[i+len(clixmlHead):]
		// Blocks follow the head, one or several.
		for {
			rest := strings.TrimLeft(text, "\r\n\t \ufeff")
			if !strings.HasPrefix(rest, "<Objs") {
				break
			}
			said, after := objs(rest)
			out.WriteString(readCLIXML(said, depth-1))
			text = after
		}
		text = strings.TrimLeft(text, "\r\n")
	}
	return out.String()
}

// objs reads one block, from <Objs to </Objs> or to where it was cut off. What
// it returns as said is what errors and warnings say.
func objs(text string) (said, rest string) {
	var out strings.Builder
	var (
		stream string   // of the record we are in, empty: none that counts
		open   []string // elements
		value  bool     // the text of this element is what the record says
		shown  bool     // an object's text was found
	)
	for text != "" {
		i := strings.IndexByte(text, '<')
		if i < 0 {
			i = len(text)
		}
		if value {
			out.WriteString(unescapeCLIXML(text[:i]))
		}
		if text = text[i:]; text == "" {
			break
		}
		j := strings.IndexByte(text, '>')
		if j < 0 {
			return out.String(), ""
		}
		tag := text[1:j]
		text = text[j+1:]
		if strings.HasPrefix(tag, "/") {
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
			if value && len(open) > 1 {
				shown = true
			}
			value = false
			switch len(open) {
			case 0:
				return out.String(), text
			case 1:
				if shown {
					out.WriteByte('\n')
				}
				stream, shown = "", false
			}
			continue
		}
		name, _, _ := strings.Cut(strings.TrimRight(tag, "/"), " ")
		if strings.HasSuffix(tag, "/") {
			continue
		}
		if open = append(open, name); len(open) == 2 {
			stream = attribute(tag, "S")
		}
		if stream == "Error" || stream == "error" || stream == "Warning" || stream == "warning" {
			value = len(open) == 2 && name == "S" || len(open) > 2 && name == "ToString" && !shown
		}
	}
	return out.String(), ""
}

// attribute is the value of an attribute in a tag's text.
func attribute(tag, name string) string {
	_, after, ok := strings.Cut(tag, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// unescapeCLIXML undoes XML's entities and then the escapes _xHHHH_, each of
// which is one unit of UTF-16.
func unescapeCLIXML(text string) string {
	if strings.Contains(text, "&") {
		text = unescapeXML(text)
	}
	var out strings.Builder
	for text != "" {
		unit, ok := unitCLIXML(text)
		if !ok {
			_, n := utf8.DecodeRuneInString(text)
			out.WriteString(text[:n])
			text = text[n:]
			continue
		}
		text = text[7:]
		r := rune(unit)
		if utf16.IsSurrogate(r) {
			low, ok := unitCLIXML(text)
			if r = utf16.DecodeRune(r, rune(low)); ok && r != utf8.RuneError {
				text = text[7:]
			} else {
				r = utf8.RuneError
			}
		}
		out.WriteRune(r)
	}
	return out.String()
}

func unitCLIXML(text string) (uint16, bool) {
	if len(text) < 7 || text[0] != '_' || text[1] != 'x' || text[6] != '_' {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return uint16(n), err == nil
}

// unescapeXML knows XML's five entities and character numbers; others stay.
func unescapeXML(text string) string {
	var out strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '&')
		if i < 0 {
			break
		}
		out.WriteString(text[:i])
		text = text[i:]
		j := strings.IndexByte(text[:min(len(text), 12)], ';')
		r := rune(-1)
		if j > 0 {
			r = entity(text[1:j])
		}
		if r < 0 {
			out.WriteByte('&')
			text = text[1:]
			continue
		}
		out.WriteRune(r)
		text = text[j+1:]
	}
	out.WriteString(text)
	return out.String()
}

func entity(name string) rune {
	switch name {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	digits, ok := strings.CutPrefix(name, "#")
	base := 10
	if hex, isHex := strings.CutPrefix(digits, "x"); isHex {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	if !ok || err != nil || !utf8.ValidRune(rune(n)) {
		return -1
	}
	return rune(n)
}
