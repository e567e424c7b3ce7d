package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) removeVerb() *cli.Command {
	return &cli.Command{
		Name: "remove", Usage: "take off the hosts all that is farmwall's", Category: "changing hosts",
		Flags: together(sourceFlags(), reachFlags(), rolloutFlags(), stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			if err := noArgument(c); err != nil {
				return exitOK, err
			}
			return p.planThenApply(c, func(j *job, how tasks.Rollout) (*tasks.Plan, *tasks.Summary, error) {
				return j.runner.PlanRemove(c.Context, j.inv, j.hosts, how.PlanOptions())
			})
		}),
	}
}
