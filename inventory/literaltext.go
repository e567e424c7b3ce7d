package inventory

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// texts reads one or more quoted texts that stand side by side; Python joins
// them.
func (p *literalParser) texts() (any, bool) {
	var b strings.Builder
	for n := 0; ; n++ {
		raw := false
		at := p.pos
		if at < len(p.in) {
			switch p.in[at] {
			case 'r', 'R':
				raw = true
				at++
			case 'u', 'U':
				at++
			}
		}
		if at >= len(p.in) || p.in[at] != '\'' && p.in[at] != '"' {
			return b.String(), n > 0
		}
		p.pos = at
		s, ok := p.quoted(raw)
		if !ok {
			return nil, false
		}
		b.WriteString(s)
		p.blanks()
	}
}

// quoted reads one quoted text, with one quote or three.
func (p *literalParser) quoted(raw bool) (string, bool) {
	quote := p.in[p.pos : p.pos+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(p.in[p.pos:], triple) {
		quote = triple
	}
	p.pos += len(quote)
	var b strings.Builder
	for p.pos < len(p.in) {
		if strings.HasPrefix(p.in[p.pos:], quote) {
			p.pos += len(quote)
			return b.String(), true
		}
		c := p.in[p.pos]
		if c == '\n' && len(quote) == 1 || c == 0 {
			return "", false
		}
		if c != '\\' {
			b.WriteByte(c)
			p.pos++
			continue
		}
		if p.pos+1 >= len(p.in) {
			return "", false
		}
		if raw {
			b.WriteString(p.in[p.pos : p.pos+2])
			p.pos += 2
			continue
		}
		if !p.escape(&b) {
			return "", false
		}
	}
	return "", false
}

// escape reads one backslash sequence. An unknown one stays as it is; a broken
// one makes the whole text no literal.
func (p *literalParser) escape(b *strings.Builder) bool {
	c := p.in[p.pos+1]
	p.pos += 2
	if i := strings.IndexByte(`abfnrtv\'"`, c); i >= 0 {
		b.WriteByte("\a\b\f\n\r\t\v\\'\""[i])
		return true
	}
	digits := 0
	switch c {
	case '\n':
		return true
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case 'N':
		return false // a character by its Unicode name
	case '0', '1', '2', '3', '4', '5', '6', '7':
		end := p.pos
		for end < len(p.in) && end < p.pos+2 && p.in[end] >= '0' && p.in[end] <= '7' {
			end++
		}
		n, _ := strconv.ParseUint(p.in[p.pos-1:end], 8, 32)
		b.WriteRune(rune(n))
		p.pos = end
		return true
	default:
		b.WriteByte('\\')
		b.WriteByte(c)
		return true
	}
	if p.pos+digits > len(p.in) {
		return false
	}
	n, err := strconv.ParseUint(p.in[p.pos:p.pos+digits], 16, 32)
	if err != nil || strings.ContainsAny(p.in[p.pos:p.pos+digits], "+-_") || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return false
	}
	b.WriteRune(rune(n))
	p.pos += digits
	return true
}
