package inventory

import (
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// origin is what else is known of a value: where its parts stand, and whether
// its text is meant as it is, never as a template. One origin belongs to one
// place in a source, so it also names that place.
type origin struct {
	node    *yaml.Node // nil outside YAML
	written string     // a number's text in an INI inventory
	unsafe  bool       // !unsafe
	secret  bool       // it was encrypted, or fetched from where secrets are kept
	made    bool       // worked out from a template: it names no place of its own
}

// unsafeText is a text inside a list or map that is never a template.
type unsafeText string

// wholeNumber is an int64 where it fits.
func wholeNumber(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

// textOf is a scalar's text as Python's str would write it; ok is false for
// lists, maps and null.
func textOf(v any) (text string, ok bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case unsafeText:
		return string(v), true
	case bool:
		if v {
			return "True", true
		}
		return "False", true
	case int64:
		return strconv.FormatInt(v, 10), true
	case *big.Int:
		return v.String(), true
	case float64:
		return floatText(v), true
	}
	return "", false
}

// floatText writes a number as Python's repr does.
func floatText(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// keyText is a map's key as JSON would have it; lists and maps are no keys.
func keyText(k any) (string, bool) {
	switch k := k.(type) {
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(k), true
	}
	return textOf(k)
}

// kindOf names a value's type for a person.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string, unsafeText:
		return "a text"
	case *Sealed:
		return "an encrypted value"
	case bool:
		return "a boolean"
	case int64, *big.Int, float64:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "of an unknown kind"
}

// plain brings a value that was made in Go (from -e) to the types of Value.
func plain(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case int32:
		return int64(v)
	case uint16:
		return int64(v)
	case uint64:
		return wholeNumber(new(big.Int).SetUint64(v))
	case float32:
		return float64(v)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i, e := range v {
			list[i] = plain(e)
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, e := range v {
			m[k] = plain(e)
		}
		return m
	}
	return v
}

// isTemplate says whether Ansible would resolve the text before using it.
func isTemplate(s string) bool {
	return strings.Contains(s, "{{") || strings.Contains(s, "{%") || strings.Contains(s, "{#")
}

// holdsTemplate says whether there is anything to work out before the value can be
// used: a template, or something encrypted. It looks into lists and maps too.
func holdsTemplate(v any) bool {
	switch v := v.(type) {
	case *Sealed, unsafeText:
		return true
	case string:
		return isTemplate(v)
	case []any:
		for _, e := range v {
			if holdsTemplate(e) {
				return true
			}
		}
	case map[string]any:
		for _, e := range v {
			if holdsTemplate(e) {
				return true
			}
		}
	}
	return false
}

func sortedCopy(names []string) []string {
	out := append([]string(nil), names...)
	sort.Strings(out)
	return out
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
