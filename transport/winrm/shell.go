package winrm

import (
	"context"
	"time"

	"farmwall/transport"
)

const (
	busyTries = 3
	busyPause = 5 * time.Second
)

// create opens a shell.
func (l *line) create(ctx context.Context) error {
	e, err := l.exchange(ctx, l.requests.create())
	if err != nil {
		return err
	}
	id, err := e.shell()
	if err != nil {
		return err
	}
	l.shell, l.clientIP = id, e.Body.Shell.ClientIP
	return nil
}

// command starts a command; nothing of it has any effect before its input has
// ended. A shell that has gone, or has used up its operations, is replaced.
func (l *line) command(ctx context.Context, text string) (id string, err error) {
	fresh := l.shell == ""
	for {
		if l.shell == "" {
			if err := l.create(ctx); err != nil {
				return "", err
			}
		}
		e, err := l.exchange(ctx, l.requests.command(l.shell, text))
		if err == nil {
			return e.command()
		}
		f := asFault(err)
		if fresh || f == nil || !f.gone() {
			return "", err
		}
		if f.code() == faultOperations {
			l.exchange(ctx, l.requests.remove(l.shell))
		}
		fresh, l.shell = true, ""
	}
}

// send gives the command a piece of its input. A host under load may say that it
// is still busy with the piece before, or take this one and not say so in time.
func (l *line) send(ctx context.Context, command string, input []byte, last bool) error {
	for try := 1; ; try++ {
		_, err := l.exchange(ctx, l.requests.send(l.shell, command, input, last))
		f := asFault(err)
		switch {
		case f != nil && f.timedOut():
			return nil
		case f == nil || f.code() != faultBusy || try == busyTries:
			return err
		}
		pause := time.NewTimer(busyPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// receive waits for output and gives it to the call. done: the answer is whole,
// or the command has ended with the exit code.
func (l *line) receive(ctx context.Context, command string, call *transport.PowerShellCall) (done bool, exit int64, err error) {
	for {
		e, err := l.exchange(ctx, l.requests.receive(l.shell, command))
		if f := asFault(err); f != nil && f.timedOut() {
			if ctx.Err() != nil {
				return false, 0, context.Cause(ctx)
			}
			continue
		}
		if err != nil {
			return false, 0, err
		}
		out, words, ended, exit, err := e.output()
		if err != nil {
			return false, 0, err
		}
		call.Stderr(words)
		whole, err := call.Stdout(out)
		if err != nil {
			return false, 0, err
		}
		if whole || ended {
			return true, exit, nil
		}
	}
}

// release ends the command on the host, on a time limit of its own, because it
// must be done after a cancel too. After a failure nobody needs the shell, and
// nobody knows its state.
func (l *line) release(command string, keep bool) {
	limit := cleanUp
	if !keep {
		limit = cleanUpAfter
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var err error
	if command != "" && l.shell != "" {
		_, err = l.exchange(ctx, l.requests.terminate(l.shell, command))
	}
	if keep && err == nil || l.shell == "" {
		return
	}
	if err == nil || asFault(err) != nil {
		l.exchange(ctx, l.requests.remove(l.shell))
	}
	l.shell = ""
}
