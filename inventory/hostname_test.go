package inventory

import (
	"strings"
	"testing"
)

func TestSplitPort(t *testing.T) {
	tests := []struct {
		pattern, name string
		port          int
	}{
		{"host:22", "host", 22}, {"1.2.3.4:22", "1.2.3.4", 22}, {"[2001:db8::2]:22", "2001:db8::2", 22}, {"[nam]:22", "nam", 22},
		{"fe80::1", "fe80::1", -1}, {"2001:db8::1:22", "2001:db8::1:22", -1}, {"foo_:22", "foo_:22", -1}, {"_foo:22", "_foo", 22},
		{"fo_o:22", "fo_o", 22}, {"-foo:22", "-foo:22", -1}, {"foo.:22", "foo.:22", -1}, {"user@h:22", "user@h:22", -1},
		{"host:ssh", "host:ssh", -1}, {"a..b:22", "a..b:22", -1}, {"z:0", "z", 0}, {"z:99999", "z", 99999}, {"z:022", "z", 22},
		{"x[1:2]:22", "x[1:2]", 22}, {"r[:2]:22", "r[:2]:22", -1}, {"[2001:db8::[7:8]]:23", "2001:db8::[7:8]", 23},
		{"ä1:22", "ä1", 22}, {"_:22", "_:22", -1}, {"a]:22", "a]:22", -1}, {"h:" + strings.Repeat("9", 40), "h:" + strings.Repeat("9", 40), -1},
	}
	for _, test := range tests {
		name, port := splitPort(test.pattern)
		if name != test.name || port != test.port {
			t.Errorf("%s: got %q and %d", test.pattern, name, port)
		}
	}
}

func TestExpandName(t *testing.T) {
	tests := map[string]string{
		"a": "a", "db[1:3]": "db1 db2 db3", "x[01:02]y[a:b]": "x01ya x01yb x02ya x02yb", "r[:2]": "r0 r1 r2", "e[1:10:4]": "e1 e5 e9",
		"q[5:1]": "", "w[5:1:-1]": "w5 w4 w3", "t[x:C]": "tx ty tz tA tB tC", "x[1:010]": "x1 x2 x3 x4 x5 x6 x7 x8 x9 x10",
		"x[1:2]]": "x1] x2]", "x1:2]": "x1:2]", "10.0.0.[7:8]": "10.0.0.7 10.0.0.8", "2001:db8::[5:6]": "2001:db8::5 2001:db8::6",
		"x[a:e:2]": "xa xc xe", "x[+1:2]": "x1 x2", "x[1_0:12]": "x10 x11 x12",
	}
	for pattern, want := range tests {
		names, err := expandName(pattern)
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s: got %q, %v", pattern, got, err)
		}
	}
	bad := []string{"x[a-c]", "x[01:100]", "x[z:a]", "x[1:2:0]", "[web", "x[1:2", "x[]", "x[1]", "x[aa:bb]", "x[1:2:3:4]", "]x[1:2]",
		"x[1:999999999999]", "x[1:10000][1:10000]", "x[0:", "x[1:]"}
	for _, pattern := range bad {
		if names, err := expandName(pattern); err == nil {
			t.Errorf("%s is accepted as %.3q", pattern, names)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"ras_role", "ras_roles", 1}, {"gatewya", "gateway", 1}, {"kitten", "sitting", 3}} {
		equal(t, test.a, editDistance(test.a, test.b), test.want)
	}
	equal(t, "far off", suggest("zzzzzz", "gateway"), "")
}
