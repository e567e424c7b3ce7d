package inventory

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxYAMLSize bounds how many values one file may stand for once its aliases
// are written out.
const maxYAMLSize = 10_000_000

// yamlReader turns nodes into values, with the types of YAML 1.1.
type yamlReader struct {
	*report
	file string
	done map[*yaml.Node]any // anchors already read
	size map[*yaml.Node]int // how many values they stand for
	busy map[*yaml.Node]bool
	// total counts values, those of an alias as often as it is used.
	total int
	full  bool
	// secret: the whole source was encrypted.
	secret bool
}

func newYAMLReader(r *report, file string) *yamlReader {
	return &yamlReader{report: r, file: file, done: map[*yaml.Node]any{}, size: map[*yaml.Node]int{}, busy: map[*yaml.Node]bool{}}
}

func (y *yamlReader) at(n *yaml.Node) Position { return Position{y.file, n.Line} }

// followed is the node that an alias stands for, or the node itself.
func followed(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// variable is a node as a variable's value; at is where the variable's name stands.
func (y *yamlReader) variable(key, n *yaml.Node) Value {
	src := &origin{node: followed(n), secret: y.secret}
	v := y.value(n)
	if text, ok := v.(unsafeText); ok {
		src.unsafe, v = true, string(text)
	}
	return Value{Any: v, At: y.at(key), src: src}
}

// value reads a node; what is wrong with it is reported and becomes null.
func (y *yamlReader) value(n *yaml.Node) any {
	if y.total++; y.total > maxYAMLSize {
		if !y.full {
			y.problem(y.at(n), "", "with its aliases written out the file holds more than %d values", maxYAMLSize)
		}
		y.full = true
		return nil
	}
	switch n.Kind {
	case yaml.AliasNode:
		return y.alias(n)
	case yaml.ScalarNode:
		v, err := y.scalar(n)
		if err != nil {
			y.problem(y.at(n), "", "%s", err)
		}
		return v
	case yaml.SequenceNode:
		return y.anchored(n, y.sequence)
	case yaml.MappingNode:
		return y.anchored(n, y.mapping)
	}
	return nil
}

func (y *yamlReader) alias(n *yaml.Node) any {
	if y.busy[n.Alias] {
		y.problem(y.at(n), "", "alias *%s stands inside what it names", n.Value)
		return nil
	}
	if v, ok := y.done[n.Alias]; ok {
		y.total += y.size[n.Alias]
		return v
	}
	return y.value(n.Alias)
}

// anchored reads a list or map and keeps it for its aliases.
func (y *yamlReader) anchored(n *yaml.Node, read func(*yaml.Node) any) any {
	if n.Anchor == "" {
		return read(n)
	}
	before := y.total
	y.busy[n] = true
	v := read(n)
	y.busy[n] = false
	y.done[n], y.size[n] = v, y.total-before
	return v
}

func (y *yamlReader) sequence(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!seq", "!unsafe":
	case "!!omap", "!!pairs":
		return y.pairList(n)
	default:
		y.problem(y.at(n), "", "the tag %s is not supported", n.Tag)
	}
	list := make([]any, 0, len(n.Content))
	for _, e := range n.Content {
		list = append(list, y.value(e))
	}
	return list
}

// pairList reads !!omap and !!pairs: each entry becomes a list of key and value.
func (y *yamlReader) pairList(n *yaml.Node) any {
	out := make([]any, 0, len(n.Content))
	for _, e := range n.Content {
		pairs := []yamlPair(nil)
		if e = followed(e); e.Kind == yaml.MappingNode {
			pairs = y.pairs(e)
		}
		if len(pairs) != 1 {
			y.problem(y.at(e), "", "an entry of %s must be a map with one key", n.Tag)
			continue
		}
		key, _ := y.scalar(followed(pairs[0].key))
		out = append(out, []any{key, y.value(pairs[0].value)})
	}
	return out
}

func (y *yamlReader) mapping(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!map", "!!set", "!unsafe":
	default:
		y.problem(y.at(n), "", "the tag %s is not supported", n.Tag)
	}
	pairs := y.pairs(n)
	if len(pairs) == 1 && (pairs[0].name == "__ansible_vault" || pairs[0].name == "__ansible_unsafe") && followed(pairs[0].value).Kind == yaml.ScalarNode {
		if pairs[0].name == "__ansible_vault" {
			return y.vault(followed(pairs[0].value))
		}
		return unsafeText(followed(pairs[0].value).Value)
	}
	m := make(map[string]any, len(pairs))
	for _, p := range pairs {
		m[p.name] = y.value(p.value)
	}
	return m
}

// vault keeps an inline value as it stands; only its form is checked.
func (y *yamlReader) vault(n *yaml.Node) any {
	s := &Sealed{text: n.Value, at: y.at(n), block: n.Style&yaml.LiteralStyle != 0}
	if _, err := parseSealed(s.text); err != nil {
		y.problem(s.place(err), vaultHint(err), "the encrypted value cannot be opened: %s", err)
		return nil
	}
	y.sealed = append(y.sealed, s)
	return s
}

func (y *yamlReader) scalar(n *yaml.Node) (any, error) {
	if n.Style&yaml.TaggedStyle == 0 {
		if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			return n.Value, nil
		}
		return yamlScalar(n.Value)
	}
	switch tag := n.ShortTag(); tag {
	case "!vault", "!vault-encrypted":
		return y.vault(n), nil
	case "!unsafe":
		return unsafeText(n.Value), nil
	case "!!str", "!", "!!timestamp":
		return n.Value, nil
	case "!!null":
		return nil, nil
	case "!!json":
		return jsonNumber(n.Value)
	case "!!bool":
		switch strings.ToLower(n.Value) {
		case "yes", "true", "on":
			return true, nil
		case "no", "false", "off":
			return false, nil
		}
		return nil, fmt.Errorf("%q is no boolean", n.Value)
	case "!!int":
		if !yamlInt.MatchString(n.Value) {
			return nil, fmt.Errorf("%q is no whole number", n.Value)
		}
		return yamlWhole(n.Value)
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f, nil
		}
		if !yamlFloat.MatchString(n.Value) {
			return nil, fmt.Errorf("%q is no number", n.Value)
		}
		return yamlReal(n.Value)
	case "!!binary":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(n.Value), ""))
		if err != nil {
			return nil, fmt.Errorf("the !!binary value is no base64")
		}
		return string(b), nil
	default:
		return nil, fmt.Errorf("the tag %s is not supported", tag)
	}
}
