package linux

import (
	"encoding/json"
	"net/netip"
	"strings"

	"farmwall/rules"
)

// values is what the right side of a match, or the key of an element, can be.
type values struct {
	nums   rules.Spans
	names  []string   // texts: interface names, also with a final *
	tuples [][]values // elements of a concatenation
	ref    string     // a named set
	bits   bool       // nums came as a list of bits, to be joined
	all    bool       // the element * that catches all
	// odd: something in it is not understood as a number; what compares numbers is
	// then not sure.
	odd   bool
	truth *bool // true or false, for what exists or is missing
}

// parseValue reads an expression of nft's JSON as constants.
func parseValue(raw json.RawMessage) values {
	var v values
	var list []rules.Span
	v.read(raw, &list, 0)
	v.nums = rules.NewSpans(list)
	return v
}

func (v *values) read(raw json.RawMessage, list *[]rules.Span, depth int) {
	if depth > 8 || len(raw) == 0 {
		v.odd = true
		return
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			v.odd = true
			return
		}
		v.readText(s, list)
	case '[':
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			v.odd = true
			return
		}
		v.bits = true
		for _, it := range items {
			v.read(it, list, depth+1)
		}
	case '{':
		v.readObject(raw, list, depth)
	case 't', 'f':
		truth := string(raw) == "true"
		v.truth = &truth
		if truth {
			*list = append(*list, rules.Just(small(1)))
		} else {
			*list = append(*list, rules.Span{})
		}
	default:
		var n uint64
		if json.Unmarshal(raw, &n) != nil {
			v.odd = true
			return
		}
		*list = append(*list, rules.Just(small(n)))
	}
}

func (v *values) readText(s string, list *[]rules.Span) {
	if name, ok := strings.CutPrefix(s, "@"); ok {
		v.ref = name
		return
	}
	if s == "*" {
		v.all = true
		return
	}
	v.names = append(v.names, s)
	a, err := netip.ParseAddr(s)
	if err != nil {
		v.odd = true
		return
	}
	n := fromAddr(a)
	*list = append(*list, rules.Just(n))
}

func (v *values) readObject(raw json.RawMessage, list *[]rules.Span, depth int) {
	name, inner := statement(raw)
	switch name {
	case "prefix":
		var p struct {
			Addr string
			Len  int
		}
		if json.Unmarshal(inner, &p) == nil {
			if a, err := netip.ParseAddr(p.Addr); err == nil && p.Len >= 0 && p.Len <= a.BitLen() {
				*list = append(*list, fromPrefix(netip.PrefixFrom(a, p.Len)))
				return
			}
		}
	case "range":
		var ends []json.RawMessage
		if json.Unmarshal(inner, &ends) == nil && len(ends) == 2 {
			a, b := parseValue(ends[0]), parseValue(ends[1])
			if len(a.nums) == 1 && len(b.nums) == 1 && !b.nums[0].Last.Less(a.nums[0].First) {
				*list = append(*list, rules.Span{First: a.nums[0].First, Last: b.nums[0].Last})
				return
			}
		}
	case "set":
		var items []json.RawMessage
		if json.Unmarshal(inner, &items) != nil {
			break
		}
		for _, it := range items {
			v.readElement(it, list, depth+1)
		}
		return
	case "elem":
		var e struct{ Val json.RawMessage }
		if json.Unmarshal(inner, &e) == nil && len(e.Val) > 0 {
			v.read(e.Val, list, depth+1)
			return
		}
	case "concat":
		var items []json.RawMessage
		if json.Unmarshal(inner, &items) == nil {
			tuple := make([]values, len(items))
			for i, it := range items {
				tuple[i] = parseValue(it)
			}
			v.tuples = append(v.tuples, tuple)
			return
		}
	case "|":
		var items []json.RawMessage
		if json.Unmarshal(inner, &items) == nil {
			v.bits = true
			for _, it := range items {
				v.read(it, list, depth+1)
			}
			return
		}
	}
	v.odd = true
}

// readElement reads an element of a set, in which bits are joined to one number.
func (v *values) readElement(raw json.RawMessage, list *[]rules.Span, depth int) {
	if name, _ := statement(raw); name != "|" {
		v.read(raw, list, depth)
		return
	}
	e := parseValue(raw)
	if m, ok := e.mask(); ok {
		*list = append(*list, rules.Just(m))
		return
	}
	v.odd = true
}

// mask joins the numbers as bits; ok is false where one is a range.
func (v *values) mask() (m rules.Number, ok bool) {
	for _, i := range v.nums {
		// Bits that are neighbours as numbers were merged: 1 and 2 are 1-2.
		for n, steps := i.First, 0; ; n = n.Next() {
			if m = m.Or(n); n == i.Last {
				break
			}
			if steps++; steps > 64 {
				return m, false
			}
		}
	}
	return m, !v.odd && v.ref == "" && len(v.tuples) == 0 && !v.all
}

// hasName says whether an interface's name is among the texts; a final * stands for
// any rest, \* for itself.
func (v *values) hasName(name string) bool {
	for _, n := range v.names {
		if n == name || strings.HasSuffix(n, `\*`) && n[:len(n)-2]+"*" == name {
			return true
		}
		if prefix, ok := strings.CutSuffix(n, "*"); ok && !strings.HasSuffix(prefix, `\`) && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
