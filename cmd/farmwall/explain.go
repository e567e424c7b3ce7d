package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/tasks"
)

func (p *program) explainVerb() *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "show step by step what a host does with a flow, and which rule decides", Category: "looking at hosts",
		ArgsUsage: "HOST PROTOCOL/PORT...",
		Flags: together(sourceFlags(), reachFlags(), []cli.Flag{
			text("from", "", "", "from `WHO`: addresses, hosts of the inventory, loopback, anywhere (default); commas between"),
			text("to", "", "", "the host's `ADDRESS` that is asked for; with --outbound: to whom, as --from"),
			toggle("outbound", "", "the host itself starts the flow"),
		}, stateFlags(), showFlags("text", "json")),
		Action: p.action(p.explain),
	}
}

func (p *program) explain(c *cli.Context) (int, error) {
	if c.String("limit") != "" {
		return exitOK, usagef("explain is about the host that it names; it takes no --limit")
	}
	if c.NArg() < 2 {
		return exitOK, usagef("explain needs a host and what to ask: farmwall explain HOST tcp/443")
	}
	j, err := p.job(c)
	if err != nil {
		return exitOK, err
	}
	defer j.close()
	host, q, err := question(c, j.inv)
	if err != nil {
		return exitOK, err
	}
	x, s, err := j.runner.Explain(c.Context, j.inv, host, q)
	if err != nil {
		return exitOK, err
	}
	exit := exitOf(s, false)
	if c.String("output") == "json" {
		stopProgress(j.printer)
		return exit, writeJSON(p.stdout, explainDocument{Explanation: x, Summary: s, Exit: exit})
	}
	if x == nil {
		return exit, j.printer.summary(s, exit)
	}
	stopProgress(j.printer)
	return exit, p.showExplained(x, coloursFor(p.stdout, c.Bool("no-color")))
}

// explainDocument is what explain prints as JSON; without an explanation its outcomes
// say why.
type explainDocument struct {
	*tasks.Explanation
	*tasks.Summary
	Exit int `json:"exit"`
}

// question reads the arguments and flags; the error names all mistakes at once.
func question(c *cli.Context, inv *inventory.Inventory) (*inventory.Host, tasks.Question, error) {
	q := tasks.Question{Direction: rules.In}
	var wrong []string
	args := c.Args().Slice()
	host := hostNamed(inv, args[0])
	if host == nil {
		var names []string
		for _, h := range inv.Hosts {
			names = append(names, h.Name)
		}
		wrong = append(wrong, fmt.Sprintf("no host of the inventory is called %q%s", args[0], meant(args[0], names)))
	}
	for _, arg := range args[1:] {
		asked, err := askedFlows(arg)
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		q.Asked = append(q.Asked, asked...)
	}
	far, farFlag := c.String("from"), "--from"
	if c.Bool("outbound") {
		q.Direction = rules.Out
		if far != "" {
			wrong = append(wrong, "--from goes without --outbound: the host itself starts the flow; name with --to whom it calls")
		}
		far, farFlag = c.String("to"), "--to"
	} else if to := c.String("to"); to != "" {
		a, err := parseAddress(to)
		if err != nil {
			wrong = append(wrong, fmt.Sprintf("--to %s: not an address; without --outbound it is the address of the host that is asked for", to))
		}
		q.Local = a
	}
	wrong = append(wrong, otherEnd(&q, inv, far, farFlag)...)
	if q.Loopback && q.Local.IsValid() {
		wrong = append(wrong, "--to goes without --from loopback")
	}
	if len(wrong) > 0 {
		return nil, q, usagef("%s", strings.Join(wrong, "\n"))
	}
	return host, q, nil
}

func hostNamed(inv *inventory.Inventory, name string) *inventory.Host {
	for _, h := range inv.Hosts {
		if h.Name == name {
			return h
		}
	}
	return nil
}

// stopProgress ends the line of progress before something else is printed.
func stopProgress(pr printer) {
	switch pr := pr.(type) {
	case *textPrinter:
		pr.progress.stop()
	case *jsonPrinter:
		pr.progress.stop()
	}
}
