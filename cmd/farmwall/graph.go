package main

import (
	"errors"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/tasks/evidence"
)

func (p *program) graphVerb() *cli.Command {
	return &cli.Command{
		Name: "graph", Usage: "draw a map of the farm: who reaches what, and the newest verdicts of the journal", Category: "looking back",
		Flags: together([]cli.Flag{
			writtenAs(graphFormats(), "svg"),
			text("out", "o", "", "write to `FILE`, not to standard output"),
		}, sourceFlags(), stateFlags()),
		Action: p.action(p.graph),
	}
}

func graphFormats() formats {
	return formats{"svg": (*evidence.Report).WriteSVG, "dot": (*evidence.Report).WriteDot, "mermaid": (*evidence.Report).WriteMermaid}
}

func (p *program) graph(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	ask := evidence.Ask{Version: version(), Now: time.Now()}
	if err := p.wantedNow(c, &ask); err != nil {
		return exitOK, err
	}
	if len(ask.Wanted) == 0 {
		return exitOK, inventory.ErrNoHost
	}
	j, err := existingJournal(c)
	if err != nil {
		return exitOK, err
	}
	var r *evidence.Report
	if j != nil {
		defer j.Close()
		r, err = evidence.Build(c.Context, j, ask)
	}
	if j == nil || errors.Is(err, evidence.ErrNothing) {
		r, err = evidence.Draw(ask), nil
	}
	if err != nil {
		return exitOK, err
	}
	r.Only(ask.Wanted)
	return exitOK, p.writeReport(c, r, graphFormats())
}
