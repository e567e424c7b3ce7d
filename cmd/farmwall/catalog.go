package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/rules"
	"farmwall/rules/catalog"
)

func (p *program) catalogVerb() *cli.Command {
	return &cli.Command{
		Name: "catalog", Usage: "show the port reference that rules are made from", Category: "without contacting a host",
		Flags: together([]cli.Flag{
			text("edition", "", "", "only the rows of edition `N` (16 to 21)"),
			text("role", "", "", "only the rows of `ROLE`"),
		}, showFlags("text", "json", "csv")),
		Action: p.action(p.catalog),
	}
}

func (p *program) catalog(c *cli.Context) (int, error) {
	editions := catalog.Editions()
	if e := c.String("edition"); e != "" {
		editions = []string{e}
	}
	var role inventory.Role
	if name := c.String("role"); name != "" {
		var ok bool
		if role, ok = inventory.ParseRole(name); !ok {
			return exitOK, usagef("there is no role %q%s", name, meant(name, roleNames()))
		}
	}
	var infos []catalog.Info
	var rows []rules.Row
	for _, e := range editions {
		info, err := catalog.Describe(e)
		if err != nil {
			return exitOK, err
		}
		some, err := catalog.Edition(e)
		if err != nil {
			return exitOK, err
		}
		infos = append(infos, info)
		for _, r := range some {
			if role == "" || slices.Contains(r.Roles, role) {
				rows = append(rows, r)
			}
		}
	}
	switch c.String("output") {
	case "json":
		return exitOK, writeJSON(p.stdout, map[string]any{"editions": infos, "rows": rows})
	case "csv":
		return exitOK, writeCSV(p.stdout, catalogCSV(rows))
	}
	writeTable(p.stdout, catalogTable(rows))
	for _, info := range infos {
		note := "complete"
		if !info.Complete {
			note = "incomplete: more rows exist than were seen; " + strings.Join(info.Unseen, "; ")
		}
		fmt.Fprintf(p.stdout, "\nEdition %s, %s: %s", info.ID, plain(info.Title), plain(note))
	}
	_, err := fmt.Fprintf(p.stdout, "\n\n%s\n", count(len(rows), "row"))
	return exitOK, err
}

func catalogTable(rows []rules.Row) [][]string {
	out := [][]string{{"ID", "COMPONENT", "WAY", "SCOPE", "OPENS", "CONDITION", "ENDPOINT", "VERSIONS"}}
	for i := range rows {
		r := &rows[i]
		out = append(out, []string{r.ID, r.Component, r.Direction, string(r.Scope), rowOpens(r), r.Condition, r.Remote, rowVersions(r)})
	}
	return out
}

// catalogCSV has the columns of the user's own table.
func catalogCSV(rows []rules.Row) [][]string {
	out := [][]string{{"id", "component", "direction", "scope", "protocol", "port_or_proto_number", "condition", "remote",
		"min_version", "max_version", "commentary", "seed_line_number"}}
	for i := range rows {
		r := &rows[i]
		var lines []string
		for _, n := range r.Lines {
			lines = append(lines, fmt.Sprint(n))
		}
		protocol, port := protocolName(r.Protocol), fmt.Sprint(r.Port)
		if r.Port == 0 {
			protocol, port = "ip", fmt.Sprint(uint8(r.Protocol))
		}
		out = append(out, []string{r.ID, r.Component, r.Direction, string(r.Scope), protocol, port, r.Condition, r.Remote,
			r.MinVersion, r.MaxVersion, r.Commentary, strings.Join(lines, ";")})
	}
	return out
}

func rowOpens(r *rules.Row) string {
	if r.Port == 0 {
		return protocolName(r.Protocol)
	}
	return fmt.Sprintf("%s %d", protocolName(r.Protocol), r.Port)
}

func rowVersions(r *rules.Row) string {
	switch {
	case r.MinVersion == "" && r.MaxVersion == "":
		return ""
	case r.MaxVersion == "":
		return "from " + r.MinVersion
	case r.MinVersion == "":
		return "up to " + r.MaxVersion
	}
	return r.MinVersion + " to " + r.MaxVersion
}

func roleNames() []string {
	var names []string
	for _, r := range inventory.Roles() {
		names = append(names, string(r))
	}
	return names
}
