package transport

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// maxStderr is how much of a host's stderr is kept.
const maxStderr = 64 << 10

// words collects what a command says on stderr.
type words struct {
	ended chan struct{}

	mu    sync.Mutex
	buf   []byte
	count int // of sudo's prompts
	watch map[int]chan struct{}
}

// collect reads r to its end and keeps the first maxStderr bytes.
func collect(r io.Reader) *words {
	w := &words{ended: make(chan struct{}), watch: make(map[int]chan struct{})}
	go func() {
		defer close(w.ended)
		io.Copy(w, r)
	}()
	return w
}

// Write takes more of stderr.
func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buf = append(w.buf, p[:min(len(p), maxStderr-len(w.buf))]...)
	w.count = bytes.Count(w.buf, []byte(sudoPrompt))
	if rejected(w.buf) { // whatever PAM made of the prompt
		w.count = max(w.count, 2)
	}
	for n, ch := range w.watch {
		if w.count >= n {
			close(ch)
			delete(w.watch, n)
		}
	}
	return len(p), nil
}

// prompted is closed once sudo has asked for a password n times.
func (w *words) prompted(n int) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch := make(chan struct{})
	if w.count >= n {
		close(ch)
	} else {
		w.watch[n] = ch
	}
	return ch
}

func (w *words) prompts() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// bytes is what was said so far, without our own prompts.
func (w *words) bytes() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.ReplaceAll(w.buf, []byte(sudoPrompt), nil)
}

// wait waits for the end, but not long.
func (w *words) wait(most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-w.ended:
	case <-t.C:
	}
}
