package inventory

import (
	"strings"
)

// method calls one of the methods of texts and maps that inventories use.
func method(name string, on any, c *call) any {
	if m, ok := on.(map[string]any); ok {
		if name != "get" {
			return c.unknown("get")
		}
		key, ok := keyText(c.arg("", ""))
		def := c.arg("", nil)
		if v, found := m[key]; ok && found {
			return v
		}
		return def
	}
	text, ok := on.(string)
	if !ok {
		return c.fail("%s has no methods here", kindOf(on))
	}
	switch name {
	case "split":
		return splitText(text, c)
	case "lower":
		return strings.ToLower(text)
	case "upper":
		return strings.ToUpper(text)
	case "strip":
		return stripText(text, c.arg("", nil), c)
	case "replace":
		return replaceText(text, c, -1)
	case "startswith":
		return strings.HasPrefix(text, c.text("", ""))
	case "endswith":
		return strings.HasSuffix(text, c.text("", ""))
	case "join":
		return joinList(c.arg("", []any{}), text, c)
	}
	return c.unknown("split", "lower", "upper", "strip", "replace", "startswith", "endswith", "join")
}

func (c *call) unknown(known ...string) any {
	c.fail("farmwall does not know it")
	c.failed.hint = "those it knows: " + list(known)
	c.used, c.named = len(c.args), nil
	return nil
}

// splitText is Python's split: without a separator at blanks, and no empty words.
func splitText(text string, c *call) any {
	separator, most := c.arg("sep", nil), c.whole("maxsplit", -1)
	words := []any{}
	if separator == nil {
		rest := strings.TrimLeftFunc(text, pythonBlank)
		for rest != "" {
			end := strings.IndexFunc(rest, pythonBlank)
			if end < 0 || most == 0 {
				words = append(words, strings.TrimRightFunc(rest, pythonBlank))
				break
			}
			most--
			words = append(words, rest[:end])
			rest = strings.TrimLeftFunc(rest[end:], pythonBlank)
		}
		return words
	}
	sep, ok := separator.(string)
	if !ok || sep == "" {
		return c.fail("the separator must be a text that is not empty")
	}
	if most < 0 {
		most = len(text)
	}
	for _, w := range strings.SplitN(text, sep, most+1) {
		words = append(words, w)
	}
	return words
}

func stripText(text string, chars any, c *call) any {
	if chars == nil {
		return strings.TrimFunc(text, pythonBlank)
	}
	set, ok := chars.(string)
	if !ok {
		return c.fail("its argument is %s, not a text", kindOf(chars))
	}
	return strings.Trim(text, set)
}

func replaceText(text string, c *call, most int) any {
	old, with := c.str(c.arg("old", "")), c.str(c.arg("new", ""))
	if c.used < 2 && len(c.args) < 2 {
		return c.fail("it needs what to replace, and with what")
	}
	if c.used < len(c.args) {
		most = c.whole("count", -1)
	}
	n := strings.Count(text, old)
	if n > 0 && len(text)+n*len(with) > maxTemplate {
		return c.fail("the text becomes too long")
	}
	return strings.Replace(text, old, with, most)
}
