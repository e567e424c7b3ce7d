package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

// rollout reads the flags that say how a change goes through the farm.
func (p *program) rollout(c *cli.Context) (tasks.Rollout, error) {
	how := tasks.Rollout{
		OnFail:         tasks.OnFail(c.String("on-fail")),
		ConfirmTimeout: c.Duration("confirm-timeout"),
		Soak:           c.Duration("soak"),
		Strict:         c.Bool("strict"),
		CountEarlier:   c.IsSet("max-fail"),
		TakeOver:       c.String("take-over"),
	}
	switch how.OnFail {
	case tasks.FailHost, tasks.FailBatch, tasks.FailRun:
	default:
		return how, usagef("--on-fail %s: it must be host, batch or run", how.OnFail)
	}
	switch mode := c.String("confirm"); mode {
	case "auto":
	case "manual":
		how.Manual, how.Confirmed = true, p.askToKeep
	default:
		return how, usagef("--confirm %s: it must be auto or manual", mode)
	}
	var err error
	if how.Probe, err = probeOptions(c); err != nil {
		return how, err
	}
	if how.MaxFail, err = portion("--max-fail", c.String("max-fail"), 0); err != nil {
		return how, err
	}
	if how.Serial, err = portions("--serial", c.String("serial")); err != nil {
		return how, err
	}
	if how.Soak < 0 {
		return how, usagef("--soak %s: it must not be negative", how.Soak)
	}
	return how, nil
}

// portions reads "1,25%,100%"; nothing is none.
func portions(flag, text string) ([]tasks.Portion, error) {
	var out []tasks.Portion
	if text == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ",") {
		size, err := portion(flag, strings.TrimSpace(part), 1)
		if err != nil {
			return nil, err
		}
		out = append(out, size)
	}
	return out, nil
}

// portion reads "5" or "25%".
func portion(flag, text string, least int) (tasks.Portion, error) {
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < least || percent && n > 100 {
		return tasks.Portion{}, usagef("%s %q: it takes numbers of hosts or percentages, %d or more", flag, text, least)
	}
	return tasks.Portion{N: n, Percent: percent}, nil
}

// askToKeep waits for Enter, or until ctx ends: confirmed elsewhere, or too late.
// The event that came before has told until when, and how to confirm elsewhere.
func (p *program) askToKeep(ctx context.Context, run string, hosts []string) error {
	fmt.Fprintf(p.stderr, "\n%s changed and checked: %s\n", count(len(hosts), "host"), someNames(hosts))
	if !isTerminal(p.stdin) {
		<-ctx.Done()
		return ctx.Err()
	}
	fmt.Fprintf(p.stderr, "Press Enter to keep the change, or run \"farmwall confirm %s\" elsewhere. Ctrl-C undoes it, and so does the end of the window.\n", plain(run))
	_, err := p.readLine(ctx)
	return err
}
