package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

// printer shows what happens and what came of it. Results go to standard output,
// progress to standard error (but for jsonl, where events are results).
type printer interface {
	// event is called from many goroutines.
	event(tasks.Event)
	// plan shows what would be done; it has not been done.
	plan(p *tasks.Plan, s *tasks.Summary, exit int) error
	// summary shows what was done or found.
	summary(s *tasks.Summary, exit int) error
	pongs(list []tasks.Pong, s *tasks.Summary, exit int) error
}

// printer makes the one that --output asks for.
func (p *program) printer(c *cli.Context) printer {
	if p.stdout == io.Discard { // nobody reads results
		return &tersePrinter{say: p.say}
	}
	switch c.String("output") {
	case "json":
		return &jsonPrinter{w: p.stdout, progress: p.progress(c)}
	case "jsonl":
		return newJSONLines(p.stdout)
	}
	return &textPrinter{w: p.stdout, progress: p.progress(c), detail: detail{
		all:     c.Count("verbose") > 0,
		reasons: c.Bool("diff"),
		colours: coloursFor(p.stdout, c.Bool("no-color")),
	}}
}

func (p *program) progress(c *cli.Context) *progress {
	return newProgress(p.stderr, coloursFor(p.stderr, c.Bool("no-color")), c.Count("verbose"))
}

// review is the printer that shows a plan before somebody is asked about it: where
// standard output belongs to a program, on standard error.
func (p *program) review(c *cli.Context) *textPrinter {
	if shown, ok := p.printer(c).(*textPrinter); ok {
		return shown
	}
	return &textPrinter{w: p.stderr, progress: p.progress(c), detail: detail{
		all:     c.Count("verbose") > 0,
		reasons: c.Bool("diff"),
		colours: coloursFor(p.stderr, c.Bool("no-color")),
	}}
}

// tersePrinter shows notices alone; what came of it is somebody else's to show.
type tersePrinter struct {
	say func(kind, text string)
}

func (t *tersePrinter) event(e tasks.Event) {
	if e.Kind == tasks.Notice {
		t.say("note", e.Text)
	}
}

func (t *tersePrinter) plan(*tasks.Plan, *tasks.Summary, int) error   { return nil }
func (t *tersePrinter) summary(*tasks.Summary, int) error             { return nil }
func (t *tersePrinter) pongs([]tasks.Pong, *tasks.Summary, int) error { return nil }
