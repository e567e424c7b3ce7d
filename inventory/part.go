package inventory

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// part is a value or something inside one, with its place.
type part struct {
	any     any
	at      Position
	node    *yaml.Node // nil outside YAML
	written string     // a number's text in an INI inventory
}

func (v Value) part() part {
	p := part{any: v.Any, at: v.At}
	if v.src != nil {
		p.node, p.written = v.src.node, v.src.written
	}
	return p
}

// text is a scalar's text. A fraction keeps the digits that were written: 16.10
// is not 16.1.
func (p part) text() (string, bool) {
	s, ok := textOf(p.any)
	if _, isFloat := p.any.(float64); isFloat {
		if p.node != nil && p.node.Kind == yaml.ScalarNode && !isTemplate(p.node.Value) {
			return p.node.Value, true
		}
		if words := strings.Fields(p.written); len(words) > 0 {
			return words[0], true
		}
	}
	return strings.TrimSpace(s), ok
}

// items are a list's parts, or those of a text with commas; a number is a list
// of one. Empty words are left out; ok is false for maps, booleans and null.
func (p part) items() (items []part, ok bool) {
	switch v := p.any.(type) {
	case []any:
		for i, e := range v {
			item := part{any: e, at: p.at}
			if p.node != nil && p.node.Kind == yaml.SequenceNode && i < len(p.node.Content) {
				item.node = followed(p.node.Content[i])
				item.at.Line = p.node.Content[i].Line
			}
			items = append(items, item)
		}
		return items, true
	case string:
		for _, word := range strings.Split(v, ",") {
			if word = strings.TrimSpace(word); word != "" {
				items = append(items, part{any: word, at: p.at})
			}
		}
		return items, true
	case bool, nil, map[string]any:
		return nil, false
	}
	return []part{p}, true
}

// field is a map's entry, at its own line where that is known.
func (p part) field(name string) (part, bool) {
	m, _ := p.any.(map[string]any)
	v, ok := m[name]
	f := part{any: v, at: p.at}
	if p.node == nil || p.node.Kind != yaml.MappingNode {
		return f, ok
	}
	for i := 0; i+1 < len(p.node.Content); i += 2 {
		if key := p.node.Content[i]; key.Kind == yaml.ScalarNode && key.Value == name {
			f.at.Line, f.node = key.Line, followed(p.node.Content[i+1])
		}
	}
	return f, ok
}
