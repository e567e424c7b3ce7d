package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

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
		return nil, yamlProblem(file, data, err)
	}
	switch err := d.Decode(&second); {
	case err == nil:
		return nil, Problem{At: Position{file, second.Line}, Text: "a second YAML document begins here", Hint: "one document a file"}
	case !errors.Is(err, io.EOF):
		return nil, yamlProblem(file, data, err)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// yamlParserError begins the messages of the library's parser, whose line numbers
// are one too low; those of its scanner are right.
var yamlParserError = regexp.MustCompile(`^(?:did not find expected (?:<|node content|'-' indicator|key|',' or)|found undefined tag handle|found duplicate %|found incompatible)`)

func yamlProblem(file string, data []byte, err error) Problem {
	m := yamlErrorLine.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(m[1])
	switch {
	case strings.HasPrefix(m[2], "did not find expected key"), strings.HasPrefix(m[2], "did not find expected '-'"):
		line = firstBroken(data, line+1)
	case yamlParserError.MatchString(m[2]):
		line = min(line+1, 1+bytes.Count(data, []byte{'\n'}))
	case m[1] == "":
		line = lineOf(data, m[2])
	}
	return Problem{At: Position{file, line}, Text: "broken YAML: " + m[2]}
}

// firstBroken finds the line that breaks a block, of which the library names only
// the beginning: the lines before it are good YAML by themselves.
func firstBroken(data []byte, begin int) int {
	if len(data) > 1<<20 {
		return begin
	}
	lines := bytes.SplitAfter(data, []byte{'\n'})
	n := sort.Search(len(lines), func(n int) bool {
		var doc yaml.Node
		return yaml.Unmarshal(bytes.Join(lines[:n], nil), &doc) != nil
	})
	return max(begin, n)
}

var unknownAnchor = regexp.MustCompile(`^unknown anchor '([^']*)'`)

// lineOf finds the line of an error for which the library names none; 0 where
// that cannot be told.
func lineOf(data []byte, text string) int {
	at := -1
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		at = bytes.Index(data, []byte("*"+m[1]))
	} else {
		for i := 0; i < len(data) && at < 0; {
			c, size := utf8.DecodeRune(data[i:])
			if c == utf8.RuneError && size == 1 || c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				at = i
			}
			i += size
		}
	}
	if at < 0 {
		return 0
	}
	return 1 + bytes.Count(data[:at], []byte{'\n'})
}

// parseJSON makes the same nodes of a JSON text, whose numbers and texts have
// the types of JSON and not those of YAML.
func parseJSON(file string, data []byte) (*yaml.Node, error) {
	j := &jsonNodes{data: data, line: 1}
	j.dec = json.NewDecoder(bytes.NewReader(data))
	j.dec.UseNumber()
	n, err := j.node(0)
	if err == nil {
		if _, more := j.token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the value")
		}
	}
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
