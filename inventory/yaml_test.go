package inventory

import (
	"math"
	"testing"
)

// The types that YAML 1.1 gives, where 1.2 and its libraries differ most.
func TestYAMLScalars(t *testing.T) {
	tests := map[string]any{
		"yes": true, "No": false, "ON": true, "off": false, "y": "y", "n": "n", "yEs": "yEs", "~": nil, "": nil, "Null": nil,
		"0755": int64(493), "0o17": "0o17", "08": "08", "00": int64(0), "0x1_F": int64(31), "0b11": int64(3), "1_000": int64(1000), "-1_0": int64(-10), "+12": int64(12),
		"1:30": int64(90), "22:22": int64(1342), "22:99": "22:99", "0022": int64(18), "10.0.0.1": "10.0.0.1", "1.2.3": "1.2.3", "::1": "::1",
		"1e3": "1e3", "1.0e+3": 1000.0, "1.5": 1.5, ".5": 0.5, "1.": 1.0, "1_0.5": 10.5, "190:20:30.15": 685230.15, ".inf": math.Inf(1), "-.INF": math.Inf(-1), "inf": "inf",
		"2024-01-31": "2024-01-31", "2024-1-3 1:00:00 +2": "2024-01-03T01:00:00+02:00", "2024-01-31T10:00:00.5Z": "2024-01-31T10:00:00.500000+00:00", "2024-01-31 10:00:00": "2024-01-31T10:00:00",
		"-": "-", ".": ".", "-x": "-x", "1x": "1x", "tcp/22": "tcp/22",
	}
	for text, want := range tests {
		got, err := yamlScalar(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		equal(t, text, got, want)
	}
	for _, text := range []string{"=", "2024-13-45", "2024-02-30", "2024-01-31 25:00:00", "0x_", "-0b_", "2024-01-01 00:00:00 +99"} {
		if got, err := yamlScalar(text); err == nil {
			t.Errorf("%q is accepted as %v", text, got)
		}
	}
}

func TestYAMLMerge(t *testing.T) {
	h := must(t, `---
gateway:
  hosts:
    g:
      base: &b {k: 1, l: 2}
      over: {k: 9, <<: *b}
      list: {<<: [{a: 1}, {a: 2, c: 3}]}
      deep: {<<: {<<: *b, l: 5}}
      again: *b
      pairs: !!pairs [x: 1, x: 2]
      text: !!str 12
      set: !!set {a, b}
      binary: !!binary aGVsbG8=
`).Host("g")
	want := map[string]any{
		"over": map[string]any{"k": int64(9), "l": int64(2)}, "list": map[string]any{"a": int64(1), "c": int64(3)}, "deep": map[string]any{"k": int64(1), "l": int64(5)},
		"again": map[string]any{"k": int64(1), "l": int64(2)}, "pairs": []any{[]any{"x", int64(1)}, []any{"x", int64(2)}}, "text": "12",
		"set": map[string]any{"a": nil, "b": nil}, "binary": "hello",
	}
	for name, w := range want {
		equal(t, name, h.Vars[name].Any, w)
	}
	equal(t, "place", h.Vars["text"].At, Position{"hosts.yml", 11})
}

// JSON has its own types, and mistakes in it have lines too.
func TestJSON(t *testing.T) {
	files := map[string]string{"hosts.json": "{\"gateway\": {\n\"hosts\": {\"g\": {\"a\": 1e3, \"b\": \"yes\", \"c\": 1.50,\n\"ras_version\": \"17\"}}}}"}
	h := loadTree(t, files, "hosts.json").Host("g")
	equal(t, "values", []any{h.Vars["a"].Any, h.Vars["b"].Any, h.Vars["c"].Any}, []any{1000.0, "yes", 1.5})
	equal(t, "place", h.Version.At, Position{"hosts.json", 3})
}

// Groups are merged by depth, then ansible_group_priority, then name.
func TestGroupOrder(t *testing.T) {
	inv := must(t, "[gateway]\nh\n[b]\nh\n[c]\nh\n[top:children]\nb\n[gateway:vars]\nv=gateway\nw=gateway\nansible_group_priority=10\n[b:vars]\nv=b\n[c:vars]\nv=c\nw=c\nx=c\n[top:vars]\nx=top\nansible_group_priority=20\n")
	h := inv.Host("h")
	for name, want := range map[string]string{"v": "b", "w": "gateway", "x": "top"} {
		equal(t, name, h.Vars[name].Any, want)
	}
	equal(t, "order", h.Groups, []string{"all", "c", "gateway", "top", "b"})
	if _, set := h.Vars["ansible_group_priority"]; set {
		t.Error("ansible_group_priority is a variable")
	}
	_, err := loadText(t, "[gateway]\nh\n[gateway:vars]\nansible_group_priority=high\n")
	if err == nil {
		t.Error("a priority that is no number is accepted")
	}
}

// Only the first mention of a host gives it a port.
func TestPortsOfOneHost(t *testing.T) {
	inv := must(t, "[gateway]\na\nb:1\nc:1 ansible_port=2\n[x]\na:3\nb:4\n")
	for name, want := range map[string]int{"a": 0, "b": 1, "c": 2} {
		equal(t, name, inv.Host(name).Access.Port, want)
	}
	equal(t, "warnings", len(inv.Warnings), 2)
}
