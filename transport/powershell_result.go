package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Stdout takes what the host printed; done means that the answer is complete
// and that nothing more needs to be read.
func (c *PowerShellCall) Stdout(p []byte) (done bool, err error) {
	if err := c.answer.feed(p); err != nil {
		return false, c.broke(err)
	}
	return c.answer.done, nil
}

// Stderr takes what the host printed there; the first 64 KiB are kept.
func (c *PowerShellCall) Stderr(p []byte) {
	c.words = append(c.words, p[:min(len(p), maxStderr-len(c.words))]...)
}

// Broke is the error where the line ended before the answer did. Without a
// sign of the command's end nobody knows whether the script ran.
func (c *PowerShellCall) Broke(err error) error { return c.broke(err) }

func (c *PowerShellCall) broke(err error) error {
	if errors.Is(err, ErrLineBroke) {
		return err
	}
	return &Error{Op: "run " + c.script.Name, Err: fmt.Errorf("%w: %w", ErrLineBroke, err)}
}

// Result is the script's output once its answer is complete or the command has
// ended with the exit code; the errors are those of Conn.Run.
func (c *PowerShellCall) Result(exit int64) ([]byte, error) {
	a := &c.answer
	said := ReadCLIXML(c.words)
	switch {
	case a.refused != "":
		return nil, c.refusal()
	case a.done && !a.begun:
		return nil, &Error{Op: "run " + c.script.Name, NotRun: true, Err: fmt.Errorf("%w: the host could not read the script: %s", ErrLineBroke, Printable(a.fault))}
	case a.done && a.status == 0:
		return a.out, nil
	case a.done:
		text := a.fault
		if len(text) == 0 {
			text = said
		}
		return nil, &ExitError{Script: c.script.Name, Code: a.status, Stderr: text}
	case a.begun:
		return nil, c.broke(fmt.Errorf("the script ended in the middle, exit code %d: %s", exit, Printable(said)))
	}
	return nil, c.neverBegan(exit, string(said))
}

// refusal says which of the bootstrap's conditions the host does not meet.
func (c *PowerShellCall) refusal() error {
	e := &Error{Op: "run " + c.script.Name, NotRun: true}
	why, what, _ := strings.Cut(c.answer.refused, " ")
	what = Printable([]byte(what))
	switch why {
	case "version":
		e.Err = fmt.Errorf("%w: the host has PowerShell %s, and farmwall needs 3.0 or newer", ErrOldPowerShell, what)
		e.Hint = "install Windows Management Framework 5.1 on the host"
	case "language":
		e.Err = fmt.Errorf("%w: PowerShell runs in %s there", ErrConstrained, what)
		e.Hint = "application control (WDAC, AppLocker) restricts this account's scripts; allow it full language, or use farmwall export on the host"
	default:
		e.Err = fmt.Errorf("%w: only %s of 5 lines of input reached PowerShell", ErrLineBroke, what)
		e.Hint = "does something on the way to PowerShell read standard input, such as a profile of the login shell?"
	}
	return e
}

// neverBegan says why a command that ran to its end gave no answer.
func (c *PowerShellCall) neverBegan(exit int64, said string) error {
	e := &Error{Op: "run " + c.script.Name, NotRun: true}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(said, p) {
				return true
			}
		}
		return false
	}
	text := Printable([]byte(base64Run.ReplaceAllString(said, "...")))
	switch {
	case has("command line is too long", "input line is too long"):
		e.Err = fmt.Errorf("%w: %s", ErrCommandLine, text)
		e.Hint = "does a script of the command processor (AutoRun in the registry) lengthen every command?"
	case has("is not recognized as") || exit == 9009 || exit == 127:
		e.Err = fmt.Errorf("%w: powershell (%s)", ErrToolMissing, text)
		e.Hint = "is Windows PowerShell on the PATH of this account?"
	case has("Access is denied", "blocked by group policy", "blocked by your administrator"):
		e.Err = fmt.Errorf("%w: the account may not run powershell: %s", ErrNoPrivilege, text)
		e.Hint = "allow the account to run Windows PowerShell, or use another account"
	default: // killed, perhaps in the middle
		return c.broke(fmt.Errorf("PowerShell ended without an answer, exit code %d: %s %s", exit, text, Printable(c.answer.noise)))
	}
	return e
}

// Talk gives the started command its input and returns what the script
// answered. Its errors are those of Conn.Run.
func (c *PowerShellCall) Talk(ctx context.Context, p Process) ([]byte, error) {
	w := collect(p.Stderr)
	go func() {
		defer p.Stdin.Close()
		p.Stdin.Write(c.Input) // a refusal ends without reading all of it
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := p.Stdout.Read(buf)
		done, ferr := c.Stdout(buf[:n])
		if ferr != nil {
			return nil, ferr
		}
		if done {
			if c.answer.status != 0 && len(c.answer.fault) == 0 {
				w.wait(stderrLag)
			}
			c.Stderr(w.bytes())
			return c.Result(0)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, c.broke(err)
		}
		if ctx.Err() != nil {
			return nil, c.broke(context.Cause(ctx))
		}
	}
	exit, err := p.Wait()
	if err != nil {
		return nil, c.broke(err)
	}
	w.wait(stderrLag)
	c.Stderr(w.bytes())
	return c.Result(int64(exit))
}
