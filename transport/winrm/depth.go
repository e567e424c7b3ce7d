package winrm

import "bytes"

// maxDepth is far over the depth of any answer's elements. The library's parser
// takes quadratic time with depth: 350 KB of one element in the other took 38 s.
const maxDepth = 40

// tooDeep says whether a text's elements stand in each other too deeply. It need
// not be XML.
func tooDeep(text []byte) bool {
	depth := 0
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 || depth > maxDepth {
			return depth > maxDepth
		}
		text = text[i+1:]
		end, skip := []byte(nil), 0
		switch {
		case bytes.HasPrefix(text, []byte("!--")):
			end, skip = []byte("-->"), 3
		case bytes.HasPrefix(text, []byte("![CDATA[")):
			end, skip = []byte("]]>"), 8
		case bytes.HasPrefix(text, []byte("?")):
			end = []byte("?>")
		case bytes.HasPrefix(text, []byte("/")):
			depth--
			continue
		default:
			n, closed := tag(text)
			if !closed {
				depth++
			}
			text = text[n:]
			continue
		}
		if i = bytes.Index(text[skip:], end); i < 0 {
			return false
		}
		text = text[skip+i:]
	}
}

// tag is the length of the tag at the beginning, and whether it is an element of
// its own. A '>' in quotes does not end it.
func tag(text []byte) (n int, closed bool) {
	var quote byte
	for i, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i, i > 0 && text[i-1] == '/'
		}
	}
	return len(text), true
}
