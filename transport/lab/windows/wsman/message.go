package wsman

import (
	"strconv"
	"strings"
	"time"
)

// message is one request of a client.
type message struct {
	action, id, resource string
	// maxEnvelope is what the client can take, in bytes.
	maxEnvelope int
	// wait is the OperationTimeout.
	wait      time.Duration
	selectors map[string]string
	// options by their names in upper case: clients differ.
	options map[string]string
	body    *element
}

// known are the header elements that this service understands.
var known = map[string]map[string]bool{
	nsAddressing: {"To": true, "ReplyTo": true, "FaultTo": true, "From": true, "MessageID": true, "Action": true, "RelatesTo": true},
	nsWsman:      {"MaxEnvelopeSize": true, "OperationTimeout": true, "ResourceURI": true, "SelectorSet": true, "OptionSet": true, "Locale": true},
	nsMicrosoft:  {"DataLocale": true, "SessionId": true, "OperationID": true, "SequenceId": true, "ActivityId": true},
	nsShell:      {"CompressionType": true},
}

// newMessage reads the header of an envelope. The message is never nil, so that a
// fault can name what it answers.
func newMessage(root *element) (*message, *fault) {
	m := &message{maxEnvelope: defaultEnvelope, wait: maxWait, selectors: map[string]string{}, options: map[string]string{}}
	header := root.child(nsSoap, "Header")
	m.body = root.child(nsSoap, "Body")
	m.id = header.child(nsAddressing, "MessageID").value()
	m.action = header.child(nsAddressing, "Action").value()
	m.resource = header.child(nsWsman, "ResourceURI").value()
	if root.name.Space != nsSoap || root.name.Local != "Envelope" || header == nil || m.body == nil {
		return m, faultBody()
	}
	for _, e := range header.children {
		if !known[e.name.Space][e.name.Local] && mustUnderstand(e) {
			return m, faultNotUnderstood(e.name.Local)
		}
	}
	for _, want := range []string{"Action", "MessageID", "To", "ReplyTo"} {
		if e := header.child(nsAddressing, want); e.value() == "" && e.child(nsAddressing, "Address").value() == "" {
			return m, faultHeaderMissing(want)
		}
	}
	if e := header.child(nsWsman, "SelectorSet"); e != nil {
		for _, s := range e.children {
			m.selectors[s.attr("Name")] = s.value()
		}
	}
	if e := header.child(nsWsman, "OptionSet"); e != nil {
		for _, o := range e.children {
			m.options[strings.ToUpper(o.attr("Name"))] = o.value()
		}
	}
	return m, m.limits(header)
}

// limits reads MaxEnvelopeSize and OperationTimeout (facts of MS-WSMV 3.1.4.1.7).
func (m *message) limits(header *element) *fault {
	if e := header.child(nsWsman, "MaxEnvelopeSize"); e != nil {
		n, err := strconv.ParseUint(e.value(), 10, 32)
		if err != nil || n < minEnvelope {
			return faultEnvelopeSmall()
		}
		m.maxEnvelope = int(min(n, 1<<30))
	}
	if e := header.child(nsWsman, "OperationTimeout"); e != nil {
		d, err := parseDuration(e.value())
		if err != nil || d < 0 {
			return faultTimeoutHeader()
		}
		m.wait = min(max(d, minWait), maxWait)
	}
	return nil
}

func mustUnderstand(e *element) bool {
	for _, a := range e.attrs {
		if a.Name.Local == "mustUnderstand" && a.Name.Space == nsSoap {
			return a.Value == "true" || a.Value == "1"
		}
	}
	return false
}

// truth reads an option: TRUE, True and 1 are true.
func (m *message) truth(option string) bool {
	v := m.options[option]
	return strings.EqualFold(v, "true") || v == "1"
}

const (
	defaultEnvelope = 153600 // what clients send who were not told otherwise
	minEnvelope     = 8192
	// A real host holds a Receive no shorter and no longer than these.
	minWait = 500 * time.Millisecond
	maxWait = 60 * time.Second // MaxTimeoutms
)
