package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// errDeclined says that the question was answered with no.
var errDeclined = errors.New("not approved; nothing was changed")

// mayAsk says whether somebody can be asked; where not, the error names the flag
// that makes the question needless. Verbs call it before they contact a host.
func (p *program) mayAsk(yes bool) error {
	if yes || isTerminal(p.stdin) {
		return nil
	}
	return usagef("there is no terminal to ask for approval on: give --yes (-y) to go on without asking")
}

// approve asks a question that only "yes" answers with yes.
func (p *program) approve(ctx context.Context, question string) error {
	fmt.Fprintf(p.stderr, "\n%s yes/no: ", question)
	answer, err := p.readLine(ctx)
	if err != nil {
		return err
	}
	if word := strings.ToLower(strings.TrimSpace(answer)); word != "yes" && word != "y" {
		return errDeclined
	}
	return nil
}

// readLine returns the next line that is typed from now on, or gives up when ctx
// ends. One goroutine reads standard input for the whole program, so that a
// question that was given up does not swallow the answer to the next.
func (p *program) readLine(ctx context.Context) (string, error) {
	if p.typed == nil {
		p.typed = make(chan string, 64)
		go func() {
			lines := bufio.NewScanner(p.stdin)
			for lines.Scan() {
				p.typed <- lines.Text()
			}
			close(p.typed)
		}()
	}
	for early := true; early; {
		select {
		case _, open := <-p.typed:
			early = open
		default:
			early = false
		}
	}
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case line, open := <-p.typed:
		if !open {
			return "", errDeclined
		}
		return line, nil
	}
}

// askSecret asks without showing what is typed.
func (p *program) askSecret(flag, prompt string) (string, error) {
	f, ok := p.stdin.(*os.File)
	if !ok || !isTerminal(f) {
		return "", usagef("%s asks for a password, and there is no terminal to ask on; set it in the inventory instead", flag)
	}
	fmt.Fprint(p.stderr, prompt)
	secret, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(p.stderr)
	return string(secret), err
}
