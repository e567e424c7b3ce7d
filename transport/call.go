package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// promptSilence is how long sudo may stay silent before the password is sent
	// unasked: a PAM module can replace the prompt that we asked for.
	promptSilence = 3 * time.Second
	// sudoPatience is how long sudo may think about a password. PAM delays wrong
	// ones by some seconds, and a directory service may be slow.
	sudoPatience = 30 * time.Second
	// stderrLag is how long stderr may come after the end of a failed script.
	stderrLag = time.Second
)

// Process is a started command, as a transport sees it. All of its reads and
// Wait must fail soon after the context of the call has ended.
type Process struct {
	Stdin          io.WriteCloser
	Stdout, Stderr io.Reader
	// Wait returns the exit status, after Stdout and Stderr have ended. An error
	// means that the command's end was not seen.
	Wait func() (int, error)
}

// Talk gives the started command its input and returns what the script
// printed. Its errors are those of Conn.Run.
func (c *Call) Talk(ctx context.Context, p Process) ([]byte, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &talk{ready: make(chan struct{}), over: make(chan struct{}), words: collect(p.Stderr)}
	fed := make(chan error, 1)
	go func() { fed <- c.input(ctx, p.Stdin, t) }()

	f := newFrame(c.frame)
	err := c.read(f, p.Stdout, t)
	switch {
	case f.done && f.status == 0:
		return f.output(), nil
	case f.done:
		t.words.wait(stderrLag)
		return nil, &ExitError{Script: c.script.Name, Code: f.status, Stderr: t.words.bytes()}
	}
	close(t.over)
	if err != nil {
		return nil, c.broke(err)
	}
	status, err := p.Wait()
	if err != nil {
		return nil, c.broke(err)
	}
	t.words.wait(stderrLag)
	if f.begun {
		return nil, c.broke(fmt.Errorf("the script ended in the middle, exit status %d: %s", status, Printable(t.words.bytes())))
	}
	select {
	case err := <-fed:
		// A gate that stayed shut is the reason, whatever sudo made of it.
		if errors.Is(err, ErrNotTried) {
			return nil, &Error{Op: "sudo", Err: err, NotRun: true, Hint: hintNotTried}
		}
	case <-time.After(stderrLag):
	}
	return nil, c.neverBegan(status, t.words, f.buf)
}

// read feeds the frame until it is complete, the output ends (nil) or fails.
func (c *Call) read(f *frame, r io.Reader, t *talk) error {
	buf := make([]byte, 32<<10)
	ready := false
	for {
		n, err := r.Read(buf)
		if ferr := f.feed(buf[:n]); ferr != nil {
			return ferr
		}
		if f.ready && !ready {
			ready = true
			close(t.ready)
		}
		if f.done || err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (c *Call) broke(err error) error {
	return &Error{Op: "run " + c.script.Name, Err: fmt.Errorf("%w: %w", ErrLineBroke, err)}
}

// input writes the password, where sudo asks for it, then the frame's line and
// the data. An error says why the password was not sent.
func (c *Call) input(ctx context.Context, w io.WriteCloser, t *talk) error {
	defer w.Close()
	if c.sudo.Use && !c.sudo.Password.Empty() {
		if err := c.password(ctx, w, t); err != nil {
			return err
		}
	}
	// One write, and so one packet, for what is small.
	head := append([]byte(c.frame), '\n')
	rest := c.script.Input
	if len(rest) < 16<<10 {
		head, rest = append(head, rest...), nil
	}
	if _, err := w.Write(head); err != nil {
		return nil
	}
	w.Write(rest) // a script may end without reading all of it
	return nil
}
