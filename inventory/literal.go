package inventory

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// literal reads text as a Python literal the way ast.literal_eval does, which
// is what Ansible does with every value of an INI inventory: numbers, texts in
// quotes, True, False, None, lists, tuples and maps. Anything else stays the
// text that it is. Three kinds have no value that an inventory could hold (sets,
// complex numbers, bytes); they stay text too.
func literal(text string) any {
	if !mayBeLiteral(text) {
		return text
	}
	p := &literalParser{in: text}
	p.blanks()
	v, ok := p.top()
	if !ok {
		return text
	}
	return v
}

// mayBeLiteral spares plain words the parser.
func mayBeLiteral(text string) bool {
	t := strings.TrimLeft(text, " \t")
	if t == "" {
		return false
	}
	switch c := t[0]; {
	case c >= '0' && c <= '9', strings.IndexByte(`+-.'"([{`, c) >= 0:
		return true
	case c == 'T', c == 'F', c == 'N', c == 'r', c == 'R', c == 'u', c == 'U':
		return true
	}
	return false
}

// maxLiteralDepth bounds nesting; Python's own parser stops at 200.
const maxLiteralDepth = 90

type literalParser struct {
	in    string
	pos   int
	depth int
}

func (p *literalParser) blanks() {
	for p.pos < len(p.in) {
		switch p.in[p.pos] {
		case ' ', '\t', '\f':
			p.pos++
		case '#':
			p.pos = len(p.in)
		default:
			return
		}
	}
}

func (p *literalParser) next(c byte) bool {
	if p.pos < len(p.in) && p.in[p.pos] == c {
		p.pos++
		p.blanks()
		return true
	}
	return false
}

// top reads a whole text: one value, or a tuple without parentheses.
func (p *literalParser) top() (any, bool) {
	v, tuple, ok := p.items(0)
	if !ok || p.pos != len(p.in) || len(v) == 0 {
		return nil, false
	}
	if !tuple {
		return v[0], true
	}
	return v, true
}

// items reads values with commas between them up to the closing byte, which it
// takes; 0 stands for the end of the text. Tuple says that there was a comma.
func (p *literalParser) items(end byte) (list []any, tuple, ok bool) {
	list = []any{}
	for {
		if end == 0 && p.pos == len(p.in) || end != 0 && p.next(end) {
			return list, tuple, true
		}
		if len(list) > 0 && !tuple {
			return nil, false, false
		}
		v, ok := p.value()
		if !ok {
			return nil, false, false
		}
		list = append(list, v)
		if p.next(',') {
			tuple = true
			continue
		}
		if end == 0 && p.pos == len(p.in) || end != 0 && p.next(end) {
			return list, tuple, true
		}
		return nil, false, false
	}
}

func (p *literalParser) value() (any, bool) {
	if p.depth++; p.depth > maxLiteralDepth || p.pos >= len(p.in) {
		return nil, false
	}
	defer func() { p.depth-- }()
	switch c := p.in[p.pos]; c {
	case '[':
		p.next('[')
		list, _, ok := p.items(']')
		return list, ok
	case '(':
		p.next('(')
		list, tuple, ok := p.items(')')
		if ok && !tuple && len(list) == 1 {
			return list[0], true
		}
		return list, ok
	case '{':
		p.next('{')
		return p.dict()
	case '+', '-':
		p.pos++
		p.blanks()
		v, ok := p.operand()
		if !ok || c == '+' {
			return v, ok
		}
		return negated(v), true
	case '\'', '"':
		return p.texts()
	}
	if v, ok := p.word(); ok {
		return v, true
	}
	if v, ok := p.number(); ok {
		return v, true
	}
	return p.texts()
}

// operand is what may follow a sign: a number, also in parentheses.
func (p *literalParser) operand() (any, bool) {
	if p.pos < len(p.in) && p.in[p.pos] == '(' {
		if p.depth++; p.depth > maxLiteralDepth {
			return nil, false
		}
		defer func() { p.depth-- }()
		p.next('(')
		v, ok := p.operand()
		return v, ok && p.next(')')
	}
	return p.number()
}

func negated(v any) any {
	switch n := v.(type) {
	case int64:
		return -n // never the smallest: a literal has no sign of its own
	case *big.Int:
		return wholeNumber(new(big.Int).Neg(n))
	case float64:
		return -n
	}
	return v
}

func (p *literalParser) dict() (any, bool) {
	m := map[string]any{}
	for first := true; ; first = false {
		if p.next('}') {
			return m, true
		}
		if !first {
			if !p.next(',') {
				return nil, false
			}
			if p.next('}') {
				return m, true
			}
		}
		k, ok := p.value()
		if !ok || !p.next(':') {
			return nil, false
		}
		key, ok := keyText(k)
		if !ok {
			return nil, false
		}
		v, ok := p.value()
		if !ok {
			return nil, false
		}
		m[key] = v
	}
}

func (p *literalParser) word() (any, bool) {
	end := p.pos
	for end < len(p.in) && isNameByte(p.in[end]) {
		end++
	}
	var v any
	switch p.in[p.pos:end] {
	case "True":
		v = true
	case "False":
		v = false
	case "None":
	default:
		return nil, false
	}
	p.pos = end
	p.blanks()
	return v, true
}

// isNameByte counts every byte of a non-ASCII character as part of a name.
func isNameByte(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func (p *literalParser) number() (any, bool) {
	end := p.pos
	for end < len(p.in) {
		c := p.in[end]
		sign := (c == '+' || c == '-') && end > p.pos && (p.in[end-1] == 'e' || p.in[end-1] == 'E') && !hexNumber(p.in[p.pos:end])
		if !isNameByte(c) && c != '.' && !sign {
			break
		}
		end++
	}
	v, ok := pythonNumber(p.in[p.pos:end])
	if ok {
		p.pos = end
		p.blanks()
	}
	return v, ok
}

func hexNumber(s string) bool {
	return len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X')
}

// maxDigits is Python's bound for a decimal number in a source.
const maxDigits = 4300

// pythonNumber reads a number without a sign as Python's source has it.
func pythonNumber(s string) (any, bool) {
	if s == "" || s[0] == '_' || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
		return nil, false
	}
	base, digits := 10, s
	if len(s) > 2 && s[0] == '0' {
		switch s[1] {
		case 'x', 'X':
			base = 16
		case 'o', 'O':
			base = 8
		case 'b', 'B':
			base = 2
		}
	}
	if base != 10 {
		digits = s[2:]
	}
	plain := strings.ReplaceAll(digits, "_", "")
	if base != 10 || strings.Trim(plain, "0123456789") == "" {
		if base == 10 && (len(plain) > maxDigits || plain[0] == '0' && strings.Trim(plain, "0") != "") {
			return nil, false // 0755 is no number in Python 3
		}
		if plain == "" || plain[0] == '+' || plain[0] == '-' {
			return nil, false
		}
		n, ok := new(big.Int).SetString(plain, base)
		if !ok {
			return nil, false
		}
		return wholeNumber(n), true
	}
	return pythonFloat(s)
}

func pythonFloat(s string) (any, bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9', c == '.', c == 'e', c == 'E', c == '+', c == '-':
		case c == '_' && i > 0 && digit(s[i-1]) && i+1 < len(s) && digit(s[i+1]):
		default:
			return nil, false
		}
	}
	if s[0] == 'e' || s[0] == 'E' || s == "." {
		return nil, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return nil, false
	}
	return f, true
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
