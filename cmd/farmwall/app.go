package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

// program is one call of farmwall: its three streams and what came of it.
type program struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	exit   int
	typed  chan string // lines of standard input, once somebody is asked
	// changing: hosts are being changed, or were left in the middle of a change.
	changing atomic.Bool
	piped    bool // somebody sees already to that a lost reader ends nothing
	// keeper stands between the verbs and the journal; nil: nothing does.
	keeper func(tasks.Keeper) tasks.Keeper
}

// run is farmwall without the process around it: it returns the exit code.
func run(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return (&program{stdin: stdin, stdout: stdout, stderr: stderr}).run(ctx, argv)
}

func (p *program) run(ctx context.Context, argv []string) int {
	app := p.app()
	args, err := arrange(app.Commands, argv)
	if err == nil {
		ctx, stop := p.untilSignal(ctx)
		defer stop()
		err = app.RunContext(ctx, args)
	}
	if err != nil {
		if !errors.Is(err, syscall.EPIPE) { // who went away wants to hear nothing
			p.complain(err)
		}
		var late unshown
		if errors.As(err, &late) || p.exit != exitOK {
			return p.exit
		}
		return exitOfError(err)
	}
	return p.exit
}

// app declares the verbs. It is built anew for each call, because cli writes into it.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            "farmwall",
		Usage:           "host firewalls of a Parallels RAS farm, from the roles of its servers",
		UsageText:       "farmwall VERB [flags] [argument]     (flags may stand anywhere)",
		Version:         version(),
		HideVersion:     true,
		HideHelpCommand: true,
		Reader:          p.stdin,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		// Without these cli would exit the process itself, and take commas apart.
		ExitErrHandler:            func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true,
		Action:                    p.noVerb,
		Commands: []*cli.Command{
			p.planVerb(), p.applyVerb(), p.driftVerb(), p.scheduleVerb(), p.watchVerb(), p.rollbackVerb(), p.removeVerb(), p.confirmVerb(),
			p.pingVerb(), p.verifyVerb(), p.explainVerb(),
			p.historyVerb(), p.reportVerb(), p.graphVerb(), p.recoverVerb(),
			p.inventoryVerb(), p.secretsVerb(), p.rulesVerb(), p.catalogVerb(), p.exportVerb(), p.doctorVerb(),
			p.labVerb(), p.demoVerb(), p.completionVerb(), p.versionVerb(), p.helpVerb(),
		},
	}
	everyVerb(app.Commands, func(c *cli.Command) {
		c.HideHelpCommand = true
		c.OnUsageError = usageError
		if len(c.Subcommands) > 0 && c.Action == nil {
			c.Action = noSubverb
		}
		if len(c.Subcommands) == 0 {
			c.CustomHelpTemplate = verbHelp(c)
		}
	})
	app.OnUsageError = usageError
	return app
}

func everyVerb(list []*cli.Command, do func(*cli.Command)) {
	for _, c := range list {
		do(c)
		everyVerb(c.Subcommands, do)
	}
}

// action turns a verb's function into what cli calls; the verb says its own exit code.
func (p *program) action(verb func(c *cli.Context) (int, error)) cli.ActionFunc {
	return func(c *cli.Context) error {
		exit, err := verb(c)
		p.exit = exit
		return err
	}
}

func (p *program) noVerb(c *cli.Context) error {
	if c.Args().Present() {
		return unknownVerb("", c.Args().First(), c.App.Commands)
	}
	return cli.ShowAppHelp(c)
}

func noSubverb(c *cli.Context) error {
	if c.Args().Present() {
		return unknownVerb(c.Command.Name+" ", c.Args().First(), c.Command.Subcommands)
	}
	return usagef("%s needs one of: %s", c.Command.Name, strings.Join(verbNames(c.Command.Subcommands), ", "))
}

func unknownVerb(before, word string, known []*cli.Command) error {
	return usagef("there is no verb %q%s; the verbs are: %s", before+word, meant(word, verbNames(known)), strings.Join(verbNames(known), ", "))
}

func verbNames(list []*cli.Command) []string {
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	return names
}

func usageError(_ *cli.Context, err error, _ bool) error { return usagef("%v", err) }
