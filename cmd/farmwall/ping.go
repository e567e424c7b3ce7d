package main

import (
	"github.com/urfave/cli/v2"
)

func (p *program) pingVerb() *cli.Command {
	return &cli.Command{
		Name: "ping", Usage: "log in to the hosts and say what they are; --learn accepts their keys and certificates first", Category: "looking at hosts",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			toggle("learn", "", "list every new SSH host key and TLS certificate, ask once, and remember them"),
			toggle("yes", "y", "do not ask"),
		}, stateFlags(), showFlags()),
		Action: p.action(p.ping),
	}
}

func (p *program) ping(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	if err := p.mayAsk(c.Bool("yes") || !c.Bool("learn")); err != nil {
		return exitOK, err
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer func() { j.close() }()
	if c.Bool("learn") {
		if err := p.learn(c, j); err != nil {
			return exitOK, err
		}
		// What was just accepted is read by new dialers only.
		j.close()
		if j, err = p.job(c); err != nil {
			return exitOK, err
		}
	}
	list, s, err := j.runner.Ping(c.Context, j.inv, j.hosts)
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, false)
	return exit, j.printer.pongs(list, s, exit)
}
