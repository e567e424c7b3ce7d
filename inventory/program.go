package inventory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// programLimits bound a program that is run for its answer.
type programLimits struct {
	time  time.Duration
	bytes int // of standard output
	// terminal lets the program talk to the person at the terminal.
	terminal bool
	// quiet keeps what the program printed out of errors: it may be a secret.
	quiet bool
}

type programOutput struct{ stdout, stderr []byte }

// maxStderr bounds what is kept of standard error.
const maxStderr = 1 << 16

// runProgram runs a program to its end. The error says in words what went wrong;
// the program is gone by then, with those that it started.
func runProgram(ctx context.Context, args []string, limits programLimits) (programOutput, error) {
	timed, cancel := context.WithTimeout(ctx, limits.time)
	defer cancel()
	cmd := exec.CommandContext(timed, args[0], args[1:]...)
	stdout, stderr := &boundedBuffer{most: limits.bytes, full: cancel}, &boundedBuffer{most: maxStderr}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if limits.terminal {
		cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	} else {
		ownGroup(cmd)
	}
	cmd.WaitDelay = 2 * time.Second // somebody who was started holds the pipe
	err := cmd.Run()
	out := programOutput{stdout.kept.Bytes(), stderr.kept.Bytes()}
	switch {
	case ctx.Err() != nil:
		return out, ctx.Err()
	case stdout.over:
		return out, fmt.Errorf("its answer is larger than %d MiB", limits.bytes>>20)
	case errors.Is(timed.Err(), context.DeadlineExceeded):
		return out, fmt.Errorf("it did not end within %s and was stopped", limits.time)
	case errors.Is(err, exec.ErrWaitDelay):
		return out, errors.New("it ended, but something that it started still holds its output")
	case err != nil:
		return out, programError(err, out, limits.quiet)
	}
	return out, nil
}

func programError(err error, out programOutput, quiet bool) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Errorf("it does not start: %s", reason(err))
	}
	text := exit.String()
	if line := firstLine(out.stderr); line != "" && !quiet {
		text += ": " + line
	}
	return fmt.Errorf("it failed with %s", text)
}

// firstLine is the last line of a Python traceback, or the first of anything else.
func firstLine(stderr []byte) string {
	lines := strings.Split(strings.TrimSpace(string(stderr)), "\n")
	line := lines[0]
	if strings.HasPrefix(line, "Traceback") {
		line = lines[len(lines)-1]
	}
	return strings.Trim(show(strings.TrimSpace(line)), `"`)
}

// boundedBuffer keeps so many bytes and no more; what comes after is dropped.
type boundedBuffer struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no bound
	most int
	over bool
	full func() // called once there is too much
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if room := b.most - b.kept.Len(); len(p) > room {
		b.kept.Write(p[:max(room, 0)])
		if !b.over && b.full != nil {
			b.full()
		}
		b.over = true
		return len(p), nil
	}
	return b.kept.Write(p)
}
