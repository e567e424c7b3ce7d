package winrm

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"

	lib "github.com/masterzen/winrm"
)

// envelope is what an answer may hold. Elements are found by their place and
// local name: hosts differ in prefixes and in what they leave out.
type envelope struct {
	XMLName xml.Name
	Action  string `xml:"Header>Action"`
	Relates string `xml:"Header>RelatesTo"`
	Body    struct {
		Selectors []struct {
			Name string `xml:"Name,attr"`
			Text string `xml:",chardata"`
		} `xml:"ResourceCreated>ReferenceParameters>SelectorSet>Selector"`
		Shell struct {
			ClientIP string
		}
		Streams []struct {
			Text string `xml:",chardata"`
		} `xml:"ReceiveResponse>Stream"`
		State *struct {
			State    string  `xml:"State,attr"`
			ExitCode *string `xml:"ExitCode"`
		} `xml:"ReceiveResponse>CommandState"`
		Identify *struct {
			Vendor   string   `xml:"ProductVendor"`
			Version  string   `xml:"ProductVersion"`
			Protocol string   `xml:"ProtocolVersion"`
			Profiles []string `xml:"SecurityProfiles>SecurityProfileName"`
		} `xml:"IdentifyResponse"`
		Fault *soapFault
	}
	text string
	date string // of the HTTP answer
}

const stateDone = "/CommandState/Done"

var errForm = errors.New("the answer is no message of WS-Management")

// parseEnvelope reads an answer to the message. A fault is an error, *Fault.
func parseEnvelope(body []byte, to message) (*envelope, error) {
	e := &envelope{text: string(body)}
	if tooDeep(body) {
		return nil, errForm
	}
	if err := xml.Unmarshal(body, e); err != nil || e.XMLName.Local != "Envelope" {
		return nil, errForm
	}
	if e.Body.Fault != nil {
		return nil, e.Body.Fault.read()
	}
	if to.action == "" {
		if e.Body.Identify == nil {
			return nil, errForm
		}
		return e, nil
	}
	if e.Action = strings.TrimSpace(e.Action); e.Action != to.action+"Response" {
		return nil, fmt.Errorf("%w that answers the request: %q", errForm, e.Action)
	}
	if at := strings.TrimSpace(e.Relates); at != "" && !strings.EqualFold(at, to.id()) {
		return nil, fmt.Errorf("%w that answers the request: it relates to %q", errForm, at)
	}
	return e, nil
}

// guarded calls a parser of the library, which takes some answers apart without
// looking whether they are whole.
func guarded(parse func() error) (err error) {
	defer func() {
		if recover() != nil {
			err = errForm
		}
	}()
	return parse()
}

// shell is the id of the shell that a Create made. Old hosts name it only in the
// selector.
func (e *envelope) shell() (id string, err error) {
	err = guarded(func() (err error) {
		id, err = lib.ParseOpenShellResponse(e.text)
		return err
	})
	for _, s := range e.Body.Selectors {
		if id == "" && s.Name == "ShellId" {
			id = strings.TrimSpace(s.Text)
		}
	}
	if err == nil {
		err = checkID(id)
	}
	return id, err
}

// command is the id of the command that was started.
func (e *envelope) command() (id string, err error) {
	err = guarded(func() (err error) {
		id, err = lib.ParseExecuteCommandResponse(e.text)
		return err
	})
	if err == nil {
		err = checkID(id)
	}
	return id, err
}

// output is what a Receive brought; done: the command has ended.
func (e *envelope) output() (stdout, stderr []byte, done bool, exit int64, err error) {
	for _, s := range e.Body.Streams {
		// The library takes what is no base64 for nothing.
		if _, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s.Text)); err != nil {
			return nil, nil, false, 0, fmt.Errorf("%w: a stream is no base64", errForm)
		}
	}
	if s := e.Body.State; s != nil && strings.HasSuffix(s.State, stateDone) && s.ExitCode != nil {
		// A 32-bit status may come with a sign or without.
		if exit, err = strconv.ParseInt(strings.TrimSpace(*s.ExitCode), 10, 64); err != nil {
			return nil, nil, false, 0, fmt.Errorf("%w: the exit code is %q", errForm, *s.ExitCode)
		}
	}
	var out, words bytes.Buffer
	err = guarded(func() (err error) {
		done, _, err = lib.ParseSlurpOutputErrResponse(e.text, &out, &words)
		return err
	})
	return out.Bytes(), words.Bytes(), done, exit, err
}
