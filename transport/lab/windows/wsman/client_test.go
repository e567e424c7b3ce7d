package wsman

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// caller is a client for tests: it says what it is told, and reads what comes.
type caller struct {
	t        *testing.T
	url      string
	http     *http.Client
	user     string
	password string
	// envelope and timeout are the headers MaxEnvelopeSize and OperationTimeout.
	envelope int
	timeout  string
}

func (h *host) caller(t *testing.T) *caller {
	transport := &http.Transport{MaxConnsPerHost: 4}
	t.Cleanup(transport.CloseIdleConnections)
	return &caller{t: t, url: h.url, http: &http.Client{Transport: transport}, user: testUser, password: testPassword, envelope: defaultEnvelope, timeout: "PT20S"}
}

// reply is what an HTTP request was answered with.
type reply struct {
	status int
	header http.Header
	text   []byte
	root   *element // nil: no XML
}

// try posts a body of SOAP's type with Basic, and may fail.
func (c *caller) try(body string) (reply, error) {
	r, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.Header.Set("Content-Type", soapType)
	if c.user != "" {
		r.SetBasicAuth(c.user, c.password)
	}
	return c.do(r)
}

func (c *caller) do(r *http.Request) (reply, error) {
	answer, err := c.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	got := reply{status: answer.StatusCode, header: answer.Header, text: text}
	if root, err := readXML(text); err == nil {
		got.root = root
	}
	return got, err
}

