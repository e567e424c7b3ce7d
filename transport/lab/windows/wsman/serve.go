package wsman

import (
	"context"
	"net/http"
)

// request is one message on its way through the service.
type request struct {
	*message
	line *line
	who  *identity
}

// operation answers a message with the content of the answer's body.
type operation func(s *Service, ctx context.Context, r request) (body string, f *fault)

// serve answers a message: the SOAP half of the service. nil: nobody waits for
// the answer any more.
func (s *Service) serve(ctx context.Context, l *line, who *identity, text []byte) (int, []byte) {
	s.count(func(c *Counts) { c.Messages++ })
	root, err := readXML(text)
	if err == nil && isIdentify(root) {
		return http.StatusOK, s.identifyAnswer(true)
	}
	var m *message
	var f *fault
	if err != nil {
		m, f = &message{}, faultXML()
	} else {
		m, f = newMessage(root)
	}
	var body string
	if f == nil {
		var do operation
		if do, f = s.operation(m); f == nil {
			body, f = do(s, ctx, request{m, l, who})
		}
	}
	if ctx.Err() != nil {
		return 0, nil
	}
	modern := s.o.Release.modern()
	if f != nil {
		s.count(func(c *Counts) { c.Faults++ })
		return http.StatusInternalServerError, envelope(f.action(), m.id, f.xml(s.o.name()), modern)
	}
	text = envelope(m.action+"Response", m.id, body, modern)
	if len(text) > m.maxEnvelope {
		f = faultEnvelopeFull()
		return http.StatusInternalServerError, envelope(f.action(), m.id, f.xml(s.o.name()), modern)
	}
	return http.StatusOK, text
}

// operation finds what an action on a resource does, and counts it.
func (s *Service) operation(m *message) (operation, *fault) {
	var do operation
	var counter func(c *Counts) *int
	switch m.action {
	case actionCreate:
		do, counter = (*Service).create, func(c *Counts) *int { return &c.Create }
	case actionCommand:
		do, counter = (*Service).command, func(c *Counts) *int { return &c.Command }
	case actionSend:
		do, counter = (*Service).send, func(c *Counts) *int { return &c.Send }
	case actionReceive:
		do, counter = (*Service).receive, func(c *Counts) *int { return &c.Receive }
	case actionSignal:
		do, counter = (*Service).signal, func(c *Counts) *int { return &c.Signal }
	case actionDelete:
		do, counter = (*Service).delete, func(c *Counts) *int { return &c.Delete }
	case actionGet:
		do, counter = (*Service).config, func(c *Counts) *int { return &c.Get }
	default:
		return nil, faultAction(m.action)
	}
	s.count(func(c *Counts) { *counter(c)++ })
	want := resourceCmd
	if m.action == actionGet {
		want = resourceConfig
	}
	if m.resource != want {
		return nil, faultResource()
	}
	return do, nil
}
