package wsman

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

const soapType = "application/soap+xml;charset=UTF-8"

// answer is the HTTP half of the service: what is no request for WinRM, who asks,
// and how the messages are wrapped.
func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	l := lineOf(r)
	f, tooMany := s.begin()
	defer s.end()
	w.Header().Set("Server", "Microsoft-HTTPAPI/2.0")
	body, bodyErr := s.readBody(r)
	_, hasLength := r.Header["Content-Length"]
	switch {
	case f.Silent:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Status != 0:
		page(w, f.Status)
		return
	case tooMany:
		page(w, http.StatusServiceUnavailable)
		return
	case !strings.EqualFold(r.URL.Path, "/wsman") && !strings.EqualFold(r.URL.Path, anonymousPath):
		page(w, http.StatusNotFound)
		return
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		page(w, http.StatusMethodNotAllowed)
		return
	case !hasLength:
		page(w, http.StatusLengthRequired)
		return
	case strings.EqualFold(r.URL.Path, anonymousPath) || strings.EqualFold(r.Header.Get("WSMANIDENTIFY"), "unauthenticated"):
		s.identifyAnonymous(w, body)
		return
	}
	who := s.authenticate(w, r, l, len(body) == 0 && bodyErr == nil)
	if who == nil {
		return
	}
	if bodyErr != nil {
		w.Header().Set("Connection", "close")
		status(w, http.StatusRequestEntityTooLarge)
		return
	}
	if len(body) == 0 {
		status(w, http.StatusOK)
		return
	}
	s.answerMessage(w, r, l, who, body)
}

// begin counts a request, and says whether they are too many at a time.
func (s *Service) begin() (f Faults, tooMany bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Requests++
	s.busy++
	return s.faults, s.busy > int(s.quotas.MaxConnections)
}

func (s *Service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
}

var errTooLarge = errors.New("the request is larger than MaxEnvelopeSizekb")

// sealedExtra is what sealing may add to a message: the parts' heads and signatures.
const sealedExtra = 2048

// drained is how much of a request that is too large is read all the same.
const drained = 64 << 20

func (s *Service) readBody(r *http.Request) ([]byte, error) {
	most := int64(s.quotas.MaxEnvelopeSizekb) * 1024
	if isSealed(r) {
		most += sealedExtra
	}
	if r.ContentLength > most {
		// A client that is still sending would not read the answer.
		io.CopyN(io.Discard, r.Body, drained)
		return nil, errTooLarge
	}
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	n, err := b.ReadFrom(io.LimitReader(r.Body, most+1))
	if n > most {
		return nil, errTooLarge
	}
	return b.Bytes(), err
}

// answerMessage unwraps a message, has it answered and wraps the answer alike.
func (s *Service) answerMessage(w http.ResponseWriter, r *http.Request, l *line, who *identity, body []byte) {
	sealed, protocol := isSealed(r), ""
	if sealed {
		var err error
		if body, protocol, err = unsealBody(l.context, r.Header.Get("Content-Type"), body); err != nil {
			status(w, http.StatusBadRequest)
			return
		}
		if len(body) > int(s.quotas.MaxEnvelopeSizekb)*1024 {
			w.Header().Set("Connection", "close")
			status(w, http.StatusRequestEntityTooLarge)
			return
		}
	} else if r.TLS == nil {
		s.count(func(c *Counts) { c.Unsealed++ })
		if !s.o.AllowUnencrypted {
			s.refuseUnsealed(w, l)
			return
		}
	}
	code, text := s.serve(r.Context(), l, who, body)
	kind := soapType
	if text == nil { // the client is gone
		panic(http.ErrAbortHandler)
	}
	if sealed {
		var err error
		if text, kind, err = sealBody(l.context, protocol, text); err != nil {
			status(w, http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", kind)
	s.write(w, code, text)
}

// write sends an answer whole, or in chunks.
func (s *Service) write(w http.ResponseWriter, code int, text []byte) {
	if !s.Faults().Chunked {
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(code)
		w.Write(text)
		return
	}
	w.WriteHeader(code)
	flush := http.NewResponseController(w)
	for len(text) > 0 {
		n := min(len(text), 700)
		w.Write(text[:n])
		flush.Flush()
		text = text[n:]
	}
}

// status answers without a body, as clients in the middle of a handshake need it.
func status(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(code)
}

// page answers as HTTP.sys and other web servers do.
func page(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "text/html; charset=us-ascii")
	text := "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\r\n" +
		"<HTML><HEAD><TITLE>" + http.StatusText(code) + "</TITLE></HEAD><BODY><h2>" + http.StatusText(code) +
		"</h2><hr><p>HTTP Error " + strconv.Itoa(code) + ".</p></BODY></HTML>\r\n"
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	io.WriteString(w, text)
}
