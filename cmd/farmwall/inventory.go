package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

func (p *program) inventoryVerb() *cli.Command {
	flags := together(sourceFlags(), showFlags("text", "json"))
	tables := together(sourceFlags(), showFlags("text", "json", "csv", "hosts", "ansible-json"))
	return &cli.Command{
		Name: "inventory", Usage: "show what the inventory says", Category: "without contacting a host",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "hosts, farms, roles and addresses", Flags: tables, Action: p.action(p.inventoryList)},
			{Name: "graph", Usage: "groups and their hosts as a tree", Flags: flags, Action: p.action(p.inventoryGraph)},
			{Name: "vars", Usage: "one host's variables, and where each was set", ArgsUsage: "HOST", Flags: flags, Action: p.action(p.inventoryVars)},
			{Name: "lint", Usage: "all that is wrong or odd in the inventory", Flags: together(flags, []cli.Flag{toggle("strict", "", "exit 1 for warnings too")}), Action: p.action(p.inventoryLint)},
			p.importVerb(),
		},
	}
}

func (p *program) inventoryList(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	format := c.String("output")
	inv, hosts, err := p.farmsWith(c, inventory.Options{NoRoles: true, NoSecrets: true, Plain: format == "hosts" || format == "ansible-json"})
	if err != nil {
		return exitOK, err
	}
	switch format {
	case "hosts":
		return exitOK, p.hostNames(hosts)
	case "ansible-json":
		return exitOK, p.ansibleListing(inv, hosts)
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
	switch format {
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

// hostNames prints names alone, as they stand in the inventory: for programs.
func (p *program) hostNames(hosts []*inventory.Host) error {
	var b strings.Builder
	for _, h := range hosts {
		b.WriteString(h.Name + "\n")
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

// ansibleListing prints what ansible-inventory --list does.
func (p *program) ansibleListing(inv *inventory.Inventory, hosts []*inventory.Host) error {
	secrets, err := inv.WriteAnsible(p.stdout, hosts)
	if secrets > 0 {
		p.say("warning", fmt.Sprintf("the listing holds %s of encrypted files in plain text, as ansible-inventory's does", count(secrets, "value")))
	}
	return err
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
	inv, _, err := p.farmsWith(c, inventory.Options{NoRoles: true, NoSecrets: true})
	if err != nil {
		return exitOK, err
	}
	h := inv.Host(name)
	if h == nil {
		return exitOK, fmt.Errorf("%w: %s is not in the inventory", inventory.ErrNoHost, name)
	}
	return exitOK, p.showVars(c, h)
}
