package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
	"farmwall/tasks/schedule"
)

// journalKept is how long the journal of schedules goes back, unless --keep says.
const journalKept = "400d"

// leastKept is the shortest time that a journal may go back.
const leastKept = 24 * time.Hour

// pruneSlack lets a cycle prune once a day and not each time.
const pruneSlack = 24 * time.Hour

// prune keeps the journal to a time, where a day's worth has gathered beyond it.
func (p *program) prune(ctx context.Context, journal *tasks.Journal, keep time.Duration) error {
	_, err := journal.Prune(ctx, time.Now().Add(-keep), pruneSlack)
	if err != nil {
		return fmt.Errorf("the journal was not pruned: %w", err)
	}
	return nil
}

func (p *program) historyPrune(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	keep, err := schedule.ParseSpan(c.String("keep"))
	if err != nil {
		return exitOK, usagef("--keep %v", err)
	}
	if keep < leastKept {
		return exitOK, usagef("--keep %s: it must be 1d or more", c.String("keep"))
	}
	j, err := openJournal(c)
	if err != nil {
		return exitOK, err
	}
	defer j.Close()
	done, err := j.Prune(c.Context, time.Now().Add(-keep), 0)
	if err != nil {
		return exitOK, err
	}
	if done.Entries > 0 {
		if err := j.Compact(c.Context); err != nil {
			p.say("warning", err.Error())
		}
	}
	if c.String("output") == "json" {
		return exitOK, writeJSON(p.stdout, done)
	}
	_, err = fmt.Fprintf(p.stdout, "%d entries and %d copies are gone; what hosts still need of before stays, and the chain goes on\n", done.Entries, done.Blobs)
	return exitOK, err
}

// madeStateDir is the journal's directory, made where it is missing.
func madeStateDir(c *cli.Context) (string, error) {
	dir, err := stateDir(c)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("state directory: %w", err)
	}
	return dir, nil
}
