package wsman

import (
	"strings"
	"testing"
)

// Each fault of the protocol that a wrong message earns, by its number.
func TestFaultsForWrongMessages(t *testing.T) {
	h := basicHost(t, Options{})
	c := h.caller(t)
	shell := c.create()
	command := c.start(shell, "wait")
	good := c.message(actionReceive, resourceCmd, shell, receiveBody(command))
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the message", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	without := func(tag string) string {
		from := strings.Index(good, "<"+tag)
		to := strings.Index(good, "</"+tag+">") + len(tag) + 3
		return good[:from] + good[to:]
	}
	noInput := c.ok(c.call(actionCreate, "", "<rsp:Shell><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>")).
		child(nsShell, "Shell").child(nsShell, "ShellId").value()
	for name, want := range map[string]struct {
		text    string
		code    uint32
		subcode string
	}{
		"no XML":               {"this is no XML", 2150858819, "w:SchemaValidationError"},
		"XML cut off":          {good[:len(good)-20], 2150858819, "w:SchemaValidationError"},
		"a document type":      {`<!DOCTYPE a [<!ENTITY b "c">]>` + good, 2150858819, "w:SchemaValidationError"},
		"no envelope":          {"<a/>", 2150858791, "w:SchemaValidationError"},
		"SOAP 1.1":             {strings.ReplaceAll(good, nsSoap, "http://schemas.xmlsoap.org/soap/envelope/"), 2150858791, "w:SchemaValidationError"},
		"no action":            {without("a:Action"), 2150858769, "a:MessageInformationHeaderRequired"},
		"no message id":        {without("a:MessageID"), 2150858769, "a:MessageInformationHeaderRequired"},
		"no reply address":     {without("a:ReplyTo"), 2150858769, "a:MessageInformationHeaderRequired"},
		"unknown header":       {change("<a:To>", `<a:Strange env:mustUnderstand="true"/><a:To>`), 2150858768, "s:MustUnderstand"},
		"unknown action":       {change(actionReceive, actionReceive+"Never"), 2150858753, "a:ActionNotSupported"},
		"unknown resource":     {change(resourceCmd, nsShell+"/other"), 2150858811, "a:DestinationUnreachable"},
		"no resource":          {without("w:ResourceURI"), 2150858811, "a:DestinationUnreachable"},
		"no selector":          {without("w:SelectorSet"), 2150858842, "w:InvalidSelectors"},
		"unknown shell":        {change(">"+shell+"<", ">"+newGUID()+"<"), 2150858843, "w:InvalidSelectors"},
		"unknown command":      {change(command, newGUID()), 2150858843, "w:InvalidSelectors"},
		"Receive without one":  {change(` CommandId="`+command+`"`, ""), 87, "w:InvalidParameter"},
		"negative timeout":     {change("PT20S", "PT-1S"), 2150858767, "a:InvalidMessageInformationHeader"},
		"minus timeout":        {change("PT20S", "-PT1S"), 2150858767, "a:InvalidMessageInformationHeader"},
		"empty timeout":        {change("PT20S", "P"), 2150858767, "a:InvalidMessageInformationHeader"},
		"small envelope":       {change(">153600<", ">8191<"), 2150858878, "w:EncodingLimit"},
		"envelope of letters":  {change(">153600<", ">many<"), 2150858878, "w:EncodingLimit"},
		"Create of nothing":    {c.message(actionCreate, resourceCmd, "", ""), 2150858817, "w:SchemaValidationError"},
		"odd idle time":        {c.message(actionCreate, resourceCmd, "", strings.Replace(shellBody, "<rsp:Input", "<rsp:IdleTimeOut>60</rsp:IdleTimeOut><rsp:Input", 1)), 2150858817, "w:SchemaValidationError"},
		"odd input stream":     {c.message(actionCreate, resourceCmd, "", strings.Replace(shellBody, "stdin", "stdin other", 1)), 2150858817, "w:SchemaValidationError"},
		"a long variable":      {c.message(actionCreate, resourceCmd, "", strings.Replace(shellBody, "<rsp:Input", `<rsp:Environment><rsp:Variable Name="A">`+strings.Repeat("x", 32768)+`</rsp:Variable></rsp:Environment><rsp:Input`, 1)), 2150858817, "w:SchemaValidationError"},
		"unknown code page":    {c.message(actionCreate, resourceCmd, "", shellBody, "WINRS_CODEPAGE", "4711"), 2150859072, "w:InvalidParameter"},
		"Command of nothing":   {c.message(actionCommand, resourceCmd, shell, "<rsp:CommandLine/>"), 87, "w:InvalidParameter"},
		"no CommandLine":       {c.message(actionCommand, resourceCmd, shell, "<rsp:Command/>"), 2150858817, "w:SchemaValidationError"},
		"Send of nothing":      {c.message(actionSend, resourceCmd, shell, "<rsp:Send/>"), 2150858817, "w:SchemaValidationError"},
		"Send no base64":       {c.message(actionSend, resourceCmd, shell, `<rsp:Send><rsp:Stream Name="stdin" CommandId="`+command+`">*</rsp:Stream></rsp:Send>`), 2150858817, "w:SchemaValidationError"},
		"Send to stdout":       {c.message(actionSend, resourceCmd, shell, `<rsp:Send><rsp:Stream Name="stdout" CommandId="`+command+`">AAAA</rsp:Stream></rsp:Send>`), 2150859147, "w:InvalidParameter"},
		"no stdin in shell":    {c.message(actionSend, resourceCmd, noInput, c.sendBody(command, nil, true)), 2150859147, "w:InvalidParameter"},
		"unknown signal":       {c.message(actionSignal, resourceCmd, shell, `<rsp:Signal CommandId="`+command+`"><rsp:Code>x</rsp:Code></rsp:Signal>`), 87, "w:InvalidParameter"},
		"config with cmd's":    {c.message(actionGet, resourceCmd, "", ""), 2150858811, "a:DestinationUnreachable"},
		"Delete of nothing":    {c.message(actionDelete, resourceCmd, "", ""), 2150858842, "w:InvalidSelectors"},
		"Signal without shell": {c.message(actionSignal, resourceCmd, "X", ""), 2150858843, "w:InvalidSelectors"},
	} {
		r := c.post(want.text)
		wantFault(t, r, want.code, want.subcode)
		if t.Failed() {
			t.Fatal(name)
		}
		action := actionFault
		if strings.HasPrefix(want.subcode, "a:") {
			action = actionAddress
		}
		if got := r.root.child(nsSoap, "Header").child(nsAddressing, "Action").value(); got != action {
			t.Errorf("%s: action %s", name, got)
		}
	}
	c.ok(c.delete(shell)) // all of it left the shell as it was
}

func TestNativeClientsWriteUTF16(t *testing.T) {
	c := basicHost(t, Options{}).caller(t)
	text := `<?xml version="1.0" encoding="utf-16"?>` + c.message(actionCreate, resourceCmd, "", shellBody)
	c.ok(c.post("\xff\xfe" + string(utf16le(text))))
	c.ok(c.post("\xef\xbb\xbf" + c.message(actionCreate, resourceCmd, "", shellBody)))
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{
		"PT60S": "PT60.000S", "PT60.0S": "PT60.000S", "PT60.000S": "PT60.000S", "PT1M": "PT60.000S", "P1DT1H": "PT90000.000S", "PT0S": "PT0.000S", "-PT1.5S": "PT-1.500S",
	} {
		d, err := parseDuration(text)
		if err != nil || duration(d) != want {
			t.Errorf("%s: %v %v", text, duration(d), err)
		}
	}
	for _, text := range []string{"", "P", "PT", "60", "PT-1S", "P1Y", "PT1S ", "P1DT", "T1S", "PT1.S", "PT99999999999S"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q is taken for %v", text, d)
		}
	}
}
