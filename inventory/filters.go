package inventory

import (
	"encoding/base64"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// filterNames are the filters that farmwall knows, those that inventories use.
func filterNames() []string {
	return []string{"b64decode", "b64encode", "bool", "count", "d", "default", "first", "float", "int", "join", "last", "length", "list",
		"lower", "replace", "sort", "split", "string", "ternary", "trim", "unique", "upper"}
}

// call is the arguments of a filter or method, and what is wrong with them.
type call struct {
	what   string
	args   []any
	named  map[string]any
	used   int
	failed *templateError
}

func (c *call) fail(format string, args ...any) any {
	if c.failed == nil {
		c.failed = templatef("", c.what+": "+format, args...)
	}
	return nil
}

// arg takes the next argument, or the one of that name.
func (c *call) arg(name string, def any) any {
	if v, ok := c.named[name]; ok {
		delete(c.named, name)
		return v
	}
	if c.used < len(c.args) {
		c.used++
		return c.args[c.used-1]
	}
	return def
}

func (c *call) text(name, def string) string {
	v := c.arg(name, def)
	s, ok := v.(string)
	if !ok {
		c.fail("its argument is %s, not a text", kindOf(v))
	}
	return s
}

func (c *call) whole(name string, def int64) int {
	v := c.arg(name, def)
	n, ok := v.(int64)
	if !ok || n != int64(int32(n)) {
		c.fail("its argument is no small whole number")
	}
	return int(n)
}

func (c *call) err() *templateError {
	switch {
	case c.failed != nil:
		return c.failed
	case c.used < len(c.args):
		return templatef("", "%s has too many arguments", c.what)
	case len(c.named) > 0:
		return templatef("", "%s: farmwall does not know its argument %s", c.what, list(sortedKeys(c.named)))
	}
	return nil
}

// str is a value as text.
func (c *call) str(v any) string {
	text, err := pythonText(v)
	if err != nil {
		c.fail("%s", err.text)
	}
	return text
}

// filter applies a filter; on is undefined for default alone.
func filter(name string, on any, c *call) any {
	switch name {
	case "default", "d":
		def, empty := c.arg("default_value", ""), c.arg("boolean", false)
		if _, missing := on.(undefined); missing || truth(empty) && !truth(on) {
			return def
		}
		return on
	case "lower":
		return strings.ToLower(c.str(on))
	case "upper":
		return strings.ToUpper(c.str(on))
	case "string":
		return c.str(on)
	case "trim":
		return stripText(c.str(on), c.arg("chars", nil), c)
	case "replace":
		return replaceText(c.str(on), c, -1)
	case "split":
		text, ok := on.(string)
		if !ok {
			return c.fail("%s cannot be split", kindOf(on))
		}
		return splitText(text, c)
	case "join":
		return joinList(on, c.text("d", ""), c)
	case "int":
		return toWhole(on, c)
	case "float":
		return toReal(on, c)
	case "bool":
		return toBool(on)
	case "ternary":
		yes, no, none := c.arg("true_val", nil), c.arg("false_val", nil), c.arg("none_val", nil)
		switch {
		case on == nil && none != nil:
			return none
		case truth(on):
			return yes
		}
		return no
	case "b64encode":
		return base64.StdEncoding.EncodeToString([]byte(c.str(on)))
	case "b64decode":
		b, err := base64.StdEncoding.DecodeString(c.str(on))
		if err != nil || !utf8.Valid(b) {
			return c.fail("the value is no base64 of a text")
		}
		return string(b)
	}
	return filterList(name, on, c)
}

// filterList applies the filters that see their value as a list.
func filterList(name string, on any, c *call) any {
	if m, ok := on.(map[string]any); ok && (name == "length" || name == "count") {
		return int64(len(m))
	}
	items := sequence(on, c)
	switch name {
	case "length", "count":
		return int64(len(items))
	case "first", "last":
		if len(items) == 0 {
			return undefined{"the " + name + " of an empty list"}
		}
		if name == "first" {
			return items[0]
		}
		return items[len(items)-1]
	case "unique":
		out := []any{}
		for _, e := range items {
			if !slices.ContainsFunc(out, func(o any) bool { return equalValues(o, e) }) {
				out = append(out, e)
			}
		}
		return out
	case "sort":
		out := slices.Clone(items)
		slices.SortStableFunc(out, func(a, b any) int { return sortOrder(a, b, c) })
		return out
	}
	return items // list
}

// sortOrder is Jinja's: texts without regard to case.
func sortOrder(a, b any, c *call) int {
	if s, ok := a.(string); ok {
		a = strings.ToLower(s)
	}
	if s, ok := b.(string); ok {
		b = strings.ToLower(s)
	}
	less, err := compareValues("<", a, b)
	if err != nil {
		c.fail("%s", err.text)
		return 0
	}
	if less {
		return -1
	}
	if more, _ := compareValues(">", a, b); more {
		return 1
	}
	return 0
}

// sequence is a list's items, or a text's characters.
func sequence(v any, c *call) []any {
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		c.fail("the order of a map is not kept here")
	case string:
		items := []any{}
		for _, r := range v {
			items = append(items, string(r))
		}
		return items
	default:
		c.fail("%s is no list", kindOf(v))
	}
	return nil
}

func joinList(on any, separator string, c *call) any {
	var b strings.Builder
	for i, e := range sequence(on, c) {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(c.str(e))
		if b.Len() > maxTemplate {
			return c.fail("the text becomes too long")
		}
	}
	return b.String()
}

// toBool is Ansible's filter bool: everything that does not mean yes is false.
func toBool(v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return slices.Contains([]string{"yes", "on", "1", "true"}, strings.ToLower(v))
	case int64:
		return v == 1
	case float64:
		return v == 1
	}
	return false
}

// toWhole is Jinja's filter int: what is no number becomes the default.
func toWhole(v any, c *call) any {
	def, base := c.arg("default", int64(0)), c.whole("base", 10)
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case int64, *big.Int:
		return v
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return def
		}
		n, _ := big.NewFloat(v).Int(nil)
		return wholeNumber(n)
	case string:
		text := strings.TrimFunc(v, unicode.IsSpace)
		if base < 2 || base > 36 {
			return c.fail("base %d is not possible", base)
		}
		prefix := map[int]string{16: "0x", 8: "0o", 2: "0b"}[base]
		if rest, ok := strings.CutPrefix(strings.ToLower(text), prefix); ok {
			text = rest
		}
		if n, ok := new(big.Int).SetString(text, base); ok && len(text) <= 1000 {
			return wholeNumber(n)
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil && base == 10 {
			return toWhole(f, &call{args: []any{def}})
		}
	}
	return def
}

func toReal(v any, c *call) any {
	def := c.arg("default", 0.0)
	if f, ok := realOf(v); ok {
		return f
	}
	if s, ok := v.(string); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(s, unicode.IsSpace), 64); err == nil {
			return f
		}
	}
	return def
}
