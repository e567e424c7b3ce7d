package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"farmwall/transport/lab"
	"farmwall/transport/lab/windows/farm"
)

func (p *program) labExec(c *cli.Context) (int, error) {
	if !c.Args().Present() {
		return exitOK, usagef("lab exec: which command? for example: farmwall lab exec -- farmwall plan -i INVENTORY")
	}
	at, err := p.joinPlace(c)
	if err != nil {
		return exitOK, err
	}
	return p.inLab(at.run, at.command(c.Args().Slice()))
}

func (p *program) labHost(c *cli.Context) (int, error) {
	if c.NArg() < 2 {
		return exitOK, usagef("lab host: which host and which command? for example: farmwall lab host gw1 -- nft list ruleset")
	}
	at, err := p.joinPlace(c)
	if err != nil {
		return exitOK, err
	}
	name := c.Args().First()
	if known, err := at.isWindows(c.Context, name); known || err != nil {
		return p.windowsDesk(c.Context, at, name, c.Args().Tail(), err)
	}
	h, err := at.linuxHost(name)
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
	at, err := p.joinPlace(c)
	if err != nil {
		return exitOK, err
	}
	if at.farm == nil {
		return exitOK, usagef("lab shell: this lab has Windows hosts only, and they are reached from any shell; see \"farmwall lab exec\"")
	}
	cmd := lab.Command{Argv: []string{"/bin/sh"}}
	plain, withTerminal := at.farm.Run, at.farm.Shell
	if name := c.Args().First(); name != "" {
		if known, err := at.isWindows(c.Context, name); known || err != nil {
			return exitOK, usagef("lab shell: %s is a Windows host; \"farmwall lab host %s -- help\" says what it understands", name, name)
		}
		h, err := at.linuxHost(name)
		if err != nil {
			return exitOK, err
		}
		plain, withTerminal = h.Run, h.Shell
		cmd.Env = []string{"PS1=root@" + name + ":$PWD# "}
	} else {
		cmd = at.command(cmd.Argv)
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
func (p *program) labPress(c *cli.Context, name string, button func(*lab.Host, context.Context) error) (int, error) {
	if !c.Args().Present() {
		return exitOK, usagef("lab %s: which host?", name)
	}
	at, err := p.joinPlace(c)
	if err != nil {
		return exitOK, err
	}
	var presses []func() error
	for _, host := range c.Args().Slice() {
		known, err := at.isWindows(c.Context, host)
		if err != nil {
			return exitOK, err
		}
		if known {
			presses = append(presses, func() error { return at.windows.Press(c.Context, name, host) })
			continue
		}
		h, err := at.linuxHost(host)
		if err != nil {
			return exitOK, err
		}
		presses = append(presses, func() error { return button(h, c.Context) })
	}
	for i, press := range presses {
		if err := press(); err != nil {
			return exitOK, fmt.Errorf("%s %s: %w", name, c.Args().Get(i), err)
		}
	}
	return exitOK, nil
}

func (p *program) labList(c *cli.Context) (int, error) {
	at, err := p.joinPlace(c)
	if err != nil {
		return exitOK, err
	}
	rows := [][]string{{"HOST", "SYSTEM", "POWER", "CABLE", "BOOTS", "PORT", "ADDRESSES"}}
	cable := map[bool]string{true: "pulled", false: "plugged"}
	if at.farm != nil {
		hosts, err := at.farm.List(c.Context)
		if err != nil {
			return exitOK, err
		}
		for _, h := range hosts {
			var addrs []string
			for _, a := range h.Addresses {
				addrs = append(addrs, a.String())
			}
			rows = append(rows, []string{h.Name, "Linux", h.Power, cable[h.Cut], fmt.Sprint(h.Boots), fmt.Sprint(h.Port), strings.Join(addrs, " ")})
		}
	}
	if at.windows != nil {
		hosts, err := at.windows.List(c.Context)
		if err != nil {
			return exitOK, err
		}
		for _, h := range hosts {
			port, addrs := uint16(0), []string{}
			for _, l := range h.Lines {
				port, addrs = l.Port(), append(addrs, l.Addr().String())
			}
			rows = append(rows, []string{h.Name, "Windows", h.Power, cable[h.Cut], fmt.Sprint(h.Boots), fmt.Sprint(port), strings.Join(addrs, " ")})
		}
	}
	writeTable(p.stdout, rows)
	return exitOK, nil
}

func (p *program) labDown(c *cli.Context) (int, error) {
	at, err := p.joinPlace(c)
	if err != nil {
		return exitOK, err
	}
	if at.windows != nil {
		err = at.windows.Down(c.Context)
	}
	if at.farm != nil {
		err = at.farm.Down(c.Context)
	}
	return exitOK, err
}

// linuxHost finds a host that is a namespace.
func (l *place) linuxHost(name string) (*lab.Host, error) {
	if l.farm == nil {
		return nil, fmt.Errorf("the lab has no host %q", name)
	}
	return l.farm.Host(name)
}

// windowsDesk does something at the desk of a Windows host.
func (p *program) windowsDesk(ctx context.Context, at *place, name string, argv []string, err error) (int, error) {
	if err != nil {
		return exitOK, err
	}
	if argv[0] == "help" {
		rows := [][]string{{"COMMAND", "WHAT IT DOES"}}
		for _, w := range farm.Words() {
			rows = append(rows, w[:])
		}
		writeTable(p.stdout, append(rows, []string{"anything else", "what cmd.exe would do with it, as far as the lab's engine goes"}))
		return exitOK, nil
	}
	var input []byte
	own := slices.ContainsFunc(farm.Words(), func(w [2]string) bool { return strings.Fields(w[0])[0] == argv[0] })
	if !own && !isTerminal(p.stdin) {
		if input, err = io.ReadAll(p.stdin); err != nil {
			return exitOK, err
		}
	}
	out, errs, code, err := at.windows.Run(ctx, name, argv, input)
	p.stdout.Write(out)
	p.stderr.Write(errs)
	return code, err
}
