package windows

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// server answers the preludes of a host's engines on a Unix socket. A request is one
// line, the JSON array [OPERATION, ARGUMENT...]; the answer is one line, {"v":VALUE} or
// {"hr":HRESULT}, and for a registry key a second one with its values.
type server struct {
	host    *Host
	dir     string
	path    string
	prelude string
	l       net.Listener

	mu      sync.Mutex
	callers map[string]caller
	conns   map[net.Conn]struct{}
	closed  bool
	done    sync.WaitGroup
}

// caller is whose process asks.
type caller struct {
	account string
	admin   bool
	system  bool            // SYSTEM, whatever else is said
	life    context.Context // once it has ended nothing of the caller's is done any more; nil: for ever
}

func serveModel(h *Host) (*server, error) {
	dir, err := os.MkdirTemp("", "farmwall-host-") // a socket's path has room for 107 bytes
	if err != nil {
		return nil, err
	}
	s := &server{host: h, dir: dir, path: filepath.Join(dir, "s"), callers: map[string]caller{}, conns: map[net.Conn]struct{}{}}
	if s.prelude, err = writePrelude(dir); err == nil {
		s.l, err = net.Listen("unix", s.path)
	}
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	s.done.Go(func() {
		for {
			c, err := s.l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			if s.closed {
				c.Close()
			} else {
				s.conns[c] = struct{}{}
				s.done.Go(func() { s.serve(c) })
			}
			s.mu.Unlock()
		}
	})
	return s, nil
}

func (s *server) close() error {
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.l.Close()
	s.done.Wait()
	return os.RemoveAll(s.dir)
}

func (s *server) admit(c caller) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ticket := rand.Text()
	s.callers[ticket] = c
	return ticket
}

func (s *server) dismiss(ticket string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.callers, ticket)
}

// serve talks with one engine.
func (s *server) serve(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	r := bufio.NewReaderSize(c, 64<<10)
	w := bufio.NewWriterSize(c, 64<<10)
	d := &desk{host: s.host, objects: map[int]*RuleObject{}}
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		var q []any
		reply := answer{}
		if err := json.Unmarshal(line, &q); err != nil || len(q) == 0 {
			reply.Text = fmt.Sprintf("malformed request: %v", err)
			reply.HR = uint32(EUnexpected)
		} else if op, _ := q[0].(string); op == "hello" {
			ticket, _ := q[1].(string)
			s.mu.Lock()
			d.caller = s.callers[ticket]
			s.mu.Unlock()
		} else {
			reply = d.do(op, q[1:])
		}
		text, err := json.Marshal(reply)
		if err != nil {
			return
		}
		w.Write(append(text, '\n'))
		if reply.bulk != nil {
			w.Write(reply.bulk)
			w.WriteByte('\n')
		}
		if w.Flush() != nil {
			return
		}
	}
}

type answer struct {
	Value any    `json:"v"`
	HR    uint32 `json:"hr,omitempty"`
	Text  string `json:"text,omitempty"`
	bulk  []byte
}
