package inventory

import (
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strings"
	"unicode"
)

// pythonText is Python's str of a value, which Jinja puts into a text.
func pythonText(v any) (string, *templateError) {
	if text, ok := textOf(v); ok {
		return text, nil
	}
	switch v := v.(type) {
	case nil:
		return "None", nil
	case []any:
		var b strings.Builder
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			text, err := pythonText(e)
			if err != nil {
				return "", err
			}
			if s, ok := e.(string); ok {
				text = pythonQuote(s)
			}
			b.WriteString(text)
			if b.Len() > maxTemplate {
				return "", templatef("", "the text becomes too long")
			}
		}
		return "[" + b.String() + "]", nil
	case undefined:
		return "", v.err()
	}
	return "", templatef("", "%s cannot be part of a text", kindOf(v))
}

// pythonQuote is Python's repr of a text.
func pythonQuote(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, c := range s {
		switch {
		case c == rune(quote) || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\r':
			b.WriteString(`\r`)
		case c == '\t':
			b.WriteString(`\t`)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		case c > 0xffff && !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\U%08x`, c)
		case c > 0x7f && !unicode.IsPrint(c):
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

// wholeBig is a whole number of any size; booleans count as 0 and 1.
func wholeBig(v any) (*big.Int, bool) {
	switch v := v.(type) {
	case int64:
		return big.NewInt(v), true
	case *big.Int:
		return v, true
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	}
	return nil, false
}

func realOf(v any) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := wholeBig(v)
	if !ok {
		return 0, false
	}
	f, _ := new(big.Float).SetInt(n).Float64()
	return f, true
}

// maxBits bounds the size of whole numbers.
const maxBits = 4096

// arithmetic is an operator between numbers, texts (+ and *) or lists (+).
func arithmetic(op string, left, right any) (any, *templateError) {
	wrong := templatef("", "%s %s %s is not possible", kindOf(left), op, kindOf(right))
	switch l := left.(type) {
	case string:
		if r, ok := right.(string); ok && op == "+" {
			if len(l)+len(r) > maxTemplate {
				return nil, templatef("", "the text becomes too long")
			}
			return l + r, nil
		}
		if n, ok := right.(int64); ok && op == "*" {
			if n > 0 && int64(len(l)) > maxTemplate/n {
				return nil, templatef("", "the text becomes too long")
			}
			return strings.Repeat(l, int(max(n, 0))), nil
		}
		return nil, wrong
	case []any:
		if r, ok := right.([]any); ok && op == "+" {
			return append(append(make([]any, 0, len(l)+len(r)), l...), r...), nil
		}
		return nil, wrong
	}
	a, wholeA := wholeBig(left)
	b, wholeB := wholeBig(right)
	if wholeA && wholeB && op != "/" && !(op == "**" && b.Sign() < 0) {
		n, err := wholeArithmetic(op, a, b)
		if err != nil {
			return nil, err
		}
		return wholeNumber(n), nil
	}
	x, okX := realOf(left)
	y, okY := realOf(right)
	if !okX || !okY {
		return nil, wrong
	}
	return realArithmetic(op, x, y)
}

func wholeArithmetic(op string, a, b *big.Int) (*big.Int, *templateError) {
	n := new(big.Int)
	switch op {
	case "+":
		n.Add(a, b)
	case "-":
		n.Sub(a, b)
	case "*":
		n.Mul(a, b)
	case "**":
		if !b.IsInt64() || int64(a.BitLen())*b.Int64() > maxBits {
			return nil, templatef("", "the number becomes too large")
		}
		n.Exp(a, b, nil)
	case "//", "%":
		if b.Sign() == 0 {
			return nil, templatef("", "division by zero")
		}
		rest := new(big.Int)
		n.QuoRem(a, b, rest)
		if rest.Sign() != 0 && rest.Sign() != b.Sign() { // Python rounds down
			n.Sub(n, big.NewInt(1))
			rest.Add(rest, b)
		}
		if op == "%" {
			n = rest
		}
	}
	if n.BitLen() > maxBits {
		return nil, templatef("", "the number becomes too large")
	}
	return n, nil
}

func realArithmetic(op string, x, y float64) (any, *templateError) {
	switch op {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "**":
		return math.Pow(x, y), nil
	}
	if y == 0 {
		return nil, templatef("", "division by zero")
	}
	switch op {
	case "//":
		return math.Floor(x / y), nil
	case "%":
		rest := math.Mod(x, y)
		if rest != 0 && (rest < 0) != (y < 0) {
			rest += y
		}
		return rest, nil
	}
	return x / y, nil
}

// compareValues is one comparison; texts and numbers are never equal.
func compareValues(op string, left, right any) (bool, *templateError) {
	switch op {
	case "==":
		return equalValues(left, right), nil
	case "!=":
		return !equalValues(left, right), nil
	case "in", "not in":
		is, err := member(left, right)
		return is == (op == "in"), err
	}
	order := 0
	a, isText := left.(string)
	b, alsoText := right.(string)
	x, okX := realOf(left)
	y, okY := realOf(right)
	switch {
	case isText && alsoText:
		order = strings.Compare(a, b)
	case okX && okY && x < y:
		order = -1
	case okX && okY && x > y:
		order = 1
	case okX && okY:
	default:
		return false, templatef("", "%s %s %s is not possible", kindOf(left), op, kindOf(right))
	}
	switch op {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

func equalValues(a, b any) bool {
	x, okX := realOf(a)
	y, okY := realOf(b)
	if okX && okY {
		m, wholeM := wholeBig(a)
		n, wholeN := wholeBig(b)
		if wholeM && wholeN {
			return m.Cmp(n) == 0
		}
		return x == y
	}
	switch a := a.(type) {
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equalValues(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, v := range a {
			if w, ok := b[k]; !ok || !equalValues(v, w) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func member(v, in any) (bool, *templateError) {
	switch in := in.(type) {
	case string:
		if text, ok := v.(string); ok {
			return strings.Contains(in, text), nil
		}
	case []any:
		for _, e := range in {
			if equalValues(v, e) {
				return true, nil
			}
		}
		return false, nil
	case map[string]any:
		key, ok := keyText(v)
		_, is := in[key]
		return ok && is, nil
	}
	return false, templatef("", "%s in %s is not possible", kindOf(v), kindOf(in))
}
