package transport

import (
	"strings"
	"testing"
	"unicode/utf8"
)

const objsHead = `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">`

func objsOf(records string) string { return clixmlHead + "\r\n" + objsHead + records + "</Objs>" }

func TestReadCLIXML(t *testing.T) {
	progress := `<Obj S="progress" RefId="0"><TN RefId="0"><T>System.Management.Automation.PSCustomObject</T></TN><MS><I64 N="SourceId">1</I64><PR N="Record"><AV>Preparing modules for first use.</AV><AI>0</AI><Nil /><PI>-1</PI><PC>-1</PC><T>Completed</T><SR>-1</SR><SD> </SD></PR></MS></Obj>`
	inner := objsOf(`<S S="Error">deep_x000D__x000A_</S>`)
	nested := strings.NewReplacer("<", "&lt;", ">", "&gt;", "\"", "&quot;", "\r\n", "_x000D__x000A_").Replace(inner)
	for name, c := range map[string]struct{ text, want string }{
		"plain":         {"access denied\r\n", "access denied\r\n"},
		"empty":         {"", ""},
		"one":           {objsOf(`<S S="Error">it broke_x000D__x000A_</S>`), "it broke\r\n"},
		"lines":         {objsOf(`<S S="Error">a &lt;b&gt; &amp; c_x000D__x000A_</S><S S="Error">    + CategoryInfo_x000D__x000A_</S>`), "a <b> & c\r\n    + CategoryInfo\r\n"},
		"progress":      {objsOf(progress), ""},
		"mixed":         {objsOf(progress + `<S S="verbose">v</S><S S="debug">d</S><S S="information">i</S><S S="warning">careful_x000A_</S><S S="Error">bad</S>`), "careful\nbad"},
		"surrogates":    {objsOf(`<S S="Error">_xD83E__xDDF1_ wall _xD83E_x_xDDF1_ é 日_x0000_</S>`), "\U0001f9f1 wall \ufffdx\ufffd é 日\x00"},
		"lower case":    {objsOf(`<S S="Error">_xd83e__xddf1_</S>`), "\U0001f9f1"},
		"underscore":    {objsOf(`<S S="Error">_x005F_x000A_ _x00_ _xZZZZ_ _x000A</S>`), "_x000A_ _x00_ _xZZZZ_ _x000A"},
		"entities":      {objsOf(`<S S="Error">&quot;&apos;&#65;&#x42;&nbsp;&#xD800; &;&</S>`), "\"'AB&nbsp;&#xD800; &;&"},
		"two blocks":    {objsOf(`<S S="Error">a</S>`) + objsHead + `<S S="Error">b</S></Objs>` + "\r\n" + objsOf(`<S S="Error">c</S>`), "abc"},
		"text around":   {"before\r\n" + objsOf(`<S S="Error">in</S>`) + "after", "before\r\ninafter"},
		"nested":        {objsOf(`<S S="Error">out: ` + nested + `</S>`), "out: deep\r\n"},
		"two heads":     {clixmlHead + "\r\n" + inner, "deep\r\n"},
		"cut in text":   {objsOf(`<S S="Error">it bro`)[:len(objsOf(`<S S="Error">it bro`))-len("</Objs>")], "it bro"},
		"cut in tag":    {clixmlHead + "\r\n" + objsHead + `<S S="Error">said</S><S S="Err`, "said"},
		"head only":     {clixmlHead + "\r\n", ""},
		"no namespace":  {clixmlHead + "\n<Objs><S S=\"Error\">x</S></Objs>", "x"},
		"object":        {objsOf(`<Obj S="Error" RefId="0"><TN><T>x</T></TN><ToString>the error</ToString><Props><S N="a">no</S><Obj><ToString>inner</ToString></Obj></Props></Obj>`), "the error\n"},
		"stray closing": {objsOf(`</S></X><S S="Error">x</S>`), "</X><S S=\"Error\">x</S></Objs>"},
	} {
		if got := string(ReadCLIXML([]byte(c.text))); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzCLIXML(f *testing.F) {
	for _, s := range []string{objsOf(`<S S="Error">_x000D_</S>`), clixmlHead, objsOf(objsOf("")), "&lt;" + clixmlHead + "<Objs", clixmlHead + "<Objs><S S=\"Error\">_xD83E__xDDF1_&amp;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := string(ReadCLIXML([]byte(s)))
		if len(got) > 3*len(s)+8 { // an entity or escape is longer than what it means
			t.Errorf("%d bytes became %d", len(s), len(got))
		}
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q became %q", s, got)
		}
		if !strings.Contains(s, clixmlHead) && got != s {
			t.Errorf("%q became %q", s, got)
		}
	})
}

// FuzzUnescapeCLIXML: what PowerShell escapes comes back.
func FuzzUnescapeCLIXML(f *testing.F) {
	f.Add("a\r\n_x000A_ <b> & \U0001f9f1")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			t.Skip("XML holds no other text")
		}
		var out strings.Builder
		for _, r := range s {
			switch {
			case r < ' ', r == '_':
				out.WriteString("_x00" + strings.ToUpper(string("0123456789abcdef"[r>>4])+string("0123456789abcdef"[r&15])) + "_")
			case r == '<':
				out.WriteString("&lt;")
			case r == '&':
				out.WriteString("&amp;")
			default:
				out.WriteRune(r)
			}
		}
		if got := string(ReadCLIXML([]byte(objsOf(`<S S="Error">` + out.String() + `</S>`)))); !strings.Contains(s, clixmlHead) && got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	})
}
