//go:build linux

package linux

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"farmwall/rules"
)

// section writes one as observe does.
func framed(name, text string) string {
	return fmt.Sprintf("section %s %d\n%s\n", name, len(text), text)
}

// A malformed answer is refused with what is wrong with it.
func TestDecodeRefuses(t *testing.T) {
	good, err := os.ReadFile("testdata/site.observe")
	if err != nil {
		t.Fatal(err)
	}
	sec, err := splitSections(good)
	if err != nil {
		t.Fatal(err)
	}
	with := func(name, text string) string {
		return strings.Replace(string(good), framed(name, sec[name]), framed(name, text), 1)
	}
	without := func(name string) string { return strings.Replace(string(good), framed(name, sec[name]), "", 1) }
	for _, c := range []struct{ name, out, says string }{
		{"nothing", "", "ends too early"},
		{"noise", "Welcome to host!\n" + string(good), "where a section should begin"},
		{"cut", string(good[:len(good)-14]), "ends too early"},
		{"cut in a section", string(good[:900]), "is not the"},
		{"something after it", string(good) + "more\n", "goes on after its end"},
		{"a section twice", framed("uid", "0") + string(good), "section uid twice"},
		{"a section of its own", framed("evil", "0") + string(good), "does not write"},
		{"a size that is none", "section uid -1\n", "where a section should begin"},
		{"a newer format", with("format", "2"), "format"},
		{"no lease", without("lease"), "lacks section lease"},
		{"no ruleset", without("ruleset"), "lacks section ruleset"},
		{"a user that is none", with("uid", "root"), "user number"},
		{"a clock that is none", with("uptime", "NaN"), "uptime"},
		{"an init that is none", with("init", "upstart"), "init system"},
		{"a connection of three", with("connection", "192.0.2.1 5 192.0.2.2"), "connection"},
		{"a connection of names", with("connection", "a 5 b 22"), "connection"},
		{"JSON that ends", with("ruleset", sec["ruleset"][:200]), "nft's JSON"},
		{"JSON of somebody else", with("ruleset", `{"nftables":[]}`), "metainfo"},
		{"a rule without chain", with("ruleset", `{"nftables":[{"metainfo":{}},{"rule":{"family":"ip","table":"t","chain":"c","expr":[]}}]}`), "which is not there"},
		{"a chain without table", with("ruleset", `{"nftables":[{"metainfo":{}},{"chain":{"family":"ip","table":"t","name":"c"}}]}`), "which is not there"},
		{"no text", without("text"), "lacks section text"},
		{"our text without end", with("text", "table inet farmwall {\n\tchain in {\n"), "no end"},
		{"an address that is none", with("network", "1: lo: <UP> mtu 1\n    inet 300.0.0.1/8 scope host\n"), "ip: an address"},
		{"a route that is none", with("network", "nowhere dev lo\n"), "ip: a route"},
		{"a lease that is none", with("lease", "number many\n"), "lease"},
		{"a lease without time", with("lease", "number 1\nboot "+sec["boot"]+"\n"), "lease was taken"},
		{"a record without time", with("record", "run R\n"), "record"},
		{"a token of two words", with("tokens", "armed 7\n"), "token"},
		{"a token's state", with("tokens", "ready 7 R 1\n"), "state"},
		{"a folder that is none", with("folders", "drwx\n"), "ls: a folder"},
		{"nft's own error", strings.Replace(without("text"), framed("ruleset", sec["ruleset"]), framed("failed", "nft cannot list the ruleset: Error: no\x1b[2Jpe"), 1), `nft cannot list the ruleset: "Error: no\x1b[2Jpe"`},
		{"nft without JSON", strings.Replace(without("text"), framed("ruleset", sec["ruleset"]), framed("failed", "nft cannot list the ruleset: Error: JSON support not compiled-in"), 1), "built without JSON"},
		{"text and JSON of two moments", with("ruleset", strings.Replace(sec["ruleset"], `"handle": 2`, `"handle": 77`, 1)), rules.ErrMoving.Error()},
		{"no awk", with("missing", "awk"), "lacks \"awk\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, err := New().Decode([]byte(c.out))
			if err == nil || st != nil {
				t.Fatal("not refused")
			}
			if !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "observe: ") {
				t.Errorf("refused with %q, want %q in it", err, c.says)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("the error is not printable: %q", err)
			}
		})
	}
}

// Without the right or the program the host is read as far as it goes, and refused by
// Check with what to do.
func TestHostsThatCannotBeWritten(t *testing.T) {
	good, err := os.ReadFile("testdata/empty.observe")
	if err != nil {
		t.Fatal(err)
	}
	sec, err := splitSections(good)
	if err != nil {
		t.Fatal(err)
	}
	bare := bytes.Replace(bytes.Replace(good, []byte(framed("ruleset", sec["ruleset"])), nil, 1), []byte(framed("text", sec["text"])), nil, 1)
	for _, c := range []struct{ name, from, to, says string }{
		{"another user", framed("uid", "0"), framed("uid", "1000"), "use sudo"},
		{"no nft", framed("nft", sec["nft"]), framed("nft", ""), "install the package nftables"},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, err := New().Decode(bytes.Replace(bare, []byte(c.from), []byte(c.to), 1))
			if err != nil {
				t.Fatal(err)
			}
			if err := New().Check(st, nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("Check says %v", err)
			}
		})
	}
}

// Names and comments that nft's own text cannot say leave a host unwritten: what is
// ours could not be told from the text.
func TestTextsThatMislead(t *testing.T) {
	for name, rule := range map[string]string{
		"a line break":    `"a\n}\ntable inet farmwall {\n\tchain in {\n"`,
		"our mark":        `"farmwall:x\"y"`,
		"a mark by quote": `"x\" comment \"farmwall:y"`,
	} {
		t.Run(name, func(t *testing.T) {
			need(t, "nft")
			n := newNetns(t)
			n.run(t, `{"nftables":[{"add":{"table":{"family":"ip","name":"t"}}},{"add":{"chain":{"family":"ip","table":"t","name":"c"}}},
				{"add":{"rule":{"family":"ip","table":"t","chain":"c","comment":`+rule+`,"expr":[{"accept":null}]}}}]}`, "nft", "-j", "-f", "-")
			out := n.run(t, "", "sh", "-c", New().Observe().Body, "sh", "")
			st, err := New().Decode([]byte(out))
			if err != nil {
				t.Logf("refused: %v", err)
				return
			}
			if err := New().Check(st, nil); err == nil || !strings.Contains(err.Error(), "table ip t chain") {
				t.Errorf("Check says %v", err)
			}
		})
	}
}
