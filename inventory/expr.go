package inventory

import (
	"slices"
	"strings"
)

// expression is a part of a template that has a value. Values have the types of
// Value; what does not exist is undefined.
type expression interface {
	eval(*evaluation) (any, *templateError)
}

// undefined is the value of what does not exist; only default and "is defined" may
// use it.
type undefined struct{ what string }

func (u undefined) err() *templateError {
	e := templatef("set it, or write | default('...')", "%s is not defined", u.what)
	e.undefined = true
	return e
}

// strict evaluates what must exist.
func (ev *evaluation) strict(e expression) (any, *templateError) {
	v, err := ev.eval(e)
	if err != nil {
		return nil, err
	}
	if u, ok := v.(undefined); ok {
		return nil, u.err()
	}
	return v, nil
}

// maxExprSteps bounds how much work one value may be.
const maxExprSteps = 100_000

func (ev *evaluation) eval(e expression) (any, *templateError) {
	if ev.steps++; ev.steps > maxExprSteps {
		return nil, templatef("", "the template is too much work")
	}
	return e.eval(ev)
}

type constExpr struct{ value any }

func (e *constExpr) eval(*evaluation) (any, *templateError) { return e.value, nil }

type nameExpr struct{ name string }

func (e *nameExpr) eval(ev *evaluation) (any, *templateError) { return ev.variable(e.name) }

type listExpr struct{ items []expression }

