package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/tasks"
)

func (p *program) rollbackVerb() *cli.Command {
	return &cli.Command{
		Name: "rollback", Usage: "take back a run: each host gets the rules that it had before", Category: "changing hosts",
		ArgsUsage: "RUN",
		Flags:     together(sourceFlags(), reachFlags(), rolloutFlags(), stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			run, err := oneArgument(c, "RUN")
			if err != nil {
				return exitOK, err
			}
			return p.planThenApply(c, func(j *job, how tasks.Rollout) (*tasks.Plan, *tasks.Summary, error) {
				var hosts []*inventory.Host // all of the run
				if c.String("limit") != "" {
					hosts = j.hosts
				}
				return j.runner.PlanRollback(c.Context, j.inv, run, hosts, how.PlanOptions())
			})
		}),
	}
}
