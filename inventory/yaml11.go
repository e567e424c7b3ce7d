package inventory

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The forms of YAML 1.1's plain scalars, as PyYAML resolves them; version 1.2
// and its libraries differ (yes and no, 0755, 1:30).
var (
	yamlInt   = regexp.MustCompile(`^[-+]?(?:0b[0-1_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	yamlFloat = regexp.MustCompile(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	yamlDate  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	yamlTime  = regexp.MustCompile(`^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[Tt]|[ \t]+)([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]*))?(?:[ \t]*(Z|([-+])([0-9]{1,2})(?::([0-9]{2}))?))?$`)
)

// yamlScalar gives a plain scalar the type that YAML 1.1 says. Dates become
// their ISO text, as in Ansible's listings.
func yamlScalar(s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) <= 5 {
		switch s {
		case "~", "null", "Null", "NULL":
			return nil, nil
		case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
			return true, nil
		case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
			return false, nil
		case "=":
			return nil, errors.New(`"=" alone has no meaning in YAML; put it in quotes`)
		}
	}
	if c := s[0]; !digit(c) && c != '-' && c != '+' && c != '.' {
		return s, nil
	}
	switch {
	case yamlInt.MatchString(s):
		return yamlWhole(s)
	case yamlFloat.MatchString(s):
		return yamlReal(s)
	case yamlDate.MatchString(s):
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return nil, fmt.Errorf("%q is no date; put it in quotes if it is meant as a text", s)
		}
		return s, nil
	case yamlTime.MatchString(s):
		return yamlMoment(s)
	}
	return s, nil
}

// yamlWhole reads a whole number: decimal, 0x, 0b, octal with a leading 0, or
// base 60 with colons.
func yamlWhole(s string) (any, error) {
	text := strings.ReplaceAll(s, "_", "")
	sign := int64(1)
	switch text[0] {
	case '-':
		sign = -1
		fallthrough
	case '+':
		text = text[1:]
	}
	n, ok := new(big.Int), true
	switch {
	case text == "0":
	case strings.HasPrefix(text, "0b"):
		n, ok = n.SetString(text[2:], 2)
	case strings.HasPrefix(text, "0x"):
		n, ok = n.SetString(text[2:], 16)
	case strings.Contains(text, ":"):
		for _, part := range strings.Split(text, ":") {
			d, valid := new(big.Int).SetString(part, 10)
			if ok = ok && valid; ok {
				n.Add(n.Mul(n, big.NewInt(60)), d)
			}
		}
	case text != "" && text[0] == '0':
		n, ok = n.SetString(text, 8)
	default:
		n, ok = n.SetString(text, 10)
	}
	if !ok {
		return nil, fmt.Errorf("%q is no number; put it in quotes if it is meant as a text", s)
	}
	return wholeNumber(n.Mul(n, big.NewInt(sign))), nil
}

func yamlReal(s string) (any, error) {
	text := strings.ToLower(strings.ReplaceAll(s, "_", ""))
	sign := 1.0
	switch text[0] {
	case '-':
		sign = -1
		fallthrough
	case '+':
		text = text[1:]
	}
	switch text {
	case ".inf":
		return math.Inf(int(sign)), nil
	case ".nan":
		return math.NaN(), nil
	}
	sum := 0.0
	for _, part := range strings.Split(text, ":") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil && !math.IsInf(f, 0) {
			return nil, fmt.Errorf("%q is no number; put it in quotes if it is meant as a text", s)
		}
		sum = sum*60 + f
	}
	return sign * sum, nil
}

// yamlMoment writes a time as Python's isoformat does.
func yamlMoment(s string) (any, error) {
	m := yamlTime.FindStringSubmatch(s)
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	if t.Year() != n[0] || int(t.Month()) != n[1] || t.Day() != n[2] || t.Hour() != n[3] || t.Minute() != n[4] || t.Second() != n[5] || n[0] == 0 {
		return nil, fmt.Errorf("%q is no time; put it in quotes if it is meant as a text", s)
	}
	out := t.Format("2006-01-02T15:04:05")
	if micro := (m[7] + "000000")[:6]; micro != "000000" {
		out += "." + micro
	}
	switch {
	case m[8] == "Z":
		out += "+00:00"
	case m[9] != "":
		h, _ := strconv.Atoi(m[10])
		minute, _ := strconv.Atoi(m[11])
		if h > 23 || minute > 59 {
			return nil, fmt.Errorf("%q is no time; put it in quotes if it is meant as a text", s)
		}
		sign := m[9]
		if h == 0 && minute == 0 {
			sign = "+"
		}
		out += fmt.Sprintf("%s%02d:%02d", sign, h, minute)
	}
	return out, nil
}
