package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
	"farmwall/tasks/schedule"
	"farmwall/tasks/watch"
)

func (p *program) driftVerb() *cli.Command {
	return &cli.Command{
		Name: "drift", Usage: "compare the hosts with what was last applied, and restore it with --fix", Category: "changing hosts",
		Flags:  driftFlags(),
		Action: p.action(p.drift),
	}
}

func driftFlags() []cli.Flag {
	return together(sourceFlags(), reachFlags(), []cli.Flag{
		toggle("fix", "", "restore what was last applied and confirmed"),
		text("to", "", "last", "`WHAT` --fix restores: last, or inventory for what the inventory wants now"),
		list("window", "", "--fix writes only in `WINDOW`, as in 'Sat 02:00-04:00 Europe/Berlin'; may be given again"),
		text("max-fix", "", "", "put nothing right where --fix would change more than `N` hosts (or N%)"),
		detailedFlag(),
	}, rolloutFlags(), notifyFlags(), []cli.Flag{
		text("keep", "", "", "forget what the journal has from before `TIME` ago, as in 400d, but for what hosts need"),
	}, stateFlags(), showFlags())
}

// drifting is what drift is asked to do.
type drifting struct {
	tasks.DriftOptions
	windows schedule.Windows
	keep    time.Duration // 0: for ever
}

// driftOptions reads the flags of drift.
func (p *program) driftOptions(c *cli.Context) (drifting, error) {
	d := drifting{DriftOptions: tasks.DriftOptions{Fix: c.Bool("fix")}}
	to := c.String("to")
	if to != "last" && to != "inventory" {
		return d, usagef("--to %s: it must be last or inventory", to)
	}
	if to == "inventory" && !d.Fix {
		return d, usagef("--to inventory says what --fix does; without --fix, plan shows what the inventory wants")
	}
	d.ToInventory = to == "inventory"
	var err error
	if d.Rollout, err = p.rollout(c); err != nil {
		return d, err
	}
	if most := c.String("max-fix"); most != "" {
		if !d.Fix {
			return d, usagef("--max-fix limits what --fix does; there is no --fix")
		}
		n, err := portion("--max-fix", most, 0)
		if err != nil {
			return d, err
		}
		d.MaxFix = &n
	}
	if len(c.StringSlice("window")) > 0 && !d.Fix {
		return d, usagef("--window says when --fix may write; there is no --fix")
	}
	if d.windows, err = schedule.ParseWindows(c.StringSlice("window"), time.Local); err != nil {
		return d, usagef("--window: %v", err)
	}
	if keep := c.String("keep"); keep != "" {
		if d.keep, err = schedule.ParseSpan(keep); err != nil {
			return d, usagef("--keep %v", err)
		}
		if d.keep < leastKept {
			return d, usagef("--keep %s: it must be 1d or more", keep)
		}
	}
	return d, nil
}

func (p *program) drift(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	d, err := p.driftOptions(c)
	if err != nil {
		return exitOK, err
	}
	teller, err := p.teller(c)
	if err != nil {
		return exitOK, err
	}
	if d.Fix || teller != nil {
		release, err := p.lockCycle(c)
		if err != nil {
			return exitOK, err
		}
		defer release()
	}
	var shown error
	s, exit, err := p.driftOnce(c, &d, func(j *job, s *tasks.Summary, exit int) { shown = stands(j.printer.summary(s, exit)) })
	p.tellOf(c.Context, teller, s, exit, err)
	if err != nil {
		return exitOK, err
	}
	return exit, shown
}

// driftOnce is one cycle: it reads the inventory, compares, puts right what the
// windows allow, shows it, and keeps the journal from growing.
func (p *program) driftOnce(c *cli.Context, d *drifting, show func(*job, *tasks.Summary, int)) (*tasks.Summary, int, error) {
	j, err := p.job(c)
	if err != nil {
		return nil, exitNotStarted, err
	}
	defer j.close()
	opt := d.DriftOptions
	ctx, cancel := p.inWindow(c.Context, d, &opt)
	defer cancel()
	p.changing.Store(opt.Fix)
	defer p.changing.Store(false)
	j.runner.KeepLines = opt.Fix
	s, err := j.runner.Drift(ctx, j.inv, j.hosts, opt)
	if err != nil {
		return nil, exitNotStarted, err
	}
	exit := exitOf(s, c.Bool("detailed-exitcode"))
	show(j, s, exit)
	if d.keep > 0 && !s.Interrupted {
		if err := p.prune(c.Context, j.journal, d.keep); err != nil {
			p.say("warning", err.Error())
		}
	}
	return s, exit, nil
}

// inWindow takes --fix back outside of the windows, and ends a fix with its window
// as Ctrl-C would: no new host is started.
func (p *program) inWindow(ctx context.Context, d *drifting, opt *tasks.DriftOptions) (context.Context, context.CancelFunc) {
	none := func() {}
	if !opt.Fix || len(d.windows) == 0 {
		return ctx, none
	}
	now := time.Now()
	if !d.windows.Open(now) {
		opt.Fix, opt.ToInventory = false, false
		text := "outside of the window (" + d.windows.String() + "): nothing is put right"
		if next, ok := d.windows.Opens(now); ok {
			text += " before " + clockTime(next)
		}
		p.say("note", text)
		return ctx, none
	}
	if end, ok := d.windows.Closes(now); ok {
		return context.WithDeadline(ctx, end)
	}
	return ctx, none
}

// lockCycle waits until no other cycle runs on the same journal.
func (p *program) lockCycle(c *cli.Context) (release func(), err error) {
	dir, err := madeStateDir(c)
	if err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		release, err := watch.Lock(dir, controller())
		if !errors.Is(err, watch.ErrRunning) {
			return release, err
		}
		if !told {
			p.say("note", fmt.Sprintf("waiting: %v", err))
		}
		select {
		case <-c.Context.Done():
			return nil, c.Context.Err()
		case <-time.After(time.Second):
		}
	}
}
