package inventory

import "go.yaml.in/yaml/v3"

// yamlPair is one entry of a map.
type yamlPair struct {
	name  string // the key as text
	text  bool   // the key is a text and not a number, boolean or null
	key   *yaml.Node
	value *yaml.Node
}

// pairs lists a map's entries: those of merge keys first, each name once; of
// duplicates the last value counts, at the place of the first.
func (y *yamlReader) pairs(n *yaml.Node) []yamlPair {
	var out []yamlPair
	index := map[string]int{}
	own := map[string]bool{}
	put := func(p yamlPair) {
		if i, ok := index[p.name]; ok {
			out[i].key, out[i].value = p.key, p.value
			return
		}
		index[p.name] = len(out)
		out = append(out, p)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			y.merged(n.Content[i+1], put, map[*yaml.Node]bool{n: true})
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if isMerge(key) {
			continue
		}
		p, ok := y.pair(key, n.Content[i+1])
		if !ok {
			continue
		}
		if own[p.name] {
			y.warn(y.at(key), "remove one of the two", "the key %q stands twice in one map; the last one counts", p.name)
		}
		own[p.name] = true
		put(p)
	}
	return out
}

func isMerge(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Value == "<<" && key.Style == 0
}

func (y *yamlReader) pair(key, value *yaml.Node) (yamlPair, bool) {
	k := followed(key)
	if k.Kind != yaml.ScalarNode {
		y.problem(y.at(key), "", "a map's key is a list or a map")
		return yamlPair{}, false
	}
	v, err := y.scalar(k)
	if err != nil {
		y.problem(y.at(key), "", "%s", err)
		return yamlPair{}, false
	}
	name, _ := keyText(v)
	_, text := v.(string)
	return yamlPair{name, text, key, value}, true
}

// merged puts the entries that a merge key names; in a list the earlier map wins.
func (y *yamlReader) merged(n *yaml.Node, put func(yamlPair), busy map[*yaml.Node]bool) {
	n = followed(n)
	if busy[n] {
		y.problem(y.at(n), "", "a map is merged into itself")
		return
	}
	busy[n] = true
	defer delete(busy, n)
	switch n.Kind {
	case yaml.SequenceNode:
		for i := len(n.Content) - 1; i >= 0; i-- {
			if followed(n.Content[i]).Kind != yaml.MappingNode {
				y.problem(y.at(n.Content[i]), "", "what << merges is no map")
				continue
			}
			y.merged(n.Content[i], put, busy)
		}
	case yaml.MappingNode:
		if y.total += len(n.Content); y.total > maxYAMLSize {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if isMerge(n.Content[i]) {
				y.merged(n.Content[i+1], put, busy)
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !isMerge(n.Content[i]) {
				if p, ok := y.pair(n.Content[i], n.Content[i+1]); ok {
					put(p)
				}
			}
		}
	default:
		y.problem(y.at(n), "", "what << merges is no map")
	}
}
