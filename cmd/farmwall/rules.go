package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
	"farmwall/tasks"
)

func (p *program) rulesVerb() *cli.Command {
	return &cli.Command{
		Name: "rules", Usage: "show the rules that each host should have, with the reason for each", Category: "without contacting a host",
		Flags:  together(sourceFlags(), showFlags("text", "json", "csv")),
		Action: p.action(p.rules),
	}
}

func (p *program) rules(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	inv, hosts, err := p.farmsWith(c, inventory.Options{NoSecrets: true})
	if err != nil {
		return exitOK, err
	}
	rows, err := catalog.All()
	if err != nil {
		return exitOK, err
	}
	runner := &tasks.Runner{Rows: rows, Lookup: briefly, Now: time.Now, Report: func(tasks.Event) {}}
	wanted, farms, err := runner.Wanted(c.Context, inv, hosts)
	if err != nil {
		return exitOK, err
	}
	switch c.String("output") {
	case "json":
		return exitOK, writeJSON(p.stdout, map[string]any{"farms": farms, "hosts": wanted})
	case "csv":
		return exitOK, writeCSV(p.stdout, ruleCSV(wanted))
	}
	d := detail{all: c.Count("verbose") > 0, colours: coloursFor(p.stdout, c.Bool("no-color"))}
	for i := range wanted {
		p.showWanted(&wanted[i], d)
	}
	for _, f := range farms {
		fmt.Fprintf(p.stdout, "farm %s: %s\n", plain(f.Farm), count(len(f.Members), "member"))
		for _, n := range foldNotes(f.Notes) {
			fmt.Fprintf(p.stdout, "  %s %s\n", d.colours.faint("note:"), plain(n))
		}
	}
	return exitOK, nil
}

func (p *program) showWanted(w *tasks.Wanted, d detail) {
	fmt.Fprintf(p.stdout, "%s %s\n", d.colours.bold(plain(w.Host)), d.colours.faint("(farm "+plain(w.Farm)+", "+count(len(w.Rules), "rule")+")"))
	width := 0
	for i := range w.Rules {
		width = max(width, len(w.Rules[i].ID))
	}
	for i := range w.Rules {
		r := &w.Rules[i]
		line := fmt.Sprintf("  %-*s  %s", min(width, 48), plain(r.ID), opens(r, d.all))
		if r.OnlyIfBlocked {
			line += " (only where outbound is blocked)"
		}
		fmt.Fprintln(p.stdout, line)
		if r.Why != nil {
			fmt.Fprintf(p.stdout, "      %s\n", d.colours.faint(reason(r)))
		}
	}
	for _, n := range foldNotes(w.Notes) {
		fmt.Fprintf(p.stdout, "  %s %s\n", d.colours.faint("note:"), plain(n))
	}
	fmt.Fprintln(p.stdout)
}

// briefly looks a name up, for a verb that nobody wants to wait for.
func briefly(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return lookup(ctx, name)
}

func ruleCSV(wanted []tasks.Wanted) [][]string {
	out := [][]string{{"host", "farm", "id", "direction", "protocol", "ports", "remotes", "only_if_blocked", "role", "row", "deciders", "text"}}
	for _, w := range wanted {
		for i := range w.Rules {
			r := &w.Rules[i]
			why := rules.Why{}
			if r.Why != nil {
				why = *r.Why
			}
			out = append(out, []string{w.Host, w.Farm, r.ID, string(r.Direction), protocolName(r.Protocol), rules.PortsText(r.Ports, ","), remoteWords(r, true),
				fmt.Sprint(r.OnlyIfBlocked), string(why.Role), why.Row, strings.Join(why.Deciders, "; "), why.Text})
		}
	}
	return out
}
