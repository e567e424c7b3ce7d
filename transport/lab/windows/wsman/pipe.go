package wsman

import "io"

// output is the host's end of a command's stdout or stderr.
type output struct {
	c    *command
	data []byte
}

// Write waits while the pipe is full. It fails once the process is to end.
func (o *output) Write(p []byte) (n int, err error) {
	c := o.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(p) > 0 {
		if c.aborted || c.ended {
			return n, io.ErrClosedPipe
		}
		if room := outputSize - len(o.data); room > 0 {
			k := min(room, len(p))
			o.data = append(o.data, p[:k]...)
			n, p = n+k, p[k:]
			c.wake()
			continue
		}
		changed := c.changed
		c.mu.Unlock()
		<-changed
		c.mu.Lock()
	}
	return n, nil
}

// input is the host's end of a command's stdin.
type input struct {
	c    *command
	data []byte
	over bool // End="true" was sent
	// canEnd: after that the process reads the end of the file. With a console for
	// input (WINRS_CONSOLEMODE_STDIN) it never does.
	canEnd bool
	// unread: the process ended before it had read all.
	unread bool
}

// Read waits for input. It ends when the process is to end.
func (i *input) Read(p []byte) (int, error) {
	c := i.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if c.aborted || c.ended || c.broken {
			return 0, io.EOF
		}
		if len(i.data) > 0 {
			n := copy(p, i.data)
			if i.data = i.data[n:]; len(i.data) == 0 {
				i.data = nil
			}
			c.wake()
			return n, nil
		}
		if i.over && i.canEnd {
			return 0, io.EOF
		}
		changed := c.changed
		c.mu.Unlock()
		<-changed
		c.mu.Lock()
	}
}
