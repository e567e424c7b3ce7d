package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"farmwall/transport"
)

// isTerminal says whether a person sits at the other end of the stream.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// rewrites says whether a line on the stream can be written over.
func rewrites(w io.Writer) bool {
	return isTerminal(w) && os.Getenv("TERM") != "dumb" && os.Getenv("CI") == ""
}

// colours are the few that texts here use; the zero value has none.
type colours struct{ on bool }

func coloursFor(w io.Writer, never bool) colours {
	return colours{on: !never && os.Getenv("NO_COLOR") == "" && rewrites(w)}
}

func (c colours) paint(code, s string) string {
	if !c.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (c colours) green(s string) string  { return c.paint("32", s) }
func (c colours) red(s string) string    { return c.paint("31", s) }
func (c colours) yellow(s string) string { return c.paint("33", s) }
func (c colours) bold(s string) string   { return c.paint("1", s) }
func (c colours) faint(s string) string  { return c.paint("2", s) }

// plain makes a text that came from a host or an inventory safe to show.
func plain(s string) string { return transport.Printable([]byte(s)) }
