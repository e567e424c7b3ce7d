package inventory

import (
	"context"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzLoad loads the bytes as a file; whatever they are, the answer is an
// inventory that keeps its promises or Problems that name the file.
func fuzzLoad(t *testing.T, path string, data []byte) {
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	inv, err := Load(context.Background(), []string{path}, Options{})
	if err != nil {
		ps, ok := err.(Problems)
		if !ok || inv != nil || len(ps) == 0 {
			t.Fatalf("got %v and %T", inv, err)
		}
		for _, p := range ps {
			if p.At.File != path || p.Text == "" || p.At.Line > 1+strings.Count(strings.ReplaceAll(string(data), "\r", "\n"), "\n") {
				t.Fatalf("a problem without a place: %#v", p)
			}
		}
		return
	}
	for _, h := range inv.Hosts {
		if inv.Host(h.Name) != h || h.Access.Address == "" || h.Access.Port < 0 || h.Access.Port > 65535 {
			t.Fatalf("host %q: %+v", h.Name, h.Access)
		}
		for _, v := range h.Vars {
			checkType(t, v.Any, 0)
		}
		if badName(h.Name) != "" || len(h.Entry()) != 64 {
			t.Fatalf("host name %q", h.Name)
		}
		for _, r := range h.Rules {
			if !ruleID.MatchString(r.ID) || hasPorts(r.Protocol) != (len(r.Ports) > 0) {
				t.Fatalf("rule %+v", r)
			}
		}
		if h.Member() && !farmName.MatchString(h.Farm) {
			t.Fatalf("farm %q", h.Farm)
		}
	}
	if len(inv.Farms) == 0 && len(inv.Hosts) == 0 {
		t.Fatal("nothing at all is accepted")
	}
}

// checkType allows the types that Value promises, no others.
func checkType(t *testing.T, v any, depth int) {
	if depth > 3 {
		return // aliases make a value wide, so not all of it is walked
	}
	switch v := v.(type) {
	case nil, bool, int64, *big.Int, float64, string, *Sealed, unsafeText:
	case []any:
		for _, e := range v[:min(len(v), 20)] {
			checkType(t, e, depth+1)
		}
	case map[string]any:
		for _, e := range v {
			checkType(t, e, depth+1)
		}
	default:
		t.Fatalf("type %T", v)
	}
}

func FuzzINI(f *testing.F) {
	for _, c := range oracleCases() {
		if text, ok := c["hosts"]; ok {
			f.Add([]byte(text))
		}
	}
	for _, b := range badInputs {
		f.Add([]byte(b.text))
	}
	f.Add([]byte(selectable))
	path := filepath.Join(f.TempDir(), "hosts.ini")
	f.Fuzz(func(t *testing.T, data []byte) { fuzzLoad(t, path, data) })
}

func FuzzYAML(f *testing.F) {
	for _, c := range oracleCases() {
		if text, ok := c["hosts.yml"]; ok {
			f.Add([]byte(text))
		}
	}
	for _, b := range badInputs {
		f.Add([]byte(b.text))
	}
	f.Add([]byte(rulesYAML))
	f.Add([]byte(`{"gateway": {"hosts": {"g": {"a": 1e3}}}}`))
	path := filepath.Join(f.TempDir(), "hosts.yml")
	f.Fuzz(func(t *testing.T, data []byte) { fuzzLoad(t, path, data) })
}

// Whatever the pattern, the hosts are the inventory's, each once, in its order.
func FuzzPattern(f *testing.F) {
	for _, p := range []string{"all", "web:!db1", "web[0:3]", "~w.*", "web[12]*", "&web", "!x", "@f", "a,b", "fe80::a", "[", "~(", "web[-1]", "\x00", "é[!a-z]*"} {
		f.Add(p)
	}
	dir := tree(f, map[string]string{"hosts": selectable})
	inv, err := Load(context.Background(), []string{filepath.Join(dir, "hosts")}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		if strings.Contains(pattern, "@") {
			return // reads files
		}
		hosts, err := inv.Select(pattern)
		if (err == nil) != (len(hosts) > 0) {
			t.Fatalf("%d hosts and %v", len(hosts), err)
		}
		next := 0
		for _, h := range hosts {
			for next < len(inv.Hosts) && inv.Hosts[next] != h {
				next++
			}
			if next == len(inv.Hosts) {
				t.Fatalf("%s is out of order", h.Name)
			}
		}
	})
}

// A range names as many hosts as it promises, and never too many.
func FuzzRange(f *testing.F) {
	for _, p := range []string{"a", "x[1:3]", "x[01:10:2]y[a:c]", "[z:a]", "x[1:", "[::]", "x[9:1:-1]", "x[1:999999999]", "x[-5:5]"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		name, port := splitPort(pattern)
		if port < -1 || !strings.Contains(pattern, name) {
			t.Fatalf("%q and %d", name, port)
		}
		names, err := expandName(name)
		if err != nil {
			if names != nil {
				t.Fatal("names with an error")
			}
			return
		}
		if len(names) > maxRange {
			t.Fatalf("%d names", len(names))
		}
		if !strings.Contains(name, "[") && (len(names) != 1 || names[0] != name) {
			t.Fatalf("got %q", names)
		}
	})
}

func FuzzExtra(f *testing.F) {
	for _, a := range []string{"a=1", `a="b c" d=e`, "{a: [1, yes]}", `{"a": {"b": null}}`, "[1]", "a='", "x", "{a: !vault b}", "{<<: {a: 1}}"} {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, arg string) {
		if strings.HasPrefix(strings.TrimSpace(arg), "@") {
			return // reads files
		}
		vars, err := ParseExtra([]string{arg}, nil)
		if err != nil {
			if vars != nil {
				t.Fatal("variables with an error")
			}
			return
		}
		for _, v := range vars {
			checkType(t, v, 0)
		}
	})
}

// A literal is a value of a promised type; what is no literal is the text itself.
func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"1", "[1, 'a']", "{'a': (1,)}", `"\x41"`, "-0x1f", "1e5", "'", "((((", "1_0", "True", "r'\\'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // refused before
		}
		v := literal(text)
		checkType(t, v, 0)
		if s, ok := v.(string); ok && s != text && !strings.ContainsAny(text, `'"`) {
			t.Fatalf("%q became %q", text, s)
		}
	})
}
