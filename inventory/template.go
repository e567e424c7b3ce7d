package inventory

import (
	"fmt"
	"strings"
)

// template is a text with expressions in it, as Ansible's variables may be.
type template struct{ pieces []templatePiece }

// templatePiece is fixed text, or an expression with its own text for messages.
type templatePiece struct {
	text string
	expr expression // nil: fixed text
}

// templateError is what is wrong with a template, or with what it refers to.
type templateError struct {
	text, hint string
	undefined  bool
	told       bool // reported already, where it stands
}

func (e *templateError) Error() string { return e.text }

func templatef(hint, format string, args ...any) *templateError {
	return &templateError{text: fmt.Sprintf(format, args...), hint: hint}
}

// maxTemplate bounds a template's length and what it may become, in bytes.
const maxTemplate = 1 << 20

// parseTemplate takes a text apart. It knows expressions, comments and raw blocks;
// other statements are refused.
func parseTemplate(text string) (*template, *templateError) {
	if len(text) > maxTemplate {
		return nil, templatef("", "the template is longer than %d bytes", maxTemplate)
	}
	t := &template{}
	add := func(text string) {
		if text != "" {
			t.pieces = append(t.pieces, templatePiece{text: text})
		}
	}
	strip := false // the last tag ended in a dash: the blanks after it go
	for text != "" {
		start := tagStart(text)
		before := text
		if start >= 0 {
			before = text[:start]
		}
		if strip {
			before = strings.TrimLeftFunc(before, pythonBlank)
		}
		if start < 0 {
			add(before)
			break
		}
		kind := text[start+1]
		rest := text[start+2:]
		if strings.HasPrefix(rest, "-") {
			before = strings.TrimRightFunc(before, pythonBlank)
		}
		add(before)
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "-"), "+")
		switch kind {
		case '#':
			end := strings.Index(rest, "#}")
			if end < 0 {
				return nil, templatef("", "a comment {# has no end")
			}
			strip = strings.HasSuffix(rest[:end], "-")
			text = rest[end+2:]
		case '%':
			inner, after, ok := rawBlock(rest)
			if !ok {
				return nil, templatef(templateHint, "farmwall knows no statements in templates: {%% %s", firstWords(rest))
			}
			add(inner)
			text, strip = after, false
		default:
			p := &exprParser{in: rest}
			expr, err := p.whole()
			if err != nil {
				return nil, err
			}
			t.pieces = append(t.pieces, templatePiece{expr: expr})
			strip = p.dash
			text = rest[p.pos:]
		}
	}
	return t, nil
}

// templateHint says what to do about what is beyond farmwall's templates.
const templateHint = "write the value itself, or give it with -e"

// tagStart is the place of the next {{, {% or {#, or -1.
func tagStart(text string) int {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '{' && (text[i+1] == '{' || text[i+1] == '%' || text[i+1] == '#') {
			return i
		}
	}
	return -1
}

// rawBlock reads the rest of {% raw %}...{% endraw %}.
func rawBlock(rest string) (inner, after string, ok bool) {
	head, rest, ok := strings.Cut(rest, "%}")
	if !ok || strings.Trim(head, " \t\r\n-+") != "raw" {
		return "", "", false
	}
	for i := 0; i < len(rest); {
		at := strings.Index(rest[i:], "{%")
		if at < 0 {
			return "", "", false
		}
		at += i
		tag, after, ok := strings.Cut(rest[at+2:], "%}")
		if ok && strings.Trim(tag, " \t\r\n-+") == "endraw" {
			return rest[:at], after, true
		}
		i = at + 2
	}
	return "", "", false
}

func firstWords(s string) string {
	s, _, _ = strings.Cut(s, "%}")
	return strings.Trim(show(strings.TrimSpace(s)), `"`)
}
