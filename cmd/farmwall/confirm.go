package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) confirmVerb() *cli.Command {
	return &cli.Command{
		Name: "confirm", Usage: "keep the changes of a run that waits for it (apply --confirm manual)", Category: "changing hosts",
		ArgsUsage: "RUN",
		Flags:     together(sourceFlags(), reachFlags(), stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			run, err := oneArgument(c, "RUN")
			if err != nil {
				return exitOK, err
			}
			if c.String("limit") != "" {
				return exitOK, usagef("confirm keeps all that the run has changed; it takes no --limit")
			}
			p.changing.Store(true)
			return p.summarise(c, func(j *job) (*tasks.Summary, error) {
				return j.runner.Confirm(c.Context, j.inv, run)
			})
		}),
	}
}
