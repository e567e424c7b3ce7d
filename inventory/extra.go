package inventory

import (
	"errors"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParseExtra reads the arguments of -e: name=value words (values are texts, with
// quotes where they hold blanks), a map as YAML or JSON in braces, or @FILE with
// a map, which may be encrypted. Later arguments win. The error is Problems.
func ParseExtra(args []string, vault *Vault) (map[string]any, error) {
	vars := map[string]any{}
	r := newReport()
	for _, arg := range args {
		arg = strings.TrimSpace(arg)
		switch {
		case strings.HasPrefix(arg, "@"):
			data, secret, p := readFile(expandHome(arg[1:]), vault)
			if p != nil {
				r.add(&r.problems, *p)
				continue
			}
			r.masked = secret
			extraMap(r, arg[1:], data, secret, vars)
			r.masked = false
		case strings.HasPrefix(arg, "{"), strings.HasPrefix(arg, "["):
			extraMap(r, "-e", []byte(arg), false, vars)
		default:
			if err := extraWords(arg, vars); err != nil {
				r.problem(Position{File: "-e"}, "write name=value, a map in braces, or @FILE", "%s", err)
			}
		}
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return vars, nil
}

// secretExtra is a variable of -e out of an encrypted file.
type secretExtra struct{ value any }

// extraMap adds the variables of a map in YAML or JSON.
func extraMap(r *report, file string, data []byte, secret bool, into map[string]any) {
	root, err := parseYAML(file, data)
	var p Problem
	switch {
	case errors.As(err, &p):
		r.add(&r.problems, p)
		return
	case root == nil:
		return
	case followed(root).Kind != yaml.MappingNode:
		r.problem(Position{File: file, Line: root.Line}, "write name: value", "the variables must be a map")
		return
	}
	v, ok := newYAMLReader(r, file).mapping(followed(root)).(map[string]any)
	if !ok {
		return
	}
	for name := range v {
		if secret {
			v[name] = secretExtra{v[name]}
		}
	}
	maps.Copy(into, v)
}

// extraWords reads name=value words. A backslash means itself, except before a
// quote, so that DOMAIN\user needs no care.
func extraWords(arg string, into map[string]any) error {
	var words []string
	var word strings.Builder
	open, quote := false, rune(0)
	runes := []rune(arg)
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case c == '\\' && i+1 < len(runes) && (runes[i+1] == '"' || runes[i+1] == '\''):
			i++
			word.WriteRune(runes[i])
			open = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case (c == '"' || c == '\'') && strings.HasSuffix(word.String(), "="):
			quote, open = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if open {
				words = append(words, word.String())
				word.Reset()
				open = false
			}
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if quote != 0 {
		return errors.New("a quote is not closed")
	}
	if open {
		words = append(words, word.String())
	}
	for _, w := range words {
		name, value, ok := strings.Cut(w, "=")
		if !ok || name == "" {
			return errors.New("a word is no name=value; values with blanks need quotes")
		}
		into[name] = value
	}
	return nil
}
