package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"farmwall/transport/lab"
)

// joinLab finds the lab that another farmwall holds.
func (p *program) joinLab(c *cli.Context) (*lab.Farm, error) {
	farm, err := lab.Join(c.Context, labDirOf(c))
	if err != nil {
		return nil, fmt.Errorf("%w; \"farmwall lab up -i INVENTORY\" brings one up", err)
	}
	return farm, nil
}

func (p *program) labExec(c *cli.Context) (int, error) {
	if !c.Args().Present() {
		return exitOK, usagef("lab exec: which command? for example: farmwall lab exec -- farmwall plan -i INVENTORY")
	}
	farm, err := p.joinLab(c)
	if err != nil {
		return exitOK, err
	}
	return p.inLab(farm.Run, labCommand(farm, c.Args().Slice()))
}

func (p *program) labHost(c *cli.Context) (int, error) {
	if c.NArg() < 2 {
		return exitOK, usagef("lab host: which host and which command? for example: farmwall lab host gw1 -- nft list ruleset")
	}
	farm, err := p.joinLab(c)
	if err != nil {
		return exitOK, err
	}
	h, err := farm.Host(c.Args().First())
	if err != nil {
		return exitOK, err
	}
	return p.inLab(h.Run, lab.Command{Argv: c.Args().Tail()})
}

// labShell gives the person a shell in the lab. Without a terminal it reads
// commands from standard input.
func (p *program) labShell(c *cli.Context) (int, error) {
	if c.NArg() > 1 {
		return exitOK, usagef("lab shell: one host at a time")
	}
	farm, err := p.joinLab(c)
	if err != nil {
		return exitOK, err
	}
	cmd := lab.Command{Argv: []string{"/bin/sh"}}
	plain, withTerminal := farm.Run, farm.Shell
	if name := c.Args().First(); name != "" {
		h, err := farm.Host(name)
		if err != nil {
			return exitOK, err
		}
		plain, withTerminal = h.Run, h.Shell
		cmd.Env = []string{"PS1=root@" + name + ":$PWD# "}
	} else {
		cmd = labCommand(farm, cmd.Argv)
		cmd.Env = append(cmd.Env, "PS1=lab:$PWD$ ")
	}
	in, ok := p.stdin.(*os.File)
	if !ok || !isTerminal(p.stdin) || !isTerminal(p.stdout) {
		return p.inLab(plain, cmd)
	}
	if kind := os.Getenv("TERM"); kind != "" {
		cmd.Env = append(cmd.Env, "TERM="+kind)
	}
	raw, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return exitOK, err
	}
	defer term.Restore(int(in.Fd()), raw)
	return p.inLab(withTerminal, cmd)
}

// labPress does something to each of the hosts named.
func (p *program) labPress(c *cli.Context, button func(*lab.Host, context.Context) error) (int, error) {
	if !c.Args().Present() {
		return exitOK, usagef("lab %s: which host?", c.Command.Name)
	}
	farm, err := p.joinLab(c)
	if err != nil {
		return exitOK, err
	}
	var hosts []*lab.Host
	for _, name := range c.Args().Slice() {
		h, err := farm.Host(name)
		if err != nil {
			return exitOK, err
		}
		hosts = append(hosts, h)
	}
	for _, h := range hosts {
		if err := button(h, c.Context); err != nil {
			return exitOK, fmt.Errorf("%s %s: %w", c.Command.Name, h.Name, err)
		}
	}
	return exitOK, nil
}

func (p *program) labList(c *cli.Context) (int, error) {
	farm, err := p.joinLab(c)
	if err != nil {
		return exitOK, err
	}
	hosts, err := farm.List(c.Context)
	if err != nil {
		return exitOK, err
	}
	rows := [][]string{{"HOST", "POWER", "CABLE", "BOOTS", "SSH PORT", "ADDRESSES"}}
	for _, h := range hosts {
		var addrs []string
		for _, a := range h.Addresses {
			addrs = append(addrs, a.String())
		}
		cable := "plugged"
		if h.Cut {
			cable = "pulled"
		}
		rows = append(rows, []string{h.Name, h.Power, cable, fmt.Sprint(h.Boots), fmt.Sprint(h.Port), strings.Join(addrs, " ")})
	}
	writeTable(p.stdout, rows)
	return exitOK, nil
}

func (p *program) labDown(c *cli.Context) (int, error) {
	farm, err := p.joinLab(c)
	if err != nil {
		return exitOK, err
	}
	return exitOK, farm.Down(c.Context)
}
