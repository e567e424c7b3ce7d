package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/rules/catalog"
	"farmwall/tasks"
	"farmwall/tasks/evidence"
)

func (p *program) reportVerb() *cli.Command {
	return &cli.Command{
		Name: "report", Usage: "evidence for an auditor: who may reach what and why, what was changed, how it drifted", Category: "looking back", ArgsUsage: "[RUN]",
		Flags: together([]cli.Flag{
			writtenAs(reportFormats(), "markdown"),
			text("out", "o", "", "write to `FILE`, not to standard output"),
			toggle("latest", "", "about the newest run, verify or drift (as without a RUN)"),
			text("since", "", "", "about all since `WHEN`: 30d, 12h, 2026-11-01 or a time"),
		}, sourceFlags(), stateFlags()),
		Action: p.action(p.report),
	}
}

// formats are the ways to write a report, by name.
type formats map[string]func(*evidence.Report, io.Writer) error

func reportFormats() formats {
	return formats{"html": (*evidence.Report).WriteHTML, "markdown": (*evidence.Report).WriteMarkdown, "junit": (*evidence.Report).WriteJUnit,
		"sarif": (*evidence.Report).WriteSARIF, "csv": (*evidence.Report).WriteCSV, "json": (*evidence.Report).WriteJSON, "openmetrics": (*evidence.Report).WriteOpenMetrics}
}

// names are the formats' names, sorted.
func (f formats) names() []string {
	var names []string
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func writtenAs(f formats, value string) cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "`FORMAT`: " + strings.Join(f.names(), ", "), Value: value, EnvVars: env("format"),
		Action: func(_ *cli.Context, given string) error {
			if f[given] == nil {
				return usagef("--format %s: it must be one of %s", given, strings.Join(f.names(), ", "))
			}
			return nil
		}}
}

func (p *program) report(c *cli.Context) (int, error) {
	ask := evidence.Ask{Version: version(), Now: time.Now()}
	switch given := c.Args().Slice(); {
	case len(given) > 1:
		return exitOK, usagef("report takes one run at most; it got %d", len(given))
	case len(given) == 1 && (c.Bool("latest") || c.String("since") != ""), c.Bool("latest") && c.String("since") != "":
		return exitOK, usagef("a run, --latest and --since exclude each other: give one of them")
	case len(given) == 1:
		ask.Run = given[0]
	case c.String("since") != "":
		since, err := sinceWhen(c.String("since"), ask.Now)
		if err != nil {
			return exitOK, err
		}
		ask.Since = since
	default:
		ask.Latest = true
	}
	if len(c.StringSlice("inventory")) > 0 {
		if err := p.wantedNow(c, &ask); err != nil {
			return exitOK, err
		}
	}
	var err error
	if ask.Rows, err = catalog.All(); err != nil {
		return exitOK, err
	}
	j, err := existingJournal(c)
	if err != nil {
		return exitOK, err
	}
	if j == nil {
		dir, _ := stateDir(c)
		return exitOK, fmt.Errorf("%w: there is no journal in %s; say where it is with --state, or look at the farm first with `farmwall verify`", evidence.ErrNothing, dir)
	}
	defer j.Close()
	r, err := evidence.Build(c.Context, j, ask)
	if err != nil {
		return exitOK, err
	}
	if r.Chain.Damage != "" {
		p.say("warning", r.Chain.Damage)
	}
	return exitOK, p.writeReport(c, r, reportFormats())
}

// writeReport writes a report in the format that was asked for, a file whole or not at all.
func (p *program) writeReport(c *cli.Context, r *evidence.Report, known formats) error {
	write, path := known[c.String("format")], c.String("out")
	var b bytes.Buffer
	if err := write(r, &b); err != nil {
		return err
	}
	if path == "" {
		_, err := p.stdout.Write(b.Bytes())
		return err
	}
	return writeWhole(path, b.Bytes())
}

// writeWhole writes a file for its owner alone, beside the old one and then over it.
func writeWhole(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("the report cannot be written: %w", err)
	}
	return nil
}

// wantedNow adds today's inventory to what a report is made of.
func (p *program) wantedNow(c *cli.Context, ask *evidence.Ask) error {
	inv, hosts, err := p.farmsWith(c, inventory.Options{NoSecrets: true})
	if err != nil {
		return err
	}
	if ask.Rows, err = catalog.All(); err != nil {
		return err
	}
	runner := &tasks.Runner{Rows: ask.Rows, Lookup: briefly, Now: time.Now, Report: func(tasks.Event) {}}
	wanted, _, err := runner.Wanted(c.Context, inv, hosts)
	if err != nil {
		return err
	}
	for i := range wanted {
		ask.Wanted = append(ask.Wanted, evidence.Wanted{Host: inv.Host(wanted[i].Host), Farm: wanted[i].Farm, Rules: wanted[i].Rules})
	}
	for _, f := range inv.Farms {
		ask.Farms = append(ask.Farms, tasks.Count{Farm: f.Name, Members: len(f.Members)})
	}
	return nil
}

// existingJournal opens the journal where there is one, and makes none.
func existingJournal(c *cli.Context) (*tasks.Journal, error) {
	dir, err := stateDir(c)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "journal.db")); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return tasks.OpenJournal(dir)
}

// sinceWhen reads "30d", "12h", a day or a time.
func sinceWhen(given string, now time.Time) (time.Time, error) {
	bad := usagef("--since %s: write 30d, 12h, 90m, a day as 2026-11-01, or a time as 2026-11-01T08:00:00Z", given)
	if days, ok := strings.CutSuffix(given, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 1 || n > 36500 {
			return time.Time{}, bad
		}
		return now.AddDate(0, 0, -n), nil
	}
	if d, err := time.ParseDuration(given); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.ParseInLocation(layout, given, time.Local); err == nil {
			if at.After(now) {
				return time.Time{}, usagef("--since %s: that is in the future", given)
			}
			return at, nil
		}
	}
	return time.Time{}, bad
}
