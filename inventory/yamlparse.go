package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var yamlErrorLine = regexp.MustCompile(`^(?:yaml: )?(?:line ([0-9]+): )?((?s).*)$`)

// parseYAML reads one document of YAML or JSON; the root is nil where it is
// empty. The error is a Problem with the line.
func parseYAML(file string, data []byte) (*yaml.Node, error) {
	if json.Valid(data) {
		return parseJSON(file, data)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, yamlProblem(file, err)
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, Problem{At: Position{file, second.Line}, Text: "a second YAML document begins here", Hint: "one document a file"}
	case !errors.Is(err, io.EOF):
		return nil, yamlProblem(file, err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

func yamlProblem(file string, err error) Problem {
	m := yamlErrorLine.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(m[1])
	return Problem{At: Position{file, line}, Text: "broken YAML: " + m[2]}
}

// parseJSON makes the same nodes of a JSON text, whose numbers and texts have
// the types of JSON and not those of YAML.
func parseJSON(file string, data []byte) (*yaml.Node, error) {
	j := &jsonNodes{data: data, line: 1}
	j.dec = json.NewDecoder(bytes.NewReader(data))
	j.dec.UseNumber()
	n, err := j.node(0)
	if err != nil {
		return nil, Problem{At: Position{file, j.line}, Text: "broken JSON: " + err.Error()}
	}
	return n, nil
}

type jsonNodes struct {
	data []byte
	dec  *json.Decoder
	done int // bytes whose lines are counted
	line int
}

// token reads the next token and the line it ends on.
func (j *jsonNodes) token() (json.Token, error) {
	t, err := j.dec.Token()
	end := int(j.dec.InputOffset())
	j.line += bytes.Count(j.data[j.done:end], []byte{'\n'})
	j.done = end
	return t, err
}

// maxJSONDepth is as deep as the YAML parser goes.
const maxJSONDepth = 10_000

func (j *jsonNodes) node(depth int) (*yaml.Node, error) {
	if depth > maxJSONDepth {
		return nil, errors.New("nested too deeply")
	}
	t, err := j.token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.TaggedStyle, Line: j.line}
	switch t := t.(type) {
	case nil:
		n.Tag = "!!null"
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(t)
	case string:
		n.Tag, n.Value = "!!str", t
	case json.Number:
		n.Tag, n.Value = "!!json", t.String()
	case json.Delim:
		end := json.Delim(']')
		n.Kind, n.Style = yaml.SequenceNode, 0
		if t == '{' {
			n.Kind, end = yaml.MappingNode, '}'
		}
		for j.dec.More() {
			e, err := j.node(depth + 1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, e)
		}
		if t, err := j.token(); err != nil || t != end {
			return nil, errors.New("a bracket is not closed")
		}
	}
	return n, nil
}

// jsonNumber has a whole number's type where there is no point and no exponent.
func jsonNumber(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("%q is no number", s)
		}
		return f, nil
	}
	return yamlWhole(s)
}
