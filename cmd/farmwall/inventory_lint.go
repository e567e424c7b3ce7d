package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

// inventoryLint prints all that is wrong or odd in the inventory. Mistakes make the
// exit code 1, with --strict oddities too.
func (p *program) inventoryLint(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	options := inventory.Options{NoRoles: true, NoSecrets: true}
	sources, err := p.sources(c, &options)
	if err != nil {
		return exitOK, err
	}
	problems, warnings, err := inventory.Lint(c.Context, sources, options)
	if err != nil {
		return exitOK, err
	}
	exit := exitOK
	if len(problems) > 0 || c.Bool("strict") && len(warnings) > 0 {
		exit = exitNotStarted
	}
	if c.String("output") == "json" {
		return exit, writeJSON(p.stdout, map[string]inventory.Problems{"mistakes": orNone(problems), "warnings": orNone(warnings)})
	}
	for _, found := range []struct {
		kind string
		list inventory.Problems
	}{{"mistake", problems}, {"warning", warnings}} {
		for _, f := range found.list {
			if _, err := fmt.Fprintf(p.stdout, "%s: %s\n", found.kind, plain(f.Error())); err != nil {
				return exit, err
			}
		}
	}
	_, err = fmt.Fprintf(p.stdout, "%s, %s\n", count(len(problems), "mistake"), count(len(warnings), "warning"))
	return exit, err
}

func orNone(list inventory.Problems) inventory.Problems {
	if list == nil {
		return inventory.Problems{}
	}
	return list
}
