package transport

import (
	"bytes"
	"fmt"
	"strconv"
)

const (
	// maxOutput is the most that a script may print.
	maxOutput = 64 << 20
	// maxNoise is how much of what stands before the frame is kept for messages.
	maxNoise = 8 << 10
	// endTail is the length of the longest end of an end line: "255\n".
	endTail = 4
)

// frame cuts a script's output out of what a host prints: start-up files print
// before and after it.
type frame struct {
	begin, end []byte
	buf        []byte // noise before the frame has begun, output after
	seen       int    // bytes of buf that hold no whole end mark
	ready      bool   // the script's shell reads standard input
	begun      bool
	done       bool
	status     int // of the script, where done
}

func newFrame(marker string) *frame {
	return &frame{begin: []byte(marker + " begin\n"), end: []byte(marker + " end ")}
}

// feed takes the next bytes; done is set once the frame has ended.
func (f *frame) feed(p []byte) error {
	if f.done {
		return nil
	}
	f.buf = append(f.buf, p...)
	if !f.begun {
		if !f.ready && bytes.Contains(f.buf, []byte(readyLine)) {
			f.ready = true
		}
		i := bytes.Index(f.buf, f.begin)
		if i < 0 {
			if over := len(f.buf) - maxNoise; over > 0 {
				f.buf = append(f.buf[:0], f.buf[over:]...)
			}
			return nil
		}
		f.begun, f.ready = true, true
		f.buf = append([]byte(nil), f.buf[i+len(f.begin):]...)
	}
	if len(f.buf) > maxOutput+len(f.end)+endTail {
		return fmt.Errorf("the host's answer is over %d MiB", maxOutput>>20)
	}
	i := bytes.Index(f.buf[f.seen:], f.end)
	if i < 0 {
		f.seen = max(0, len(f.buf)-len(f.end)+1)
		return nil
	}
	i += f.seen
	f.seen = i
	rest := f.buf[i+len(f.end):]
	n := bytes.IndexByte(rest, '\n')
	if n < 0 && len(rest) < endTail {
		return nil
	}
	if n < 0 || n >= endTail {
		return fmt.Errorf("the host's answer does not end as it should")
	}
	status, err := strconv.ParseUint(string(rest[:n]), 10, 8)
	if err != nil {
		return fmt.Errorf("the host's answer does not end as it should")
	}
	f.done, f.status = true, int(status)
	f.buf = f.buf[:i:i]
	return nil
}

// output is what the script printed, where done.
func (f *frame) output() []byte { return f.buf }
