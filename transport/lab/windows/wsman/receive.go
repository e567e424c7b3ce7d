package wsman

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

var streams = [2]string{"stdout", "stderr"}

func (s *Service) receive(ctx context.Context, r request) (string, *fault) {
	sh, f := s.shellOf(r)
	if f != nil {
		return "", f
	}
	e := r.body.child(nsShell, "Receive").child(nsShell, "DesiredStream")
	id := e.attr("CommandId")
	if id == "" {
		return "", faultParameter()
	}
	c, f := s.commandOf(sh, id)
	if f != nil {
		return "", f
	}
	wanted := strings.Fields(e.value())
	s.mu.Lock()
	cut, split := strikes(&s.faults.Reset), s.faults.SplitRunes
	s.mu.Unlock()
	if cut {
		r.line.reset()
		panic(http.ErrAbortHandler)
	}
	if f := c.await(ctx, r.wait, s.gather(), func(waiting int) bool { return waiting >= room(r.maxEnvelope) }); f != nil {
		return "", f
	}
	return c.take(wanted, room(r.maxEnvelope), split)
}

func (s *Service) gather() time.Duration {
	if s.o.Gather == 0 {
		return 50 * time.Millisecond
	}
	return s.o.Gather
}

// room is how many bytes of output fit into an answer: base64 in two Streams, each
// with its tags, inside an envelope.
func room(envelope int) int { return (envelope - 3000) / 4 * 3 }

// await waits until there is output worth an answer, or the command has ended.
func (c *command) await(ctx context.Context, wait, gather time.Duration, full func(waiting int) bool) *fault {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	held := time.NewTimer(time.Until(c.visible))
	defer held.Stop()
	isHeld := time.Now().Before(c.visible)
	var more <-chan time.Time
	for {
		c.mu.Lock()
		waiting, over, aborted, changed := len(c.out[0].data)+len(c.out[1].data), c.ended, c.aborted, c.changed
		c.mu.Unlock()
		switch {
		case aborted:
			return faultAborted()
		case !isHeld && (over || full(waiting)):
			return nil
		case !isHeld && waiting > 0 && gather < 0:
			return nil
		case !isHeld && waiting > 0 && more == nil:
			more = time.After(gather)
		}
		select {
		case <-changed:
		case <-more:
			return nil
		case <-held.C:
			isHeld = false
		case <-deadline.C:
			if more != nil {
				return nil
			}
			return faultTimedOut()
		case <-ctx.Done():
			return nil
		}
	}
}

// take builds the answer from what has been put out so far.
func (c *command) take(wanted []string, room int, split bool) (string, *fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborted {
		return "", faultAborted()
	}
	var b strings.Builder
	b.WriteString("<rsp:ReceiveResponse>")
	id := escape(c.id)
	open := func(name string) { b.WriteString(`<rsp:Stream Name="` + name + `" CommandId="` + id + `"`) }
	left := false
	for i, name := range streams {
		o := &c.out[i]
		if !slices.Contains(wanted, name) {
			continue
		}
		n := min(room, len(o.data))
		for _, piece := range pieces(o.data[:n], split) {
			open(name)
			b.WriteString(">" + base64.StdEncoding.EncodeToString(piece) + "</rsp:Stream>")
		}
		room -= n
		if o.data = o.data[n:]; len(o.data) == 0 {
			o.data = nil
		}
		left = left || o.data != nil
	}
	c.wake()
	if !c.ended || left {
		b.WriteString(`<rsp:CommandState CommandId="` + id + `" State="` + commandState + `Running"/></rsp:ReceiveResponse>`)
		return b.String(), nil
	}
	for _, name := range streams {
		if slices.Contains(wanted, name) {
			open(name)
			b.WriteString(` End="true"></rsp:Stream>`)
		}
	}
	b.WriteString(`<rsp:CommandState CommandId="` + id + `" State="` + commandState + `Done"><rsp:ExitCode>` +
		strconv.FormatInt(c.exit, 10) + "</rsp:ExitCode></rsp:CommandState></rsp:ReceiveResponse>")
	return b.String(), nil
}

// pieces cuts output for several Streams: after the first byte of the first few
// characters that have more than one.
func pieces(data []byte, split bool) [][]byte {
	if len(data) == 0 {
		return nil
	}
	var all [][]byte
	for i := 0; split && i+1 < len(data) && len(all) < 3; i++ {
		if data[i] >= 0xC0 {
			all = append(all, data[:i+1])
			data, i = data[i+1:], -1
		}
	}
	return append(all, data)
}
