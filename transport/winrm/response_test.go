package winrm

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"farmwall/transport"
)

// answer is a host's envelope around a body.
func anAnswer(action, relates, body string) string {
	return `<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"` +
		` xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">` +
		`<s:Header><a:Action>` + action + `</a:Action><a:RelatesTo>` + relates + `</a:RelatesTo></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

var hostRequests = newRequests("http://host:5985/wsman?a=1&b=2", 20*time.Second)

func TestShellIDs(t *testing.T) {
	selector := `<x:ResourceCreated><a:ReferenceParameters><w:SelectorSet><w:Selector Name="Other">no</w:Selector><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>`
	for name, c := range map[string]struct{ body, id, ip string }{
		"new":     {fmt.Sprintf(selector, "AB-1") + `<rsp:Shell><rsp:ShellId>AB-1</rsp:ShellId><rsp:ClientIP>10.0.0.1</rsp:ClientIP></rsp:Shell>`, "AB-1", "10.0.0.1"},
		"old":     {fmt.Sprintf(selector, "AB-2"), "AB-2", ""},
		"none":    {"", "", ""},
		"hostile": {fmt.Sprintf(selector, `A"/&gt;&lt;x`), "", ""},
		"long":    {fmt.Sprintf(selector, strings.Repeat("A", 200)), "", ""},
	} {
		m := hostRequests.create()
		e, err := parseEnvelope([]byte(anAnswer(actionCreate+"Response", strings.ToUpper(m.id()), c.body)), m)
		if err != nil {
			t.Fatal(err)
		}
		id, err := e.shell()
		if id != c.id && c.id != "" || (err == nil) != (c.id != "") || e.Body.Shell.ClientIP != c.ip {
			t.Errorf("%s: %q, %q, %v", name, id, e.Body.Shell.ClientIP, err)
		}
	}
}

