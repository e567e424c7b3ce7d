package inventory

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// exprParser reads one expression of a template, from behind {{ to behind }}. The
// order of operators is Jinja's.
type exprParser struct {
	in    string
	pos   int
	depth int
	dash  bool // the end was -}}
}

// maxExprDepth bounds how deeply an expression nests.
const maxExprDepth = 100

func (p *exprParser) whole() (expression, *templateError) {
	e, err := p.condition()
	if err != nil {
		return nil, err
	}
	p.blanks()
	if strings.HasPrefix(p.in[p.pos:], "-}}") {
		p.dash = true
		p.pos++
	}
	if !strings.HasPrefix(p.in[p.pos:], "}}") {
		return nil, p.unexpected()
	}
	p.pos += 2
	return e, nil
}

func (p *exprParser) unexpected() *templateError {
	p.blanks()
	if p.pos >= len(p.in) {
		return templatef("", "an expression {{ has no end")
	}
	_, size := utf8.DecodeRuneInString(p.in[p.pos:])
	return templatef(templateHint, "farmwall does not understand the template at %s", show(p.in[p.pos:min(len(p.in), p.pos+max(size, 12))]))
}

func (p *exprParser) blanks() {
	for p.pos < len(p.in) && strings.IndexByte(" \t\r\n", p.in[p.pos]) >= 0 {
		p.pos++
	}
}

func wordByte(c byte, first bool) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || !first && digit(c)
}

// peekWord is the name that stands next, or empty.
func (p *exprParser) peekWord() string {
	p.blanks()
	i := p.pos
	for i < len(p.in) && wordByte(p.in[i], i == p.pos) {
		i++
	}
	return p.in[p.pos:i]
}

// word takes one of the words, if it stands next.
func (p *exprParser) word(words ...string) bool {
	w := p.peekWord()
	if w == "" || !slices.Contains(words, w) {
		return false
	}
	p.pos += len(w)
	return true
}

// sign takes the first of the signs that stands next; longer ones come first.
func (p *exprParser) sign(signs ...string) string {
	p.blanks()
	for _, s := range signs {
		if strings.HasPrefix(p.in[p.pos:], s) {
			if s == "-" && strings.HasPrefix(p.in[p.pos:], "-}}") {
				continue
			}
			p.pos += len(s)
			return s
		}
	}
	return ""
}

func (p *exprParser) condition() (expression, *templateError) {
	if p.depth++; p.depth > maxExprDepth {
		return nil, templatef("", "the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	e, err := p.binary(0)
	for err == nil && p.word("if") {
		c := &choiceExpr{yes: e}
		if c.test, err = p.binary(0); err != nil {
			return nil, err
		}
		if p.word("else") {
			if c.no, err = p.condition(); err != nil {
				return nil, err
			}
		}
		e = c
	}
	return e, err
}

// levels are the binary operators, weakest first; "not" stands between the second
// and the third.
func levels() [][]string {
	return [][]string{{"or"}, {"and"}, nil, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"~"}, {"*", "//", "/", "%"}, {"**"}}
}

const (
	levelNot     = 2
	levelCompare = 3
	levelProduct = 6
)

func (p *exprParser) binary(level int) (expression, *templateError) {
	all := levels()
	if level == len(all) {
		return p.unary(true)
	}
	if level == levelNot {
		if p.word("not") {
			e, err := p.deeper(func() (expression, *templateError) { return p.binary(levelNot) })
			return &notExpr{e}, err
		}
		return p.binary(level + 1)
	}
	left, err := p.binary(level + 1)
	for err == nil {
		op := p.operator(level, all[level])
		if op == "" {
			return left, nil
		}
		var right expression
		if right, err = p.binary(level + 1); err != nil {
			break
		}
		if c, ok := left.(*compareExpr); ok && level == levelCompare {
			c.ops, c.rest = append(c.ops, op), append(c.rest, right)
			continue
		}
		if level == levelCompare {
			left = &compareExpr{left, []string{op}, []expression{right}}
			continue
		}
		left = &binaryExpr{op, left, right}
	}
	return nil, err
}

func (p *exprParser) deeper(read func() (expression, *templateError)) (expression, *templateError) {
	if p.depth++; p.depth > maxExprDepth {
		return nil, templatef("", "the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	return read()
}

func (p *exprParser) operator(level int, ops []string) string {
	if level <= 1 {
		if p.word(ops...) {
			return ops[0]
		}
		return ""
	}
	if level == levelCompare {
		if p.word("in") {
			return "in"
		}
		if before := p.pos; p.word("not") {
			if p.word("in") {
				return "not in"
			}
			p.pos = before
		}
	}
	if level == levelProduct && strings.HasPrefix(strings.TrimLeft(p.in[p.pos:], " \t\r\n"), "**") {
		return ""
	}
	return p.sign(ops...)
}

func (p *exprParser) unary(filters bool) (expression, *templateError) {
	var e expression
	var err *templateError
	switch op := p.sign("-", "+"); op {
	case "":
		e, err = p.primary()
	default:
		e, err = p.deeper(func() (expression, *templateError) { return p.unary(false) })
		e = &signExpr{op, e}
	}
	if err == nil {
		e, err = p.postfix(e)
	}
	for err == nil && filters {
		switch {
		case p.sign("|") != "":
			e, err = p.filter(e)
		case p.word("is"):
			e, err = p.test(e)
		default:
			return e, nil
		}
	}
	return e, err
}

// filter reads a filter's name and arguments.
func (p *exprParser) filter(on expression) (expression, *templateError) {
	name := p.dotted()
	if name == "" {
		return nil, p.unexpected()
	}
	f := &filterExpr{name: strings.TrimPrefix(name, "ansible.builtin."), on: on}
	if !slices.Contains(filterNames(), f.name) {
		return nil, templatef(suggestOr("those it knows: "+list(filterNames()), f.name, filterNames()...), "farmwall does not know the filter %q", f.name)
	}
	if p.sign("(") != "" {
		var err *templateError
		if f.args, f.named, err = p.arguments(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// dotted reads a name that may have dots in it.
func (p *exprParser) dotted() string {
	name := p.peekWord()
	p.pos += len(name)
	for name != "" && p.pos+1 < len(p.in) && p.in[p.pos] == '.' && wordByte(p.in[p.pos+1], true) {
		p.pos++
		w := p.peekWord()
		p.pos += len(w)
		name += "." + w
	}
	return name
}

func (p *exprParser) test(on expression) (expression, *templateError) {
	not := p.word("not")
	name := p.peekWord()
	p.pos += len(name)
	switch name {
	case "defined", "undefined", "none", "string", "number", "mapping", "boolean", "true", "false":
		return &testExpr{name, not, on}, nil
	case "":
		return nil, p.unexpected()
	}
	return nil, templatef(templateHint, "farmwall does not know the test %q", name)
}
