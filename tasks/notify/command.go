package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// command starts a program, without a shell, and gives it the message as JSON on
// standard input: exec:/usr/local/bin/tell?arg=one&arg=two.
type command struct {
	base
	program string
	args    []string
}

func newCommand(b base) (Receiver, error) {
	u := b.address.URL
	c := &command{base: b, program: u.Path}
	if u.Opaque != "" {
		c.program = u.Opaque // C:/tell.exe
	}
	if u.Host != "" || u.User != nil || !filepath.IsAbs(filepath.FromSlash(c.program)) {
		return nil, errors.New("it names no program; it is written as in exec:/usr/local/bin/tell?arg=one")
	}
	for name, values := range u.Query() {
		if name != "arg" {
			return nil, fmt.Errorf("there is no %q in a program's URL; there is arg", clean(name))
		}
		c.args = values
	}
	path, err := exec.LookPath(filepath.FromSlash(c.program))
	if err != nil {
		return nil, errors.New("the program is not there, or may not be run")
	}
	c.program = path
	return c, nil
}

// Send runs the program; an exit code other than 0 is a failure.
func (c *command) Send(ctx context.Context, m *Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return Final{err}
	}
	run := exec.CommandContext(ctx, c.program, c.args...)
	run.Stdin = bytes.NewReader(append(body, '\n'))
	said := &firstBytes{left: 300}
	run.Stderr = said
	run.WaitDelay = time.Second
	if err := run.Run(); err != nil {
		if ctx.Err() != nil {
			return ended(ctx, err)
		}
		text := strings.Join(strings.Fields(said.text.String()), " ")
		return c.address.scrub(fmt.Errorf("%w: %s", err, text))
	}
	return nil
}

// firstBytes keeps the beginning of what is written.
type firstBytes struct {
	text bytes.Buffer
	left int
}

func (f *firstBytes) Write(b []byte) (int, error) {
	n := min(len(b), f.left)
	f.text.Write(b[:n])
	f.left -= n
	return len(b), nil
}
