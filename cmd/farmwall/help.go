package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func (p *program) helpVerb() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "explain a verb, or the exit codes (help exits)", Category: "this program",
		ArgsUsage: "[VERB|exits]",
		Action: p.action(func(c *cli.Context) (int, error) {
			switch topic := c.Args().First(); topic {
			case "":
				return exitOK, cli.ShowAppHelp(c)
			case "exits":
				return exitOK, p.showExits()
			default:
				if named(c.App.Commands, topic) == nil {
					return exitOK, unknownVerb("", topic, c.App.Commands)
				}
				return exitOK, p.app().RunContext(c.Context, []string{c.App.Name, topic, "--help"})
			}
		}),
	}
}

func (p *program) showExits() error {
	rows := [][]string{{"EXIT", "MEANING"}}
	for _, m := range exits() {
		rows = append(rows, []string{fmt.Sprint(m.Code), m.Text})
	}
	writeTable(p.stdout, rows)
	_, err := fmt.Fprintf(p.stdout, "\nWhere several hold, the first of these: %v\n", precedence())
	return err
}
