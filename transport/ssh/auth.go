package ssh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"farmwall/inventory"
	"farmwall/transport"
)

// attempts is how many credentials are shown to a host: sshd hangs up after six
// (MaxAuthTries).
const attempts = 6

// auth is one log-in: which credentials it may use and what came of them.
type auth struct {
	ctx    context.Context
	gate   *transport.Gate
	target *target
	guard  *guard
	tap    *tap
	steps  []step
	hangUp func() // of the agent

	begun    bool
	pass     *transport.Pass
	partial  int
	tried    []string
	notes    []string // why something was not tried
	notTried error
	allowed  []string // what the host accepts
	odd      bool     // the host asked something else than the password
}

// step is one credential.
type step struct {
	method string // "publickey" or "password"
	name   string // for people
	id     string // of a key
	signer gossh.Signer
}

// verdict is what a host made of a credential.
type verdict int

const (
	accepted verdict = iota
	rejected
	silent // no answer
)

// settle reports on the credential that was shown last.
func (a *auth) settle(v verdict) {
	if a.pass == nil {
		return
	}
	switch {
	case v == accepted:
		a.pass.Accepted()
	case a.odd:
		a.pass.Unused()
	case v == rejected:
		a.pass.Rejected()
	default:
		a.pass.NoAnswer()
	}
	a.pass = nil
}

// end closes what the log-in held open.
func (a *auth) end() {
	a.settle(silent)
	a.hangUp()
}

// next is asked for the next credential after the host has refused the last one.
func (a *auth) next(c *gossh.ClientAuthContext) (gossh.AuthMethod, error) {
	a.begun = true
	a.allowed = c.AllowedMethods
	// The library takes a broken line for a refusal.
	if err := a.tap.broken(); err != nil {
		return nil, err
	}
	if len(c.PartialSuccessMethods) > a.partial {
		a.partial = len(c.PartialSuccessMethods)
		a.settle(accepted)
	} else {
		a.settle(rejected)
	}
	for len(a.steps) > 0 {
		s := a.steps[0]
		a.steps = a.steps[1:]
		method, name := a.method(s)
		if method == nil {
			continue
		}
		if err := a.enter(s); errors.Is(err, transport.ErrNotTried) {
			a.notTried = err
			continue
		} else if err != nil {
			return nil, err
		}
		a.tried = append(a.tried, name)
		return method, nil
	}
	return nil, nil
}

// enter waits for the right to use the credential; the handshake's clock stands
// still meanwhile.
func (a *auth) enter(s step) (err error) {
	resume := a.guard.pause()
	defer resume()
	id := a.gate.Keys(a.target.user, s.id)
	if s.method == "password" {
		id = a.gate.Password(a.target.user, a.target.password.Reveal())
	}
	a.pass, err = a.gate.Enter(a.ctx, id, a.target.host)
	return err
}

// method makes the library's form of a step, nil where the host does not accept
// it. The password goes over one method only: over two it would count twice
// against the account.
func (a *auth) method(s step) (gossh.AuthMethod, string) {
	switch {
	case s.method == "publickey" && slices.Contains(a.allowed, "publickey"):
		return gossh.PublicKeys(s.signer), s.name
	case s.method == "password" && slices.Contains(a.allowed, "password") && !a.target.noPassword:
		return gossh.Password(a.target.password.Reveal()), "password"
	case s.method == "password" && slices.Contains(a.allowed, "keyboard-interactive") && !a.target.noKeyboard:
		return gossh.KeyboardInteractive(a.answers()), "keyboard-interactive"
	}
	return nil, ""
}

// answers gives the password to the one hidden question of a host, once.
func (a *auth) answers() gossh.KeyboardInteractiveChallenge {
	given := false
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, nil
		}
		if given || len(questions) > 1 || echos[0] {
			a.odd = !given
			a.notes = append(a.notes, fmt.Sprintf("the host also asks %s", transport.Printable([]byte(strings.Join(questions, " ")))))
			return nil, errors.New("a question that farmwall cannot answer")
		}
		given = true
		return []string{a.target.password.Reveal()}, nil
	}
}

// failure says why the log-in ended without success.
func (a *auth) failure(e *transport.Error, err error) error {
	tried := "nothing was tried"
	if len(a.tried) > 0 {
		tried = "tried " + strings.Join(a.tried, ", ")
	}
	if len(a.notes) > 0 {
		tried += "; " + strings.Join(a.notes, "; ")
	}
	switch {
	case hungUp(err):
		a.settle(silent)
		e.Err = fmt.Errorf("%w: the host hung up during the log-in (%s)", transport.ErrLineBroke, tried)
	case a.notTried != nil:
		a.settle(rejected)
		e.Err = fmt.Errorf("%w (%s)", a.notTried, tried)
		e.Hint = "a wrong password must not lock an account: correct it and start again"
	case len(a.tried) == 0:
		e.Err = fmt.Errorf("%w: the host accepts %s and there is none to show for %s (%s)", transport.ErrRejected, strings.Join(a.allowed, ", "), a.target.user, tried)
		e.Hint = "load a key into your agent, name one (ansible_ssh_private_key_file), or give the password with -k"
	default:
		a.settle(rejected)
		e.Err = fmt.Errorf("%w for %s: %s; the host accepts %s", transport.ErrRejected, a.target.user, tried, strings.Join(a.allowed, ", "))
		e.Hint = "check the user, and that the host knows the key or the password"
	}
	return e
}

// secret asks a person, one question at a time.
func (d *Dialer) secret(ctx context.Context, question string) (inventory.Secret, error) {
	if d.cfg.Prompt == nil {
		return inventory.Secret{}, errNobody
	}
	d.ask.Lock()
	defer d.ask.Unlock()
	return d.cfg.Prompt(ctx, question)
}

var errNobody = errors.New("it is encrypted and no passphrase was given")
