package main

import (
	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) verifyVerb() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "prove that every wanted flow is open, counting every rule on the host", Category: "looking at hosts",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			toggle("strict", "", "an exposed or unknown flow is not right either"),
		}, probeFlags("open the flows for real, too: from who starts them, and from an outsider"), stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			probe, err := probeOptions(c)
			if err != nil {
				return exitOK, err
			}
			return p.look(c, func(j *job) (*tasks.Summary, error) {
				if probe != nil {
					probe.Hosts = j.hosts
				}
				return j.runner.Verify(c.Context, j.inv, j.hosts, tasks.VerifyOptions{Strict: c.Bool("strict"), Probe: probe})
			})
		}),
	}
}

// look is a verb without an argument that comes to a summary.
func (p *program) look(c *cli.Context, verb func(*job) (*tasks.Summary, error)) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	return p.summarise(c, verb)
}

func (p *program) summarise(c *cli.Context, verb func(*job) (*tasks.Summary, error)) (int, error) {
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer j.close()
	s, err := verb(j)
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, false)
	return exit, j.printer.summary(s, exit)
}
