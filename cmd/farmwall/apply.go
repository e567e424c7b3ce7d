package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) applyVerb() *cli.Command {
	return &cli.Command{
		Name: "apply", Usage: "make the hosts' rules what the inventory wants, or carry out a saved plan", Category: "changing hosts",
		ArgsUsage: "[PLAN-FILE]",
		Flags: together(sourceFlags(), reachFlags(), rolloutFlags(), probeFlags("after each batch open its flows for real; one that is not as wanted is a failure"), []cli.Flag{
			toggle("check", "C", "change nothing: the same as plan"),
			detailedFlag(),
		}, stateFlags(), showFlags()),
		Action: p.action(func(c *cli.Context) (int, error) {
			switch {
			case c.NArg() > 1:
				return exitOK, usagef("apply takes one plan file at most; it got %d arguments", c.NArg())
			case c.Bool("check") && c.NArg() == 1:
				return exitOK, usagef("-C and a plan file do not go together: the file is the plan")
			case c.Bool("check"):
				return p.plan(c)
			case c.NArg() == 1:
				return p.applyFile(c)
			}
			return p.planThenApply(c, func(j *job, how tasks.Rollout) (*tasks.Plan, *tasks.Summary, error) {
				return j.runner.Plan(c.Context, j.inv, j.hosts, how.PlanOptions())
			})
		}),
	}
}

// applyFile carries out a saved plan. It was reviewed when it was saved, so
// nobody is asked again.
func (p *program) applyFile(c *cli.Context) (int, error) {
	for _, flag := range []string{"limit", "strict", "take-over"} {
		if c.IsSet(flag) {
			return exitOK, usagef("--%s has no effect on a saved plan; give it to plan", flag)
		}
	}
	how, err := p.rollout(c)
	if err != nil {
		return exitOK, err
	}
	f, err := os.Open(c.Args().First())
	if err != nil {
		return exitOK, fmt.Errorf("read the plan: %w", err)
	}
	defer f.Close()
	plan, err := tasks.ReadPlan(f)
	if err != nil {
		return exitOK, fmt.Errorf("%s: %w", c.Args().First(), err)
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer j.close()
	return p.carryOut(c, j, plan, how)
}

// planThenApply plans, shows the plan, asks, and carries it out.
func (p *program) planThenApply(c *cli.Context, plan func(*job, tasks.Rollout) (*tasks.Plan, *tasks.Summary, error)) (int, error) {
	how, err := p.rollout(c)
	if err != nil {
		return exitOK, err
	}
	if err := p.mayAsk(c.Bool("yes")); err != nil {
		return exitOK, err
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer j.close()
	j.runner.KeepLines = true
	made, s, err := plan(j, how)
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, false)
	review := p.review(c)
	if err := review.plan(made, s, exit); err != nil {
		return exitOK, err
	}
	if !made.Pending() || s.Interrupted {
		s.Verb = c.Command.Name
		if _, text := j.printer.(*textPrinter); text {
			return exit, review.recap(s) // what there is to say of each host stands in the plan
		}
		return exit, j.printer.summary(s, exit)
	}
	if !c.Bool("yes") {
		if err := p.approve(c.Context, "Apply these changes?"); err != nil {
			return exitOK, err
		}
	}
	return p.carryOut(c, j, made, how)
}

func (p *program) carryOut(c *cli.Context, j *job, plan *tasks.Plan, how tasks.Rollout) (int, error) {
	p.changing.Store(true)
	if how.Probe != nil {
		how.Probe.Hosts = j.hosts
	}
	s, err := j.runner.Apply(c.Context, j.inv, plan, how)
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, false)
	return exit, stands(j.printer.summary(s, exit))
}
