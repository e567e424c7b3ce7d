package inventory

import (
	"math/big"
	"strconv"
	"strings"
)

// primary reads a literal, a name, or what stands in parentheses or brackets.
func (p *exprParser) primary() (expression, *templateError) {
	p.blanks()
	if p.pos >= len(p.in) {
		return nil, p.unexpected()
	}
	switch c := p.in[p.pos]; {
	case c == '\'' || c == '"':
		return p.quoted()
	case digit(c):
		return p.number()
	case wordByte(c, true):
		name := p.peekWord()
		p.pos += len(name)
		switch name {
		case "true", "True":
			return &constExpr{true}, nil
		case "false", "False":
			return &constExpr{false}, nil
		case "none", "None":
			return &constExpr{nil}, nil
		case "if", "else", "and", "or", "not", "in", "is":
			p.pos -= len(name)
			return nil, p.unexpected()
		}
		return &nameExpr{name}, nil
	case c == '(':
		p.pos++
		e, err := p.condition()
		if err != nil {
			return nil, err
		}
		if p.sign(")") == "" {
			return nil, p.unexpected()
		}
		return e, nil
	case c == '[':
		p.pos++
		items, err := p.items("]")
		return &listExpr{items}, err
	case c == '{':
		p.pos++
		return p.dict()
	}
	return nil, p.unexpected()
}

// quoted reads a text in quotes. Ansible takes backslashes in it for themselves;
// texts one after the other are one.
func (p *exprParser) quoted() (expression, *templateError) {
	var b strings.Builder
	for p.pos < len(p.in) && (p.in[p.pos] == '\'' || p.in[p.pos] == '"') {
		end := strings.IndexByte(p.in[p.pos+1:], p.in[p.pos])
		if end < 0 {
			return nil, templatef("", "a quote in the expression is not closed")
		}
		b.WriteString(p.in[p.pos+1 : p.pos+1+end])
		p.pos += end + 2
		p.blanks()
	}
	return &constExpr{b.String()}, nil
}

func (p *exprParser) number() (expression, *templateError) {
	start := p.pos
	for p.pos < len(p.in) && (digit(p.in[p.pos]) || p.in[p.pos] == '_') {
		p.pos++
	}
	float := false
	if p.pos+1 < len(p.in) && p.in[p.pos] == '.' && digit(p.in[p.pos+1]) {
		float = true
		for p.pos++; p.pos < len(p.in) && digit(p.in[p.pos]); {
			p.pos++
		}
	}
	if p.pos < len(p.in) && (p.in[p.pos] == 'e' || p.in[p.pos] == 'E') {
		float = true
		for p.pos++; p.pos < len(p.in) && (digit(p.in[p.pos]) || strings.IndexByte("+-", p.in[p.pos]) >= 0); {
			p.pos++
		}
	}
	text := strings.ReplaceAll(p.in[start:p.pos], "_", "")
	if p.pos < len(p.in) && wordByte(p.in[p.pos], true) {
		return nil, p.unexpected()
	}
	if float {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, templatef("", "%s is no number", show(text))
		}
		return &constExpr{f}, nil
	}
	n, ok := new(big.Int).SetString(text, 10)
	if !ok || len(text) > 1000 {
		return nil, templatef("", "%s is no number", show(text))
	}
	return &constExpr{wholeNumber(n)}, nil
}

// items reads values with commas between them up to the closing sign.
func (p *exprParser) items(end string) ([]expression, *templateError) {
	var items []expression
	for p.sign(end) == "" {
		if len(items) > 0 {
			if p.sign(",") == "" {
				return nil, p.unexpected()
			}
			if p.sign(end) != "" {
				break
			}
		}
		e, err := p.condition()
		if err != nil {
			return nil, err
		}
		items = append(items, e)
	}
	return items, nil
}

func (p *exprParser) dict() (expression, *templateError) {
	d := &dictExpr{}
	for p.sign("}") == "" {
		if len(d.keys) > 0 {
			if p.sign(",") == "" {
				return nil, p.unexpected()
			}
			if p.sign("}") != "" {
				break
			}
		}
		k, err := p.condition()
		if err != nil {
			return nil, err
		}
		if p.sign(":") == "" {
			return nil, p.unexpected()
		}
		v, err := p.condition()
		if err != nil {
			return nil, err
		}
		d.keys, d.values = append(d.keys, k), append(d.values, v)
	}
	return d, nil
}

// arguments reads what stands in the parentheses of a call, after the opening one.
func (p *exprParser) arguments() (args []expression, named map[string]expression, err *templateError) {
	for first := true; p.sign(")") == ""; first = false {
		if !first {
			if p.sign(",") == "" {
				return nil, nil, p.unexpected()
			}
			if p.sign(")") != "" {
				break
			}
		}
		name, before := p.peekWord(), p.pos
		p.pos += len(name)
		if name != "" && p.sign("==") == "" && p.sign("=") != "" {
			if named == nil {
				named = map[string]expression{}
			}
			if named[name], err = p.condition(); err != nil {
				return nil, nil, err
			}
			continue
		}
		p.pos = before
		e, err := p.condition()
		if err != nil {
			return nil, nil, err
		}
		args = append(args, e)
	}
	return args, named, nil
}

// postfix reads .name, .0, [index], [from:to] and calls.
func (p *exprParser) postfix(e expression) (expression, *templateError) {
	for {
		switch {
		case p.sign(".") != "":
			if p.pos < len(p.in) && digit(p.in[p.pos]) {
				start := p.pos
				for p.pos < len(p.in) && digit(p.in[p.pos]) {
					p.pos++
				}
				n, err := strconv.ParseInt(p.in[start:p.pos], 10, 64)
				if err != nil {
					return nil, p.unexpected()
				}
				e = &indexExpr{on: e, index: &constExpr{n}}
				continue
			}
			name := p.peekWord()
			if name == "" {
				return nil, p.unexpected()
			}
			p.pos += len(name)
			if p.sign("(") == "" {
				e = &indexExpr{on: e, index: &constExpr{name}, dotted: true}
				continue
			}
			args, named, err := p.arguments()
			if err != nil {
				return nil, err
			}
			if len(named) > 0 {
				return nil, templatef(templateHint, "farmwall knows no named arguments of the method %q", name)
			}
			e = &methodExpr{e, name, args}
		case p.sign("[") != "":
			var err *templateError
			if e, err = p.subscript(e); err != nil {
				return nil, err
			}
		case p.sign("(") != "":
			name, ok := e.(*nameExpr)
			if !ok {
				return nil, templatef(templateHint, "farmwall does not call this")
			}
			args, named, err := p.arguments()
			if err != nil {
				return nil, err
			}
			if name.name != "lookup" {
				return nil, templatef(templateHint, "farmwall does not know the function %q", name.name)
			}
			e = &lookupExpr{args, named}
		default:
			return e, nil
		}
	}
}

func (p *exprParser) subscript(on expression) (expression, *templateError) {
	var from, to expression
	var err *templateError
	slice := p.sign(":") != ""
	if !slice {
		if from, err = p.condition(); err != nil {
			return nil, err
		}
		if p.sign("]") != "" {
			return &indexExpr{on: on, index: from}, nil
		}
		if p.sign(":") == "" {
			return nil, p.unexpected()
		}
	}
	if p.sign("]") != "" {
		return &sliceExpr{on, from, nil}, nil
	}
	if to, err = p.condition(); err != nil {
		return nil, err
	}
	if p.sign("]") == "" {
		return nil, p.unexpected()
	}
	return &sliceExpr{on, from, to}, nil
}
