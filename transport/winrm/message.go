package winrm

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	lib "github.com/masterzen/winrm"
	"github.com/masterzen/winrm/soap"
)

const (
	// envelopeSize is what the oldest hosts take and give (MaxEnvelopeSizekb 150).
	envelopeSize = 150 << 10
	// piece is the most raw input in one Send: base64 and the envelope make 133,000
	// bytes of it.
	piece = 96 << 10

	resourceShell   = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
	actionCreate    = soap.NS_TRANSFER + "/Create"
	actionDelete    = soap.NS_TRANSFER + "/Delete"
	actionCommand   = soap.NS_WIN_SHELL + "/Command"
	actionSend      = soap.NS_WIN_SHELL + "/Send"
	actionReceive   = soap.NS_WIN_SHELL + "/Receive"
	actionSignal    = soap.NS_WIN_SHELL + "/Signal"
	roleAnonymous   = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
	messageIDBefore = "<a:MessageID>"
)

// message is one request.
type message struct {
	action string // empty: Identify
	text   string
}

// id is the message's own identity, to which the answer must relate.
func (m message) id() string {
	_, after, _ := strings.Cut(m.text, messageIDBefore)
	id, _, _ := strings.Cut(after, "<")
	return id
}

// requests makes the requests to one host. The library writes what it is given
// into the XML as it is: the URL is escaped here, and the ids of shells and
// commands, which come from the host, hold nothing to escape (see checkID).
type requests struct {
	url    string
	params *lib.Parameters
}

func newRequests(url string, hold time.Duration) requests {
	return requests{escape(url), &lib.Parameters{Timeout: fmt.Sprintf("PT%.3fS", max(hold, 500*time.Millisecond).Seconds()), Locale: "en-US", EnvelopeSize: envelopeSize}}
}

func escape(text string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

// header begins a request whose options the library would fix otherwise.
func (m requests) header(s *soap.SoapMessage, action string) *soap.SoapHeader {
	return s.Header().To(m.url).ReplyTo(roleAnonymous).MaxEnvelopeSize(m.params.EnvelopeSize).Id(newID()).
		Locale(m.params.Locale).Timeout(m.params.Timeout).Action(action).ResourceURI(resourceShell)
}

// newID is a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// create opens a shell without the user's profile, whose text is UTF-8.
func (m requests) create() message {
	s := soap.NewMessage()
	m.header(s, actionCreate).
		AddOption(soap.NewHeaderOption("WINRS_NOPROFILE", "TRUE")).
		AddOption(soap.NewHeaderOption("WINRS_CODEPAGE", "65001")).Build()
	shell := s.CreateBodyElement("Shell", soap.DOM_NS_WIN_SHELL)
	s.CreateElement(shell, "InputStreams", soap.DOM_NS_WIN_SHELL).SetContent("stdin")
	s.CreateElement(shell, "OutputStreams", soap.DOM_NS_WIN_SHELL).SetContent("stdout stderr")
	return message{actionCreate, s.String()}
}

// command starts a command whose standard input is a pipe, which ends.
func (m requests) command(shell, line string) message {
	s := soap.NewMessage()
	m.header(s, actionCommand).ShellId(shell).
		AddOption(soap.NewHeaderOption("WINRS_CONSOLEMODE_STDIN", "FALSE")).
		AddOption(soap.NewHeaderOption("WINRS_SKIP_CMD_SHELL", "FALSE")).Build()
	body := s.CreateBodyElement("CommandLine", soap.DOM_NS_WIN_SHELL)
	s.CreateElement(body, "Command", soap.DOM_NS_WIN_SHELL).SetContent(escape(line))
	return message{actionCommand, s.String()}
}

// send gives the command a piece of its standard input.
func (m requests) send(shell, command string, input []byte, last bool) message {
	return message{actionSend, lib.NewSendInputRequest(m.url, shell, command, input, last, m.params).String()}
}

func (m requests) receive(shell, command string) message {
	return message{actionReceive, lib.NewGetOutputRequest(m.url, shell, command, "stdout stderr", m.params).String()}
}

// terminate ends a command, or releases one that has ended.
func (m requests) terminate(shell, command string) message {
	return message{actionSignal, lib.NewSignalRequest(m.url, shell, command, m.params).String()}
}

func (m requests) remove(shell string) message {
	return message{actionDelete, lib.NewDeleteShellRequest(m.url, shell, m.params).String()}
}

// identify asks who is there.
func identify() message {
	return message{text: `<s:Envelope xmlns:s="` + soap.NS_SOAP_ENV + `" xmlns:wsmid="` + nsIdentity + `"><s:Header/><s:Body><wsmid:Identify/></s:Body></s:Envelope>`}
}

const nsIdentity = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"

// checkID refuses an id that could be more than an id where it is written.
func checkID(id string) error {
	for _, r := range id {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '{', r == '}', r == ':', r == '_', r == '.':
		default:
			return fmt.Errorf("the host's id %q is none", id)
		}
	}
	if id == "" || len(id) > 128 {
		return fmt.Errorf("the host's answer has no id, or one of %d characters", len(id))
	}
	return nil
}
