package windows

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// maxLine is how many characters cmd.exe takes.
const maxLine = 8191

// errUnknown is the exit code of a program that is not there.
const errUnknown = 9009

// shell is cmd.exe /C: parts joined by & and &&, each a program or one of the few
// commands that the lab has. system: it runs as SYSTEM.
func (h *Host) shell(ctx context.Context, c Command, system bool) (int64, error) {
	if len(c.Line) > maxLine {
		fmt.Fprint(c.Stderr, "The command line is too long.\r\n")
		return 1, nil
	}
	p := prompt{host: h, command: c, system: system, env: h.environment(c)}
	return p.line(ctx, c.Line)
}

// prompt is a running cmd.exe.
type prompt struct {
	host    *Host
	command Command
	system  bool
	env     map[string]string // by upper-case name
	done    bool              // exit was called
}

func (p *prompt) line(ctx context.Context, text string) (int64, error) {
	parts, err := chain(text)
	if err != nil {
		fmt.Fprintf(p.command.Stderr, "%v\r\n", err)
		return 1, nil
	}
	var exit int64
	for _, part := range parts {
		if p.done || part.onSuccess && exit != 0 || part.onFailure && exit == 0 {
			continue
		}
		if exit, err = p.one(ctx, part); err != nil {
			return 0, err
		}
	}
	return exit, nil
}

// part is one command of a line.
type part struct {
	text                 string
	onSuccess, onFailure bool
	noOut, noErr, merged bool // >nul, 2>nul, 2>&1
	toErr                bool // 1>&2
}

// chain cuts a line at &, && and || outside quotes and takes the redirections off.
func chain(text string) ([]part, error) {
	var out []part
	var b strings.Builder
	next := part{}
	quoted := false
	end := func() {
		if next.text = strings.TrimSpace(b.String()); next.text != "" {
			out = append(out, next)
		}
		next = part{}
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		rest := text[i:]
		take := func(s string) bool {
			if quoted || len(rest) < len(s) || !strings.EqualFold(rest[:len(s)], s) {
				return false
			}
			i += len(s) - 1
			return true
		}
		switch {
		case text[i] == '"':
			quoted = !quoted
			b.WriteByte('"')
		case !quoted && text[i] == '^' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case take("2>&1"):
			next.merged = true
		case take("1>&2"), take(">&2"):
			next.toErr = true
		case take("2>nul"):
			next.noErr = true
		case take("1>nul"), take(">nul"), take("> nul"):
			next.noOut = true
		case take("&&"):
			end()
			next.onSuccess = true
		case take("||"):
			end()
			next.onFailure = true
		case take("&"):
			end()
		case !quoted && strings.ContainsRune("<>|", rune(text[i])):
			return nil, fmt.Errorf("the lab's cmd.exe has no %q; it knows &, &&, ||, >nul, 2>nul and 2>&1", text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	end()
	return out, nil
}

// one runs one command.
func (p *prompt) one(ctx context.Context, c part) (int64, error) {
	out, errs := p.command.Stdout, p.command.Stderr
	if c.noOut {
		out = io.Discard
	}
	if c.merged {
		errs = out
	}
	if c.toErr {
		out = errs
	}
	if c.noErr {
		errs = io.Discard
	}
	text := p.expand(strings.TrimPrefix(c.text, "@"))
	word, rest := firstWord(text)
	name := strings.ToLower(path.Base(strings.ReplaceAll(word, `\`, "/")))
	name = strings.TrimSuffix(name, ".exe")
	switch name {
	case "powershell":
		return p.powershell(ctx, text, out, errs)
	case "cmd":
		return p.nested(ctx, rest)
	}
	if run, ok := p.builtins()[name]; ok {
		return run(ctx, rest, out, errs)
	}
	fmt.Fprintf(errs, "'%s' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", word)
	return errUnknown, nil
}

// nested is cmd.exe /C inside a line.
func (p *prompt) nested(ctx context.Context, rest string) (int64, error) {
	for {
		word, after := firstWord(rest)
		switch strings.ToLower(word) {
		case "/c":
			after = strings.TrimSpace(after)
			if len(after) > 1 && after[0] == '"' && after[len(after)-1] == '"' {
				after = after[1 : len(after)-1]
			}
			inner := *p
			return inner.line(ctx, after)
		case "/s", "/d", "/q":
			rest = after
		default:
			return 0, errors.New("the lab's cmd.exe runs /C and nothing interactive")
		}
	}
}

// firstWord cuts off a program's name, which may be quoted.
func firstWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, " \t")
	if strings.HasPrefix(text, `"`) {
		if i := strings.Index(text[1:], `"`); i >= 0 {
			return text[1 : i+1], strings.TrimLeft(text[i+2:], " \t")
		}
	}
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], strings.TrimLeft(text[i:], " \t")
	}
	return text, ""
}

// arguments cuts a command line as a Windows program does (CommandLineToArgvW).
func arguments(text string) []string {
	var out []string
	var b strings.Builder
	quoted, any := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			n := 1
			for i+n < len(text) && text[i+n] == '\\' {
				n++
			}
			if i+n < len(text) && text[i+n] == '"' {
				b.WriteString(strings.Repeat(`\`, n/2))
				if n%2 == 1 {
					b.WriteByte('"')
					n++
				}
			} else {
				b.WriteString(strings.Repeat(`\`, n))
			}
			i += n - 1
			any = true
		case c == '"':
			quoted, any = !quoted, true
		case !quoted && (c == ' ' || c == '\t'):
			if any {
				out = append(out, b.String())
			}
			b.Reset()
			any = false
		default:
			b.WriteByte(c)
			any = true
		}
	}
	if any {
		out = append(out, b.String())
	}
	return out
}
