package transport

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxPacked is the most that may stand between the begin of a frame and its
// end: maxOutput that could not be compressed, as base64.
const maxPacked = maxOutput/3*4 + 1<<20

var errAnswer = errors.New("the host's answer does not end as it should")

// answer cuts the frame of PowerShellCall out of what a host prints.
type answer struct {
	mark    []byte // with a blank behind it
	line    []byte // begun, without its end
	looked  int    // bytes of line that hold no line end
	noise   []byte // what else was printed, at most maxNoise
	total   int    // bytes since the script began
	refused string
	begun   bool
	done    bool
	fault   []byte // the error's text
	out     []byte // nil: none was printed
	status  int
}

// feed takes the next bytes; done is set once the frame has ended.
func (a *answer) feed(p []byte) error {
	if a.done {
		return nil
	}
	a.line = append(a.line, p...)
	if a.begun {
		if a.total += len(p); a.total > maxPacked {
			return fmt.Errorf("the host's answer is over %d MiB", maxOutput>>20)
		}
	}
	for !a.done {
		i := bytes.IndexByte(a.line[a.looked:], '\n')
		if i < 0 {
			a.looked = len(a.line)
			break
		}
		line := a.line[:a.looked+i]
		a.line, a.looked = a.line[a.looked+i+1:], 0
		if err := a.take(line); err != nil {
			return err
		}
	}
	// Endless noise without a line end must not fill the memory.
	if !a.begun && len(a.line) > 2*maxNoise {
		a.line = append([]byte(nil), a.line[len(a.line)-maxNoise:]...)
		a.looked = len(a.line)
	}
	return nil
}

// take reads one line. What a script printed without a line end stands before
// the marker.
func (a *answer) take(line []byte) error {
	i := bytes.Index(line, a.mark)
	if i < 0 {
		a.hear(line)
		return nil
	}
	a.hear(line[:i])
	verb, arg, _ := strings.Cut(strings.TrimRight(string(line[i+len(a.mark):]), "\r"), " ")
	if !a.begun && (verb == "out" || a.refused != "") || a.begun && (verb == "begin" || verb == "refused") {
		return errAnswer
	}
	var err error
	switch verb {
	case "begin":
		a.begun = true
	case "refused":
		a.refused = arg
	case "error":
		a.fault, err = base64.StdEncoding.DecodeString(arg)
	case "out":
		a.out, err = unpack(arg)
	case "end":
		var n uint64
		n, err = strconv.ParseUint(arg, 10, 8)
		if a.status = int(n); a.status == 0 && a.out == nil || !a.begun && a.status == 0 {
			err = errAnswer
		}
		a.done = true
	default:
		err = errAnswer
	}
	if err != nil {
		a.done = false
		return fmt.Errorf("%w: %s", errAnswer, verb)
	}
	return nil
}

// hear keeps the last of what is printed beside the frame, for messages.
func (a *answer) hear(text []byte) {
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return
	}
	a.noise = append(append(a.noise, text...), '\n')
	if over := len(a.noise) - maxNoise; over > 0 {
		a.noise = append(a.noise[:0], a.noise[over:]...)
	}
}

// unpack reverses packed; the answer is never nil. .NET makes no gzip at all of
// nothing.
func unpack(text string) ([]byte, error) {
	if text == "" {
		return []byte{}, nil
	}
	z, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer([]byte{})
	n, err := io.Copy(out, io.LimitReader(z, maxOutput+1))
	if err == nil && n > maxOutput {
		err = fmt.Errorf("over %d MiB", maxOutput>>20)
	}
	return out.Bytes(), err
}