func (c *caller) post(body string) reply {
	c.t.Helper()
	r, err := c.try(body)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// message writes an envelope. options are name, value, name, value ...
func (c *caller) message(action, resource, shell, body string, options ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<env:Envelope xmlns:env="%s" xmlns:a="%s" xmlns:w="%s" xmlns:rsp="%s" xmlns:x="%s"><env:Header>`, nsSoap, nsAddressing, nsWsman, nsShell, nsTransfer)
	fmt.Fprintf(&b, `<a:To>http://elsewhere:5985/wsman</a:To><a:ReplyTo><a:Address mustUnderstand="true">%s</a:Address></a:ReplyTo>`, anonymous)
	fmt.Fprintf(&b, `<w:MaxEnvelopeSize mustUnderstand="true">%d</w:MaxEnvelopeSize><a:MessageID>uuid:%s</a:MessageID>`, c.envelope, strings.ToLower(newGUID()))
	fmt.Fprintf(&b, `<w:Locale xml:lang="en-US" mustUnderstand="false"/><w:OperationTimeout>%s</w:OperationTimeout>`, c.timeout)
	fmt.Fprintf(&b, `<w:ResourceURI env:mustUnderstand="true">%s</w:ResourceURI><a:Action env:mustUnderstand="true">%s</a:Action>`, resource, action)
	if len(options) > 0 {
		b.WriteString("<w:OptionSet>")
		for i := 0; i < len(options); i += 2 {
			fmt.Fprintf(&b, `<w:Option Name="%s">%s</w:Option>`, options[i], options[i+1])
		}
		b.WriteString("</w:OptionSet>")
	}
	if shell != "" {
		fmt.Fprintf(&b, `<w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet>`, shell)
	}
	b.WriteString("</env:Header><env:Body>" + body + "</env:Body></env:Envelope>")
	return b.String()
}

// call posts a message about the cmd shell.
func (c *caller) call(action, shell, body string, options ...string) reply {
	c.t.Helper()
	return c.post(c.message(action, resourceCmd, shell, body, options...))
}

const shellBody = "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>"

// ok is an answer that is no fault.
func (c *caller) ok(r reply) *element {
	c.t.Helper()
	if r.status != http.StatusOK || r.root == nil {
		c.t.Fatalf("status %d: %s", r.status, r.text)
	}
	return r.root.child(nsSoap, "Body")
}

func (c *caller) create() string {
	c.t.Helper()
	body := c.ok(c.call(actionCreate, "", shellBody, "WINRS_NOPROFILE", "TRUE", "WINRS_CODEPAGE", "65001"))
	selector := body.child(nsTransfer, "ResourceCreated").child(nsAddressing, "ReferenceParameters").child(nsWsman, "SelectorSet").child(nsWsman, "Selector")
	if selector.attr("Name") != "ShellId" || selector.value() == "" {
		c.t.Fatal("no ShellId")
	}
	return selector.value()
}

func commandBody(line string) string {
	return "<rsp:CommandLine><rsp:Command>" + escape(line) + "</rsp:Command></rsp:CommandLine>"
}

// start begins a command whose stdin can end.
func (c *caller) start(shell, line string) string {
	c.t.Helper()
	body := c.ok(c.call(actionCommand, shell, commandBody(line), "WINRS_CONSOLEMODE_STDIN", "FALSE", "WINRS_SKIP_CMD_SHELL", "FALSE"))
	return body.child(nsShell, "CommandResponse").child(nsShell, "CommandId").value()
}

func (c *caller) sendBody(command string, data []byte, end bool) string {
	return fmt.Sprintf(`<rsp:Send><rsp:Stream Name="stdin" CommandId="%s" End="%v">%s</rsp:Stream></rsp:Send>`, command, end, base64.StdEncoding.EncodeToString(data))
}

func (c *caller) send(shell, command string, data []byte, end bool) reply {
	c.t.Helper()
	return c.call(actionSend, shell, c.sendBody(command, data, end))
}

func receiveBody(command string) string {
	return `<rsp:Receive><rsp:DesiredStream CommandId="` + command + `">stdout stderr</rsp:DesiredStream></rsp:Receive>`
}

// received is what one or more Receives brought.
type received struct {
	stdout, stderr []byte
	streams        int // with something in them
	ends           int
	state          string
	exit           int64
}

// read takes a ReceiveResponse in.
func (o *received) read(t *testing.T, body *element) {
	t.Helper()
	r := body.child(nsShell, "ReceiveResponse")
	if r == nil {
		t.Fatal("no ReceiveResponse")
	}
	for _, e := range r.children {
		if e.name.Local != "Stream" {
			continue
		}
		data, err := base64.StdEncoding.DecodeString(e.value())
		if err != nil {
			t.Fatal(err)
		}
		if len(data) > 0 {
			o.streams++
		}
		if e.attr("End") == "true" {
			o.ends++
		}
		switch e.attr("Name") {
		case "stdout":
			o.stdout = append(o.stdout, data...)
		case "stderr":
			o.stderr = append(o.stderr, data...)
		default:
			t.Errorf("stream %q", e.attr("Name"))
		}
	}
	state := r.child(nsShell, "CommandState")
	o.state = strings.TrimPrefix(state.attr("State"), commandState)
	if code := state.child(nsShell, "ExitCode"); code != nil {
		var err error
		if o.exit, err = strconv.ParseInt(code.value(), 10, 64); err != nil {
			t.Error(err)
		}
	}
}

// receiveAll receives until the command is done, and says how often it asked.
func (c *caller) receiveAll(shell, command string) (o received, asked int) {
	c.t.Helper()
	for o.state != "Done" {
		r := c.call(actionReceive, shell, receiveBody(command))
		asked++
		if code, _, _ := r.fault(); code == 2150858793 {
			continue
		}
		o.read(c.t, c.ok(r))
	}
	return o, asked
}

const terminate = signalPrefix + "terminate"

func (c *caller) signal(shell, command, code string) reply {
	c.t.Helper()
	return c.call(actionSignal, shell, `<rsp:Signal CommandId="`+command+`"><rsp:Code>`+code+`</rsp:Code></rsp:Signal>`)
}

func (c *caller) delete(shell string) reply {
	c.t.Helper()
	return c.call(actionDelete, shell, "")
}

// run runs one command with a whole shell around it.
func (c *caller) run(line, stdin string) received {
	c.t.Helper()
	shell := c.create()
	command := c.start(shell, line)
	if stdin != "" {
		c.ok(c.send(shell, command, []byte(stdin), true))
	}
	o, _ := c.receiveAll(shell, command)
	c.ok(c.signal(shell, command, terminate))
	c.ok(c.delete(shell))
	return o
}

// fault reads a SOAP fault: the number, the subcode and the text. 0: none.
func (r reply) fault() (code uint32, subcode, text string) {
	f := r.root.child(nsSoap, "Body").child(nsSoap, "Fault")
	if f == nil {
		return 0, "", ""
	}
	detail := f.child(nsSoap, "Detail")
	number := detail.child(nsFault, "WSManFault").attr("Code")
	for _, e := range detail.children {
		if e.name.Local == "MSFT_WmiError" {
			for _, c := range e.children {
				if c.name.Local == "error_Code" {
					number = c.value()
				}
			}
		}
	}
	n, _ := strconv.ParseUint(number, 10, 32)
	c := f.child(nsSoap, "Code")
	subcode = c.child(nsSoap, "Subcode").child(nsSoap, "Value").value()
	if subcode == "" {
		subcode = c.child(nsSoap, "Value").value()
	}
	return uint32(n), subcode, f.child(nsSoap, "Reason").child(nsSoap, "Text").value()
}

// wantFault fails unless an answer is that fault.
func wantFault(t *testing.T, r reply, code uint32, subcode string) {
	t.Helper()
	got, sub, text := r.fault()
	if r.status != http.StatusInternalServerError || got != code || sub != subcode {
		t.Errorf("status %d, fault %d %s %q, want 500, %d %s: %s", r.status, got, sub, text, code, subcode, bytes.TrimSpace(r.text))
	}
}