func TestOutput(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	stream := func(name, text string) string {
		return fmt.Sprintf(`<rsp:Stream Name="%s" CommandId="C">%s</rsp:Stream>`, name, text)
	}
	state := func(state, exit string) string {
		return `<rsp:CommandState CommandId="C" State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/` + state + `">` + exit + `</rsp:CommandState>`
	}
	for name, c := range map[string]struct {
		body, out, words string
		done             bool
		exit             int64
		wrong            bool
	}{
		"running":   {stream("stdout", b64("a\xc3")) + stream("stderr", b64("e")) + stream("stdout", b64("\xbcb")) + state("Running", ""), "a\u00fcb", "e", false, 0, false},
		"done":      {stream("stdout", "") + state("Done", "<rsp:ExitCode>3221225477</rsp:ExitCode>"), "", "", true, 0xC0000005, false},
		"negative":  {state("Done", "<rsp:ExitCode>-1073741819</rsp:ExitCode>"), "", "", true, -1073741819, false},
		"no code":   {state("Done", ""), "", "", true, 0, false},
		"bad code":  {state("Done", "<rsp:ExitCode>x</rsp:ExitCode>"), "", "", false, 0, true},
		"no base64": {stream("stdout", "%%%"), "", "", false, 0, true},
		"nothing":   {"", "", "", false, 0, false},
	} {
		m := hostRequests.receive("S", "C")
		e, err := parseEnvelope([]byte(anAnswer(actionReceive+"Response", m.id(), "<rsp:ReceiveResponse>"+c.body+"</rsp:ReceiveResponse>")), m)
		if err != nil {
			t.Fatal(err)
		}
		out, words, done, exit, err := e.output()
		if (err != nil) != c.wrong || !c.wrong && (string(out) != c.out || string(words) != c.words || done != c.done || exit != c.exit) {
			t.Errorf("%s: %q %q %v %d %v", name, out, words, done, exit, err)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	m := hostRequests.remove("S")
	right := anAnswer(actionDelete+"Response", m.id(), "")
	if _, err := parseEnvelope([]byte(right), m); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "html": "<html><body>Not Found</body></html>", "cut": right[:len(right)-20], "other request": anAnswer(actionDelete+"Response", "uuid:0", ""),
		"other action": anAnswer(actionSend+"Response", m.id(), ""), "entity": "<!DOCTYPE x [<!ENTITY e 'x'>]><Envelope>&e;</Envelope>",
	} {
		if _, err := parseEnvelope([]byte(text), m); !errors.Is(err, errForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRequestsEscape: the library writes text into the XML as it is.
func TestRequestsEscape(t *testing.T) {
	m := hostRequests.command("S", `echo ]]> <x> & "y"`)
	if !strings.Contains(m.text, "echo ]]&gt; &lt;x&gt; &amp; ") || !strings.Contains(m.text, "?a=1&amp;b=2") || strings.Contains(m.text, "CDATA") {
		t.Error(m.text)
	}
	for _, want := range []string{`Name="WINRS_CONSOLEMODE_STDIN">FALSE<`, "PT20.000S", ">153600<"} {
		if !strings.Contains(m.text, want) {
			t.Errorf("%s is missing in %s", want, m.text)
		}
	}
	for _, want := range []string{`Name="WINRS_NOPROFILE">TRUE<`, `Name="WINRS_CODEPAGE">65001<`} {
		if c := hostRequests.create(); !strings.Contains(c.text, want) || c.id() == hostRequests.create().id() {
			t.Errorf("%s is missing in %s", want, c.text)
		}
	}
	longest := hostRequests.send(strings.Repeat("S", 128), strings.Repeat("C", 128), make([]byte, piece), true)
	if _, body := encodeSealed(schemeKerberos, len(longest.text), make([]byte, 60), []byte(longest.text)); len(body) > envelopeSize-16<<10 {
		t.Errorf("a Send takes %d bytes", len(body))
	}
}

const faultBody = `<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>%s</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason><s:Detail>%s</s:Detail></s:Fault>`

const wsmanFault = `<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="%s" Machine="h"><f:Message>%s</f:Message></f:WSManFault>`

func TestFaults(t *testing.T) {
	one := func(code string) string { return fmt.Sprintf(wsmanFault, code, "words") }
	nested := `<f:WSManFault xmlns:f="x" Code="87"><f:Message><f:ProviderFault provider="Shell cmd plugin">` + one("2150858843") + `</f:ProviderFault></f:Message></f:WSManFault>`
	wmi := `<p:MSFT_WmiError b:IsCIM_Error="true" xmlns:p="p" xmlns:b="b" xmlns:cim="c"><cim:CIMStatusCode>27</cim:CIMStatusCode><p:error_Code xmlns:p="p">2150859174</p:error_Code><p:Message>maximum number</p:Message></p:MSFT_WmiError>`
	for name, c := range map[string]struct {
		subcode, reason, detail string
		want                    Fault
		is                      error
	}{
		"access":     {"w:AccessDenied", "Access is denied.", one("5"), Fault{Code: 5, Subcode: "AccessDenied", Text: "Access is denied."}, transport.ErrNoPrivilege},
		"hresult":    {"", "", one("2147942405"), Fault{Code: 2147942405, Subcode: "Sender", Text: "words"}, transport.ErrNoPrivilege},
		"negative":   {"", "", one("-2144108387"), Fault{Code: 2150858909, Subcode: "Sender", Text: "words"}, transport.ErrLineBroke},
		"shells":     {"w:QuotaLimit", "x", one("2150859173"), Fault{Code: 2150859173, Subcode: "QuotaLimit", Text: "x"}, transport.ErrQuota},
		"wmi":        {"w:InternalError", "", wmi, Fault{WMI: 2150859174, Subcode: "InternalError", Text: "maximum number"}, transport.ErrQuota},
		"wmi inside": {"w:InternalError", "x", one("2150858843") + wmi, Fault{Code: 2150858843, WMI: 2150859174, Subcode: "InternalError", Text: "x"}, transport.ErrQuota},
		"nested":     {"w:InvalidParameter", "x", nested, Fault{Code: 87, Subcode: "InvalidParameter", Text: "x"}, transport.ErrLineBroke},
		"subcode":    {"w:QuotaLimit", "x", "", Fault{Subcode: "QuotaLimit", Text: "x"}, transport.ErrQuota},
		"timeout":    {"w:TimedOut", "x", one("2150858793"), Fault{Code: 2150858793, Subcode: "TimedOut", Text: "x"}, transport.ErrTimeout},
		"aborted":    {"w:InternalError", "x", one("995"), Fault{Code: 995, Subcode: "InternalError", Text: "x"}, transport.ErrLineBroke},
		"busy":       {"w:InternalError", "x", one("170"), Fault{Code: 170, Subcode: "InternalError", Text: "x"}, transport.ErrBusy},
		"no number":  {"", "x", one("abc"), Fault{Subcode: "Sender", Text: "x"}, transport.ErrLineBroke},
		"broken":     {"", "x", "<f:WSManFault Code='5'/>", Fault{Code: 5, Subcode: "Sender", Text: "x"}, transport.ErrNoPrivilege},
	} {
		m := hostRequests.create()
		_, err := parseEnvelope([]byte(anAnswer("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", m.id(), fmt.Sprintf(faultBody, c.subcode, c.reason, c.detail))), m)
		f := asFault(err)
		if f == nil || *f != c.want {
			t.Errorf("%s: %#v, %v", name, f, err)
			continue
		}
		if shown, _ := explain(err); !errors.Is(shown, c.is) || asFault(shown) != f {
			t.Errorf("%s is %v", name, shown)
		}
	}
}

func TestDepth(t *testing.T) {
	for text, want := range map[string]bool{
		strings.Repeat("<a>", maxDepth+1):                                  true,
		strings.Repeat("<a b='/>'>", maxDepth+1):                           true,
		strings.Repeat("<a b=\"'/>\">", maxDepth+1) + "</a>":               true,
		strings.Repeat("<!-- </a></a> --><a>", maxDepth+1):                 true,
		strings.Repeat("<![CDATA[</a></a>]]><?x </a> ?><a>", maxDepth+1):   true,
		strings.Repeat("<a>", maxDepth) + strings.Repeat("</a>", maxDepth): false,
		strings.Repeat("<a></a><a x='>'/>", 1000):                          false,
		strings.Repeat("<!-- <a> -->", 1000) + "<":                         false,
		"":                                    false,
		"<!-- " + strings.Repeat("<a>", 1000): false,
	} {
		if got := tooDeep([]byte(text)); got != want {
			t.Errorf("%.60q: %v", text, got)
		}
	}
	m := hostRequests.receive("S", "C")
	deep := anAnswer(actionReceive+"Response", m.id(), strings.Repeat("<rsp:Stream>", 9000)+strings.Repeat("</rsp:Stream>", 9000))
	if _, err := parseEnvelope([]byte(deep), m); !errors.Is(err, errForm) {
		t.Error(err)
	}
}

func FuzzAnswer(f *testing.F) {
	m := hostRequests.receive("S", "C")
	f.Add([]byte(anAnswer(actionReceive+"Response", m.id(), `<rsp:ReceiveResponse><rsp:Stream Name="stdout">YQ==</rsp:Stream><rsp:CommandState State="x/CommandState/Done"/></rsp:ReceiveResponse>`)))
	f.Add([]byte(anAnswer("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", m.id(), fmt.Sprintf(faultBody, "w:TimedOut", "x", fmt.Sprintf(wsmanFault, "2150858793", "x")))))
	f.Add([]byte(`<Envelope><Header><Action>` + actionCreate + `Response</Action></Header></Envelope>`))
	f.Add([]byte(``))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, m := range []message{m, hostRequests.create(), hostRequests.command("S", "x"), identify()} {
			e, err := parseEnvelope(body, m)
			if err != nil {
				if shown, _ := explain(err); shown == nil || shown.Error() == "" {
					t.Error("an error without words")
				}
				continue
			}
			e.shell()
			e.command()
			e.output()
		}
	})
}
