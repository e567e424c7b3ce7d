package evidence

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

func TestFoldNames(t *testing.T) {
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""}, {[]string{"gw1"}, "gw1"}, {[]string{"gw1", "gw2"}, "gw1, gw2"}, {[]string{"gw1", "gw2", "gw3"}, "gw[1:3]"},
		{[]string{"rds08", "rds09", "rds10", "rds12"}, "rds[08:10], rds12"}, {[]string{"a9", "a10", "a11"}, "a9, a10, a11"}, {[]string{"x", "y", "z"}, "x, y, z"},
	} {
		if got := foldNames(c.names); got != c.want {
			t.Errorf("%v: %q", c.names, got)
		}
	}
}

// No text of anybody can be more than a text in any of the formats.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"", "=1+1", "a|b\\|c", `"]; x [label="`, "<b>&", "\x00\x1b\x7f", "‮", "￾", "\xff", "{{.}}", "]]>", "#35;", "https://x"} {
		f.Add(s)
	}
	mermaid := regexp.MustCompile(`^"([A-Za-z0-9 .,_+()/-]|#[0-9]+;)*"$`)
	dot := regexp.MustCompile(`^"([^"\\]|\\.)*"$`)
	label := regexp.MustCompile(`^([^"\\\n]|\\.)*$`)
	f.Fuzz(func(t *testing.T, s string) {
		for name, text := range map[string]string{"cell": cell(s), "md": md(s), "esc": esc(s), "label": labelValue(s)} {
			if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
				t.Errorf("%s keeps a control character: %q", name, text)
			}
		}
		if c := cell(s); c != "" && strings.ContainsRune("=+-@", rune(c[0])) {
			t.Errorf("a formula: %q", c)
		}
		if m := regexp.MustCompile(`\\.`).ReplaceAllString(md(s), ""); strings.ContainsAny(m, "|<>`*_[]!\\") {
			t.Errorf("markup: %q", m)
		}
		if !mermaid.MatchString(mermaidText(s)) || !dot.MatchString(dotText(s)) || !label.MatchString(labelValue(s)) {
			t.Errorf("%q: %s %s %s", s, mermaidText(s), dotText(s), labelValue(s))
		}
		d := xml.NewDecoder(strings.NewReader(`<a b="` + esc(s) + `">` + esc(s) + `</a>`))
		tokens := 0
		for {
			_, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%q: %v", esc(s), err)
			}
			tokens++
		}
		if tokens > 3 {
			t.Errorf("%q is more than a text", esc(s))
		}
	})
}
