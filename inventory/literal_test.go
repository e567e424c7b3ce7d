package inventory

import (
	"math"
	"math/big"
	"testing"
)

func TestLiteral(t *testing.T) {
	huge, _ := new(big.Int).SetString("12345678901234567890", 10)
	tests := map[string]any{
		`1`: int64(1), `-5`: int64(-5), `+5`: int64(5), `0x1F`: int64(31), `0o17`: int64(15), `0b101`: int64(5), `1_000`: int64(1000),
		`0755`: "0755", `1.2.3`: "1.2.3", `10.0.0.1`: "10.0.0.1", `2024-01-31`: "2024-01-31", `1:30`: "1:30", `00`: int64(0),
		`"1"`: "1", `True`: true, `False`: false, `None`: nil,
		`true`: "true", `yes`: "yes", `no`: "no", `on`: "on", `null`: "null", `none`: "none",
		`[1,2]`: []any{int64(1), int64(2)}, `{'a': 1}`: map[string]any{"a": int64(1)}, `(1,2)`: []any{int64(1), int64(2)}, `1,2`: []any{int64(1), int64(2)},
		`[x]`: "[x]", `{a:1}`: "{a:1}", `1 # note`: int64(1), `foo # note`: "foo # note", `"foo" # note`: "foo",
		`CORP\svc`: `CORP\svc`, `"CORP\svc"`: `CORP\svc`, `"C:\new"`: "C:\new", `"C:\Users"`: `"C:\Users"`,
		`'a' 'b'`: "ab", `('x')`: "x", `12345678901234567890`: huge, `1e400`: math.Inf(1), `1+2j`: "1+2j", `{1,2}`: "{1,2}",
		``: "", ` 1`: int64(1), `1.`: 1.0, `.5`: 0.5, `1e5`: 1e5, `1_0.5`: 10.5, `1__0`: "1__0", `1_`: "1_", `--5`: "--5", `-(5)`: int64(-5), `-True`: "-True",
		`()`: []any{}, `(1)`: int64(1), `(1,)`: []any{int64(1)}, `[1,]`: []any{int64(1)}, `[,]`: "[,]", `,`: ",", `{}`: map[string]any{}, `1,`: []any{int64(1)},
		`{1: 'x', None: 2}`: map[string]any{"1": "x", "null": int64(2)}, `[1, [2, {'b': (3,)}]]`: []any{int64(1), []any{int64(2), map[string]any{"b": []any{int64(3)}}}},
		`[true]`: "[true]", `r'a\n'`: `a\n`, `u"x"`: "x", `b'x'`: "b'x'", `"\x41\u00e9\101\q"`: "AéA\\q", `"\ud800"`: `"\ud800"`, `'''a'b'''`: "a'b", `'a`: "'a",
		`'a' 1`: "'a' 1", `True False`: "True False", `Trueish`: "Trueish", `0x`: "0x", `1if`: "1if", `-`: "-", `[1`: "[1", `"\N{BULLET}"`: `"\N{BULLET}"`,
		`$(reboot)`: "$(reboot)", "`id`; rm": "`id`; rm", `-9223372036854775808`: int64(math.MinInt64),
	}
	for text, want := range tests {
		equal(t, text, literal(text), want)
	}
	deep := make([]byte, 100_000)
	for i := range deep {
		deep[i] = '['
	}
	equal(t, "deep nesting", literal(string(deep)), string(deep))
}

// A word on a host line goes through the shell first, one in :vars does not.
func TestValuesInBothPlaces(t *testing.T) {
	tests := []struct {
		written           string
		hostLine, section any
	}{
		{`"1"`, int64(1), "1"},
		{`['x']`, "[x]", []any{"x"}},
		{`{'a':1}`, "{a:1}", map[string]any{"a": int64(1)}},
		{`CORP\svc`, "CORPsvc", `CORP\svc`},
		{`"CORP\svc"`, `CORP\svc`, `CORP\svc`},
		{`"C:\new"`, `C:\new`, "C:\new"},
		{`1 # note`, int64(1), int64(1)},
		{`foo # note`, "foo", "foo # note"},
		{`ab#c`, "ab", "ab#c"},
		{`a==b`, "a==b", "a==b"},
		{``, "", ""},
	}
	for _, test := range tests {
		inv := must(t, "h v="+test.written+"\n[gateway]\ng\n[gateway:vars]\nv = "+test.written+"\n")
		equal(t, "host line "+test.written, inv.Host("h").Vars["v"].Any, test.hostLine)
		equal(t, "section "+test.written, inv.Host("g").Vars["v"].Any, test.section)
	}
}

func TestShellWords(t *testing.T) {
	tests := map[string][]string{
		`a b`: {"a", "b"}, `a "b c" 'd "e'`: {"a", "b c", `d "e`}, `a\ b`: {"a b"}, `"a\"b\\c\d"`: {`a"b\c\d`}, `'' x`: {"", "x"}, `a#b c`: {"a"},
		`"#" #x`: {"#"}, `x'y'z`: {"xyz"}, "a\tb": {"a", "b"}, `$(x) ;`: {"$(x)", ";"},
	}
	for line, want := range tests {
		got, err := shellWords(line, true)
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		equal(t, line, got, want)
	}
	for _, line := range []string{`"a`, `'a`, `a\`} {
		if _, err := shellWords(line, true); err == nil {
			t.Errorf("%s is accepted", line)
		}
	}
}
