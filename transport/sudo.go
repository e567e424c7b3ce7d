package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
)

const hintNotTried = "a wrong password must not lock an account: correct it and start again"

// talk is how far a started command has come.
type talk struct {
	ready chan struct{} // closed once the script's shell reads its input
	over  chan struct{} // closed once it is sure that this will not happen
	words *words
}

// password answers sudo's question, once: a second question means that the
// password was wrong, and three wrong ones can lock an account. It returns nil
// once the script's shell is ready, with or without having been asked.
func (c *Call) password(ctx context.Context, w io.Writer, t *talk) error {
	silence := time.NewTimer(promptSilence)
	defer silence.Stop()
	select {
	case <-t.ready:
		return nil
	case <-t.over:
		return errSudoEnded
	case <-t.words.prompted(1):
	case <-silence.C:
	}
	pass := &Pass{}
	if g := c.sudo.Gate; g != nil {
		var err error
		if pass, err = g.Enter(ctx, g.Password(c.sudo.Login, c.sudo.Password.Reveal()), c.sudo.Host); err != nil {
			return err
		}
	}
	defer pass.NoAnswer()
	if _, err := io.WriteString(w, c.sudo.Password.Reveal()+"\n"); err != nil {
		return err
	}
	select {
	case <-t.ready:
		// Without a question nobody looked at the password. A PAM module may ask
		// in words of its own.
		if len(t.words.bytes()) > 0 || t.words.prompts() > 0 {
			pass.Accepted()
		} else {
			pass.Unused()
		}
		return nil
	case <-t.words.prompted(2):
		pass.Rejected()
	case <-time.After(sudoPatience):
	case <-t.over:
		t.words.wait(stderrLag)
		if rejected(t.words.bytes()) {
			pass.Rejected()
		}
	}
	return errSudoEnded
}

var errSudoEnded = errors.New("sudo ended")

// rejected knows sudo's words for a wrong password, in the C locale.
func rejected(stderr []byte) bool {
	return bytes.Contains(stderr, []byte("incorrect password")) || bytes.Contains(stderr, []byte("try again"))
}

// base64Run is our own script in sudo's words; nobody wants to read it.
var base64Run = regexp.MustCompile(`[A-Za-z0-9+/=]{64,}`)

// neverBegan says why a command that ran to its end did not reach the script.
func (c *Call) neverBegan(status int, words *words, noise []byte) error {
	text := base64Run.ReplaceAllString(string(words.bytes()), "...")
	e := &Error{Op: "run " + c.script.Name, NotRun: true}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(text, p) {
				return true
			}
		}
		return false
	}
	said := Printable([]byte(text))
	switch {
	case c.sudo.Use && has("a password is required", "no password was provided", "a terminal is required to read the password", "incorrect password", "try again"):
		e.Op = "sudo"
		if c.sudo.Password.Empty() {
			e.Err = ErrSudoPassword
			e.Hint = "give it with -K or ansible_become_password, or allow " + c.sudo.Login + " /bin/sh with NOPASSWD in sudoers"
		} else {
			e.Err = fmt.Errorf("%w: the one given was rejected", ErrSudoPassword)
			e.Hint = "check -K or ansible_become_password"
		}
	case c.sudo.Use && has("must have a tty"):
		e.Op, e.Err = "sudo", fmt.Errorf("%w: sudoers asks for a terminal (requiretty)", ErrSudoDenied)
		e.Hint = "write \"Defaults:" + c.sudo.Login + " !requiretty\" into sudoers"
	case c.sudo.Use && has("is not in the sudoers file", "is not allowed to execute", "may not run sudo", "is not allowed to run sudo"):
		e.Op, e.Err = "sudo", fmt.Errorf("%w: sudoers does not let %s run /bin/sh", ErrSudoDenied, c.sudo.Login)
		e.Hint = "write \"" + c.sudo.Login + " ALL=(root) /bin/sh\" into sudoers, or log in as root"
	case c.sudo.Use && has("unknown user", "account validation failure", "expired", "no new privileges", "effective uid is not 0"):
		e.Op, e.Err = "sudo", fmt.Errorf("%w: %s", ErrSudoDenied, said)
	case has("base64: "):
		e.Err = fmt.Errorf("%w: base64 (%s)", ErrToolMissing, said)
		e.Hint = "install coreutils or busybox on the host"
	case c.sudo.Use && status == 127:
		e.Op, e.Err = "sudo", fmt.Errorf("%w: sudo is not installed", ErrToolMissing)
		e.Hint = "install sudo, or log in as root without become"
	case c.sudo.Use:
		e.Op, e.Err = "sudo", fmt.Errorf("%w: exit status %d: %s", ErrSudoDenied, status, said)
	default:
		e.Err = fmt.Errorf("%w: the login shell did not run the script, exit status %d: %s %s", ErrNoPrivilege, status, said, Printable(noise))
		e.Hint = "the account needs a login shell that runs commands"
	}
	return e
}
