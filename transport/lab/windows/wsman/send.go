package wsman

import (
	"context"
	"encoding/base64"
	"strings"
	"time"
)

func (s *Service) send(ctx context.Context, r request) (string, *fault) {
	sh, f := s.shellOf(r)
	if f != nil {
		return "", f
	}
	e := r.body.child(nsShell, "Send")
	if e == nil || len(e.children) == 0 {
		return "", faultSchema()
	}
	if !sh.input {
		return "", faultNoInput()
	}
	var data []byte
	var c *command
	over := false
	for _, stream := range e.children {
		if stream.name.Local != "Stream" || stream.attr("Name") != "stdin" {
			return "", faultNoInput()
		}
		if c, f = s.commandOf(sh, stream.attr("CommandId")); f != nil {
			return "", f
		}
		part, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(stream.text), ""))
		if err != nil {
			return "", faultSchema()
		}
		data = append(data, part...)
		over = over || strings.EqualFold(stream.attr("End"), "true")
	}
	s.mu.Lock()
	busy := strikes(&s.faults.Busy)
	s.mu.Unlock()
	if busy {
		return "", faultBusy()
	}
	if f := c.feed(ctx, data, over, r.wait); f != nil {
		return "", f
	}
	return "<rsp:SendResponse/>", nil
}

// feed gives the process input, and waits until the pipe has taken it. What the
// pipe has not taken in time is delivered later all the same.
func (c *command) feed(ctx context.Context, data []byte, over bool, wait time.Duration) *fault {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.aborted:
		return faultAborted()
	case c.ended || c.in.over:
		return faultPipeEnded()
	case len(c.in.data) > inputSize:
		return faultBusy()
	}
	c.in.data = append(c.in.data, data...)
	c.in.over = c.in.over || over
	c.wake()
	for len(c.in.data) > inputSize {
		changed := c.changed
		c.mu.Unlock()
		late := false
		select {
		case <-changed:
		case <-deadline.C:
			late = true
		case <-ctx.Done():
			late = true
		}
		c.mu.Lock()
		switch {
		case c.aborted:
			return faultAborted()
		case c.in.unread:
			return faultPipeEnded()
		case late && len(c.in.data) > inputSize:
			return faultTimedOut()
		}
	}
	return nil
}
