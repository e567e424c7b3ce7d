package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) driftVerb() *cli.Command {
	return &cli.Command{
		Name: "drift", Usage: "compare the hosts with what was last applied, and restore it with --fix", Category: "changing hosts",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			toggle("fix", "", "restore what was last applied and confirmed"),
			text("to", "", "last", "`WHAT` --fix restores: last, or inventory for what the inventory wants now"),
			detailedFlag(),
		}, rolloutFlags(), stateFlags(), showFlags()),
		Action: p.action(p.drift),
	}
}

func (p *program) drift(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	to := c.String("to")
	if to != "last" && to != "inventory" {
		return exitOK, usagef("--to %s: it must be last or inventory", to)
	}
	if to == "inventory" && !c.Bool("fix") {
		return exitOK, usagef("--to inventory says what --fix does; without --fix, plan shows what the inventory wants")
	}
	how, err := p.rollout(c)
	if err != nil {
		return exitOK, err
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer j.close()
	p.changing.Store(c.Bool("fix"))
	j.runner.KeepLines = c.Bool("fix")
	s, err := j.runner.Drift(c.Context, j.inv, j.hosts, tasks.DriftOptions{Fix: c.Bool("fix"), ToInventory: to == "inventory", Rollout: how})
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, c.Bool("detailed-exitcode"))
	return exit, stands(j.printer.summary(s, exit))
}
