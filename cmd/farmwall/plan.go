package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) planVerb() *cli.Command {
	return &cli.Command{
		Name: "plan", Usage: "show what apply would change, and save it with -o", Category: "changing hosts",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			text("out", "o", "", "save the plan to `FILE`, for apply FILE"),
			toggle("strict", "", "refuse a host where a wanted flow is known to stay closed"),
			text("take-over", "", "", "replace the rules of another `FARM` that a host carries"),
			serialFlag(),
			toggle("check", "C", "plan never changes anything; accepted for the habit"),
			detailedFlag(),
		}, stateFlags(), showFlags()),
		Action: p.action(p.plan),
	}
}

func (p *program) plan(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	serial, err := portions("--serial", c.String("serial"))
	if err != nil {
		return exitOK, err
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer j.close()
	plan, s, err := j.runner.Plan(c.Context, j.inv, j.hosts, tasks.PlanOptions{Strict: c.Bool("strict"), TakeOver: c.String("take-over"), Serial: serial})
	if err != nil {
		return exitOK, err
	}
	if file := c.String("out"); file != "" {
		if err := savePlan(file, plan); err != nil {
			return exitOK, err
		}
	}
	exit := exitOf(s, c.Bool("detailed-exitcode"))
	if err := j.printer.plan(plan, s, exit); err != nil {
		return exitOK, err
	}
	if file := c.String("out"); file != "" {
		line := "farmwall apply " + plain(file)
		for _, source := range c.StringSlice("inventory") {
			line += " -i " + plain(source)
		}
		fmt.Fprintf(p.stderr, "Saved. To carry out exactly this: %s\n", line)
	}
	return exit, nil
}

// savePlan writes the plan beside its place and moves it there, so that a file
// of that name is a whole plan.
func savePlan(file string, plan *tasks.Plan) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".farmwall-plan-*") // mode 0600
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	defer os.Remove(f.Name())
	if err := plan.Write(f); err != nil {
		f.Close()
		return fmt.Errorf("save the plan: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	return os.Rename(f.Name(), file)
}