func (e *listExpr) eval(ev *evaluation) (any, *templateError) {
	list := make([]any, 0, len(e.items))
	for _, item := range e.items {
		v, err := ev.strict(item)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

type dictExpr struct{ keys, values []expression }

func (e *dictExpr) eval(ev *evaluation) (any, *templateError) {
	m := make(map[string]any, len(e.keys))
	for i, key := range e.keys {
		k, err := ev.strict(key)
		if err != nil {
			return nil, err
		}
		name, ok := keyText(k)
		if !ok {
			return nil, templatef("", "a map's key is %s", kindOf(k))
		}
		if m[name], err = ev.strict(e.values[i]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

type choiceExpr struct{ test, yes, no expression }

func (e *choiceExpr) eval(ev *evaluation) (any, *templateError) {
	v, err := ev.strict(e.test)
	switch {
	case err != nil:
		return nil, err
	case truth(v):
		return ev.eval(e.yes)
	case e.no == nil:
		return undefined{"the other side of an if without else"}, nil
	}
	return ev.eval(e.no)
}

type notExpr struct{ on expression }

func (e *notExpr) eval(ev *evaluation) (any, *templateError) {
	v, err := ev.strict(e.on)
	return !truth(v), err
}

// truth is Python's: nothing, zero and what is empty are false.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	case int64:
		return v != 0
	case float64:
		return v != 0
	}
	return true
}

type signExpr struct {
	op string
	on expression
}

func (e *signExpr) eval(ev *evaluation) (any, *templateError) {
	v, err := ev.strict(e.on)
	if err != nil {
		return nil, err
	}
	return arithmetic(e.op, int64(0), v)
}

type binaryExpr struct {
	op          string
	left, right expression
}

func (e *binaryExpr) eval(ev *evaluation) (any, *templateError) {
	left, err := ev.strict(e.left)
	if err != nil {
		return nil, err
	}
	if e.op == "and" && !truth(left) || e.op == "or" && truth(left) {
		return left, nil
	}
	right, err := ev.strict(e.right)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "and", "or":
		return right, nil
	case "~":
		a, err := pythonText(left)
		if err != nil {
			return nil, err
		}
		b, err := pythonText(right)
		if err == nil && len(a)+len(b) > maxTemplate {
			err = templatef("", "the text becomes too long")
		}
		return a + b, err
	}
	return arithmetic(e.op, left, right)
}

type compareExpr struct {
	first expression
	ops   []string
	rest  []expression
}

func (e *compareExpr) eval(ev *evaluation) (any, *templateError) {
	left, err := ev.strict(e.first)
	if err != nil {
		return nil, err
	}
	for i, op := range e.ops {
		right, err := ev.strict(e.rest[i])
		if err != nil {
			return nil, err
		}
		ok, err := compareValues(op, left, right)
		if err != nil || !ok {
			return false, err
		}
		left = right
	}
	return true, nil
}

// indexExpr is on.name, on['name'] or on[number].
type indexExpr struct {
	on, index expression
	dotted    bool
}

func (e *indexExpr) eval(ev *evaluation) (any, *templateError) {
	on, err := ev.eval(e.on)
	if err != nil {
		return nil, err
	}
	if u, ok := on.(undefined); ok {
		return u, nil
	}
	index, err := ev.strict(e.index)
	if err != nil {
		return nil, err
	}
	if h, ok := on.(hostVariables); ok {
		return ev.ofHost(h, index)
	}
	switch on := on.(type) {
	case map[string]any:
		if key, ok := keyText(index); ok {
			if v, ok := on[key]; ok {
				return v, nil
			}
		}
	case []any:
		if n, ok := index.(int64); ok {
			if n < 0 {
				n += int64(len(on))
			}
			if n >= 0 && n < int64(len(on)) {
				return on[n], nil
			}
		}
	case string:
		if n, ok := index.(int64); ok && !e.dotted {
			runes := []rune(on)
			if n < 0 {
				n += int64(len(runes))
			}
			if n >= 0 && n < int64(len(runes)) {
				return string(runes[n]), nil
			}
		}
	}
	name, _ := textOf(index)
	return undefined{what: show(name) + " of " + e.describe()}, nil
}

func (e *indexExpr) describe() string {
	if n, ok := e.on.(*nameExpr); ok {
		return n.name
	}
	return "what it refers to"
}

type sliceExpr struct{ on, from, to expression }

func (e *sliceExpr) eval(ev *evaluation) (any, *templateError) {
	on, err := ev.strict(e.on)
	if err != nil {
		return nil, err
	}
	size := 0
	runes := []rune(nil)
	list, isList := on.([]any)
	if text, ok := on.(string); ok {
		runes = []rune(text)
		size = len(runes)
	} else if isList {
		size = len(list)
	} else {
		return nil, templatef("", "%s cannot be cut with [ : ]", kindOf(on))
	}
	bounds := [2]int{0, size}
	for i, e := range []expression{e.from, e.to} {
		if e == nil {
			continue
		}
		v, err := ev.strict(e)
		if err != nil {
			return nil, err
		}
		n, ok := v.(int64)
		if !ok {
			return nil, templatef("", "a place in [ : ] is %s", kindOf(v))
		}
		if n < 0 {
			n += int64(size)
		}
		bounds[i] = int(min(max(n, 0), int64(size)))
	}
	from, to := bounds[0], max(bounds[0], bounds[1])
	if isList {
		return slices.Clone(list[from:to]), nil
	}
	return string(runes[from:to]), nil
}

type testExpr struct {
	name string
	not  bool
	on   expression
}

func (e *testExpr) eval(ev *evaluation) (any, *templateError) {
	v, err := ev.eval(e.on)
	if err != nil {
		if !err.undefined {
			return nil, err
		}
		v = undefined{}
	}
	_, missing := v.(undefined)
	is := false
	switch e.name {
	case "defined":
		is = !missing
	case "undefined":
		is = missing
	default:
		if missing {
			return nil, v.(undefined).err()
		}
		is = testKind(e.name, v)
	}
	return is != e.not, nil
}

func testKind(name string, v any) bool {
	switch name {
	case "none":
		return v == nil
	case "true", "false":
		b, ok := v.(bool)
		return ok && b == (name == "true")
	case "number":
		return kindOf(v) == "a number" || kindOf(v) == "a boolean"
	}
	return kindOf(v) == map[string]string{"string": "a text", "mapping": "a map", "boolean": "a boolean"}[name]
}

type filterExpr struct {
	name  string
	on    expression
	args  []expression
	named map[string]expression
}

func (e *filterExpr) eval(ev *evaluation) (any, *templateError) {
	on, err := ev.eval(e.on)
	if err != nil && !err.undefined {
		return nil, err
	}
	if err != nil {
		on = undefined{strings.TrimSuffix(err.text, " is not defined")}
	}
	c := &call{what: "filter " + e.name}
	if c.args, err = ev.list(e.args); err != nil {
		return nil, err
	}
	if len(e.named) > 0 {
		c.named = map[string]any{}
		for _, name := range sortedKeys(e.named) {
			if c.named[name], err = ev.strict(e.named[name]); err != nil {
				return nil, err
			}
		}
	}
	if u, ok := on.(undefined); ok && e.name != "default" && e.name != "d" {
		return nil, u.err()
	}
	v := filter(e.name, on, c)
	return v, c.err()
}

func (ev *evaluation) list(exprs []expression) ([]any, *templateError) {
	var values []any
	for _, e := range exprs {
		v, err := ev.strict(e)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

type methodExpr struct {
	on   expression
	name string
	args []expression
}

func (e *methodExpr) eval(ev *evaluation) (any, *templateError) {
	on, err := ev.strict(e.on)
	if err != nil {
		return nil, err
	}
	c := &call{what: "method " + e.name}
	if c.args, err = ev.list(e.args); err != nil {
		return nil, err
	}
	v := method(e.name, on, c)
	return v, c.err()
}

type lookupExpr struct {
	args  []expression
	named map[string]expression
}

func (e *lookupExpr) eval(ev *evaluation) (any, *templateError) {
	if len(e.named) > 0 {
		return nil, templatef("", "farmwall knows no named arguments of lookup: %s", list(sortedKeys(e.named)))
	}
	args, err := ev.list(e.args)
	if err != nil {
		return nil, err
	}
	return ev.lookup(args)
}
