package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

func (p *program) inventoryVerb() *cli.Command {
	flags := together(sourceFlags(), showFlags("text", "json"))
	tables := together(sourceFlags(), showFlags("text", "json", "csv"))
	return &cli.Command{
		Name: "inventory", Usage: "show what the inventory says", Category: "without contacting a host",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "hosts, farms, roles and addresses", Flags: tables, Action: p.action(p.inventoryList)},
			{Name: "graph", Usage: "groups and their hosts as a tree", Flags: flags, Action: p.action(p.inventoryGraph)},
			{Name: "vars", Usage: "one host's variables, and where each was set", ArgsUsage: "HOST", Flags: flags, Action: p.action(p.inventoryVars)},
		},
	}
}

func (p *program) inventoryList(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	inv, hosts, err := p.farms(c)
	if err != nil {
		return exitOK, err
	}
	type entry struct {
		Host      string           `json:"host"`
		Farm      string           `json:"farm,omitempty"`
		Roles     []inventory.Role `json:"roles,omitempty"`
		Groups    []string         `json:"groups"`
		Addresses []string         `json:"addresses,omitempty"`
		Connect   string           `json:"connect"`
	}
	var list []entry
	rows := [][]string{{"HOST", "FARM", "ROLES", "ADDRESSES", "REACHED AT"}}
	for _, h := range hosts {
		e := entry{Host: h.Name, Farm: h.Farm, Roles: h.Roles, Groups: h.Groups, Connect: reachedAt(h)}
		for _, a := range h.Addresses.Value {
			e.Addresses = append(e.Addresses, a.String())
		}
		list = append(list, e)
		rows = append(rows, []string{h.Name, orDash(h.Farm), orDash(roleWords(h.Roles)), orDash(strings.Join(e.Addresses, " ")), e.Connect})
	}
	switch c.String("output") {
	case "json":
		return exitOK, writeJSON(p.stdout, list)
	case "csv":
		return exitOK, writeCSV(p.stdout, rows)
	}
	writeTable(p.stdout, rows)
	members := 0
	for _, f := range inv.Farms {
		members += len(f.Members)
	}
	_, err = fmt.Fprintf(p.stdout, "\n%s, %s, %s\n", count(len(inv.Farms), "farm"), count(members, "member"), count(len(inv.Hosts), "host"))
	return exitOK, err
}

// reachedAt says where a host answers, without secrets.
func reachedAt(h *inventory.Host) string {
	s := h.Access.Connection + "://"
	if h.Access.User != "" {
		s += h.Access.User + "@"
	}
	if strings.Contains(h.Access.Address, ":") {
		s += "[" + h.Access.Address + "]"
	} else {
		s += h.Access.Address
	}
	if h.Access.Port != 0 {
		s += fmt.Sprintf(":%d", h.Access.Port)
	}
	return s
}

func roleWords(roles []inventory.Role) string {
	var names []string
	for _, r := range roles {
		names = append(names, string(r))
	}
	return strings.Join(names, " ")
}

func (p *program) inventoryVars(c *cli.Context) (int, error) {
	name, err := oneArgument(c, "HOST")
	if err != nil {
		return exitOK, err
	}
	inv, _, err := p.farms(c)
	if err != nil {
		return exitOK, err
	}
	h := inv.Host(name)
	if h == nil {
		return exitOK, fmt.Errorf("%w: %s is not in the inventory", inventory.ErrNoHost, name)
	}
	return exitOK, p.showVars(c, h)
}
