package inventory

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestParseExtra(t *testing.T) {
	dir := tree(t, map[string]string{"x.yml": "a: 0755\nb: [1]\n", "x.json": `{"a": 1e3}`, "empty": ""})
	tests := []struct {
		args []string
		want map[string]any
	}{
		{[]string{"x=1"}, map[string]any{"x": "1"}},
		{[]string{`x="a b" y=2`}, map[string]any{"x": "a b", "y": "2"}},
		{[]string{`x=CORP\svc`}, map[string]any{"x": `CORP\svc`}},
		{[]string{`x='a"b'`, `x=a=b`}, map[string]any{"x": "a=b"}},
		{[]string{`x=it"s`}, map[string]any{"x": `it"s`}},
		{[]string{`x=$(id) y=`}, map[string]any{"x": "$(id)", "y": ""}},
		{[]string{`{"x": [1, true], "y": null}`}, map[string]any{"x": []any{int64(1), true}, "y": nil}},
		{[]string{`{x: yes, z: 0o17}`}, map[string]any{"x": true, "z": "0o17"}},
		{[]string{"@" + filepath.Join(dir, "x.yml"), "c=1"}, map[string]any{"a": int64(493), "b": []any{int64(1)}, "c": "1"}},
		{[]string{"@" + filepath.Join(dir, "x.json")}, map[string]any{"a": 1000.0}},
		{[]string{"@" + filepath.Join(dir, "empty"), ""}, map[string]any{}},
		{nil, map[string]any{}},
	}
	for _, test := range tests {
		got, err := ParseExtra(test.args, nil)
		if err != nil {
			t.Errorf("%q: %v", test.args, err)
		}
		equal(t, strings.Join(test.args, " "), got, test.want)
	}
	bad := []string{"x", `x="a`, "[x]", "{x: [}", "@" + filepath.Join(dir, "none"), "{x: !vault y}", "=1"}
	for _, arg := range bad {
		if got, err := ParseExtra([]string{arg}, nil); err == nil || got != nil {
			t.Errorf("%s is accepted as %v", arg, got)
		}
	}
	_, err := ParseExtra(bad, nil)
	if ps, _ := err.(Problems); len(ps) != len(bad)-1 { // "x" and "=1" have one text
		t.Errorf("not all mistakes at once:\n%v", err)
	}
}
