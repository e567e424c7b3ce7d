package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) recoverVerb() *cli.Command {
	return &cli.Command{
		Name: "recover", Usage: "find out what became of hosts that a broken run left unfinished", Category: "looking back",
		Flags: together(sourceFlags(), reachFlags(), stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			p.changing.Store(true)
			return p.look(c, func(j *job) (*tasks.Summary, error) {
				if c.String("limit") == "" {
					return j.runner.Recover(c.Context, j.inv, nil)
				}
				return j.runner.Recover(c.Context, j.inv, j.hosts)
			})
		}),
	}
}
