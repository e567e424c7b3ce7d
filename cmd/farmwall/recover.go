package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/tasks"
)

func (p *program) recoverVerb() *cli.Command {
	return &cli.Command{
		Name: "recover", Usage: "find out what became of hosts that a broken run left unfinished, and bring it to an end", Category: "looking back",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			toggle("back", "", "take back all that runs which were broken off have changed, whatever their --on-fail was"),
			&cli.BoolFlag{Name: "keep", Usage: "take nothing back: hosts that have the change of a run that was broken off keep it",
				EnvVars: env("recover-keep"), DisableDefaultText: true}, // FARMWALL_KEEP is how far the journal of drift goes back
		}, stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			opt := tasks.RecoverOptions{Back: c.Bool("back"), Keep: c.Bool("keep")}
			limited := c.String("limit") != ""
			switch {
			case opt.Back && opt.Keep:
				return exitOK, usagef("--back and --keep do not go together")
			case limited && (opt.Back || opt.Keep):
				return exitOK, usagef("--back and --keep are about whole runs; leave out -l")
			}
			p.changing.Store(true)
			return p.look(c, func(j *job) (*tasks.Summary, error) {
				var hosts []*inventory.Host // all
				if limited {
					hosts = j.hosts
				}
				return j.runner.Recover(c.Context, j.inv, hosts, opt)
			})
		}),
	}
}
