package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/tasks"
)

func (p *program) historyVerb() *cli.Command {
	flags := together(stateFlags(), showFlags("text", "json"))
	return &cli.Command{
		Name: "history", Usage: "what was done, from the journal", Category: "looking back",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "every run, the newest first", Flags: flags, Action: p.action(p.historyList)},
			{Name: "show", Usage: "one run, host by host, with its changes", ArgsUsage: "RUN", Flags: flags, Action: p.action(p.historyShow)},
			{Name: "verify", Usage: "prove that no byte of the journal was changed", Flags: flags, Action: p.action(p.historyVerify)},
			{Name: "prune", Usage: "forget what is older than --keep, but nothing that a host still needs", Action: p.action(p.historyPrune),
				Flags: together([]cli.Flag{text("keep", "", journalKept, "`TIME` to keep, as in 400d")}, flags)},
		},
	}
}

func (p *program) historyList(c *cli.Context) (int, error) {
	j, err := openJournal(c)
	if err != nil {
		return exitOK, err
	}
	defer j.Close()
	runs, err := j.Runs(c.Context)
	if err != nil {
		return exitOK, err
	}
	slices.Reverse(runs)
	if c.String("output") == "json" {
		return exitOK, writeJSON(p.stdout, runs)
	}
	if len(runs) == 0 {
		_, err := fmt.Fprintln(p.stdout, "The journal is empty: no run has changed anything yet.")
		return exitOK, err
	}
	rows := [][]string{{"RUN", "VERB", "STARTED", "TOOK", "EXIT", "BY"}}
	for i := range runs {
		rows = append(rows, runRow(&runs[i]))
	}
	writeTable(p.stdout, rows)
	return exitOK, nil
}

func runRow(r *tasks.RunRecord) []string {
	took, exit := "unfinished", "-"
	if !r.Ended.IsZero() {
		took, exit = short(r.Ended.Sub(r.Started)), fmt.Sprint(r.Exit)
	}
	return []string{r.ID, r.Verb, r.Started.Local().Format(time.DateTime), took, exit, r.Controller}
}

func (p *program) historyShow(c *cli.Context) (int, error) {
	id, err := oneArgument(c, "RUN")
	if err != nil {
		return exitOK, err
	}
	j, err := openJournal(c)
	if err != nil {
		return exitOK, err
	}
	defer j.Close()
	run, err := j.Run(c.Context, id)
	if err != nil {
		return exitOK, err
	}
	if c.String("output") == "json" {
		return exitOK, writeJSON(p.stdout, run)
	}
	writeTable(p.stdout, [][]string{{"RUN", "VERB", "STARTED", "TOOK", "EXIT", "BY"}, runRow(run)})
	fmt.Fprintln(p.stdout)
	d := detail{all: c.Count("verbose") > 0, reasons: c.Bool("diff"), changes: true, colours: coloursFor(p.stdout, c.Bool("no-color"))}
	var views []view
	for i := range run.Hosts {
		h := &run.Hosts[i]
		status := string(h.Status)
		if status == "" {
			status = "unfinished"
		}
		v := view{host: h.Host, status: tasks.Status(status), changes: h.Changes, problem: plain(h.Detail)}
		if v.problem == "" {
			v.problem = fmt.Sprintf("farm %s; %s before, %d after", h.Farm, count(len(h.Before), "rule"), len(h.Target))
		}
		views = append(views, v)
	}
	d.show(p.stdout, views)
	return exitOK, nil
}

func (p *program) historyVerify(c *cli.Context) (int, error) {
	j, err := openJournal(c)
	if err != nil {
		return exitOK, err
	}
	defer j.Close()
	entries, last, err := j.Verify(c.Context)
	if err != nil {
		return exitOK, err
	}
	if c.String("output") == "json" {
		return exitOK, writeJSON(p.stdout, map[string]any{"entries": entries, "last": last})
	}
	_, err = fmt.Fprintf(p.stdout, "%d entries, none changed; the last hash is %s\n", entries, orDash(last))
	return exitOK, err
}

func openJournal(c *cli.Context) (*tasks.Journal, error) {
	dir, err := stateDir(c)
	if err != nil {
		return nil, err
	}
	return tasks.OpenJournal(dir)
}

// oneArgument returns the verb's one argument.
func oneArgument(c *cli.Context, name string) (string, error) {
	if c.NArg() != 1 {
		return "", usagef("%s takes one argument, %s; it got %d", c.Command.HelpName, name, c.NArg())
	}
	return c.Args().First(), nil
}

func noArgument(c *cli.Context) error {
	if c.NArg() > 0 {
		return usagef("%s takes no argument; it got %q", c.Command.HelpName, c.Args().First())
	}
	return nil
}
