package main

import (
	"errors"
	"fmt"
	"strings"

	"farmwall/inventory"
	"farmwall/transport"
)

// complain says on standard error why a verb could not do its work, every line
// safe to show.
func (p *program) complain(err error) {
	var problems inventory.Problems
	if errors.As(err, &problems) {
		for _, problem := range problems {
			p.say("error", problem.Error())
		}
		if len(problems) > 1 {
			p.say("error", count(len(problems), "mistake")+"; no host was contacted")
		}
		return
	}
	text := err.Error()
	var line *transport.Error
	if errors.As(err, &line) {
		if line.Host != "" && !strings.HasPrefix(text, line.Host+":") {
			text = line.Host + ": " + text
		}
		if line.Hint != "" && !strings.Contains(text, line.Hint) {
			text += "; " + line.Hint
		}
	}
	p.say("error", text)
}

func (p *program) warn(problems inventory.Problems) {
	for _, w := range problems {
		p.say("warning", w.Error())
	}
}

func (p *program) say(kind, text string) {
	for _, line := range strings.Split(text, "\n") {
		fmt.Fprintf(p.stderr, "farmwall: %s: %s\n", kind, plain(line))
	}
}
