package wsman

import (
	"context"
	"sync"
	"time"
)

// A pipe of a command: how much may wait in it before the writer is held up. A
// whole answer must fit, or long outputs would need more messages than on a host.
const (
	outputSize = 1 << 20
	inputSize  = 64 << 10
)

// command is one command of a shell, running or over.
type command struct {
	id      string
	cancel  context.CancelFunc
	visible time.Time // its output is held back until then

	mu sync.Mutex
	// changed is closed, and replaced, whenever something below changes.
	changed chan struct{}
	in      input
	out     [2]output // stdout, stderr
	ended   bool
	aborted bool // terminated, or its shell is gone
	broken  bool // interrupted by ctrl_c
	exit    int64
}

func newCommand(id string, endOfInput bool) *command {
	if id == "" {
		id = newGUID()
	}
	c := &command{id: id, changed: make(chan struct{})}
	c.in = input{c: c, canEnd: endOfInput}
	c.out = [2]output{{c: c}, {c: c}}
	return c
}

// wake tells all who wait. The command must be locked.
func (c *command) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// controlC is the exit code of a process that Ctrl-C ended: STATUS_CONTROL_C_EXIT.
const controlC = 0xC000013A

// end notes how the process ended.
func (c *command) end(exit int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.exit = true, exit
	if c.broken {
		c.exit = controlC
	} else if err != nil && exit == 0 {
		c.exit = 1
	}
	if err != nil && !c.aborted && !c.broken {
		c.out[1].data = append(c.out[1].data, err.Error()+"\r\n"...)
	}
	c.in.unread, c.in.data = len(c.in.data) > 0, nil
	c.wake()
}

// abort kills the process and ends what waits for it with fault 995.
func (c *command) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted = true
	c.out[0].data, c.out[1].data = nil, nil
	c.cancel()
	c.wake()
}

// interrupt is Ctrl-C, which reaches the process only through a console's input.
func (c *command) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.in.canEnd && !c.ended {
		c.broken = true
		c.cancel()
		c.wake()
	}
}

func (c *command) hasEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}
