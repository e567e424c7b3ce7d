package wsman

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// element is one XML element with all that is in it.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	text     string // all character data directly in it
	children []*element
}

const (
	maxDepth    = 64
	maxElements = 10000
)

// readXML reads a document: UTF-8, or UTF-16 with a byte order mark as native
// clients send it. A document type is refused, as WinRM refuses it.
func readXML(text []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(toUTF8(text)))
	d.CharsetReader = func(label string, in io.Reader) (io.Reader, error) {
		return in, nil // it is UTF-8 already, whatever the declaration says
	}
	var root *element
	var open []*element
	for count := 0; ; {
		token, err := d.Token()
		if err == io.EOF && root != nil && len(open) == 0 {
			return root, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name, attrs: append([]xml.Attr(nil), token.Attr...)}
			switch {
			case len(open) > 0:
				up := open[len(open)-1]
				up.children = append(up.children, e)
			case root != nil:
				return nil, errors.New("two documents")
			default:
				root = e
			}
			open = append(open, e)
			if count++; count > maxElements || len(open) > maxDepth {
				return nil, errors.New("too many elements")
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		case xml.Directive:
			return nil, errors.New("a document type")
		}
	}
}

func toUTF8(text []byte) []byte {
	if text, ok := bytes.CutPrefix(text, []byte{0xEF, 0xBB, 0xBF}); ok {
		return text
	}
	if len(text) < 2 {
		return text
	}
	var order binary.ByteOrder
	switch {
	case text[0] == 0xFF && text[1] == 0xFE:
		order = binary.LittleEndian
	case text[0] == 0xFE && text[1] == 0xFF:
		order = binary.BigEndian
	default:
		return text
	}
	units := make([]uint16, 0, len(text)/2)
	for text = text[2:]; len(text) >= 2; text = text[2:] {
		units = append(units, order.Uint16(text))
	}
	return []byte(string(utf16.Decode(units)))
}

// child is the first child of that name, nil if there is none. A nil element has
// no children, so calls can be chained.
func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name.Space == space && c.name.Local == local {
			return c
		}
	}
	return nil
}

// value is the text with the white space around it taken off.
func (e *element) value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.text)
}

// attr is the value of an attribute, whatever its name space.
func (e *element) attr(local string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}
