package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/transport/lab"
	"farmwall/transport/lab/windows"
)

func (p *program) labVerb() *cli.Command {
	sub := func(name, usage, args string, do func(*cli.Context) (int, error), flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Action: p.action(do), Flags: append([]cli.Flag{labDirFlag()}, flags...)}
	}
	press := func(name, usage string, button func(*lab.Host, context.Context) error) *cli.Command {
		return sub(name, usage, "HOST...", func(c *cli.Context) (int, error) { return p.labPress(c, name, button) })
	}
	return &cli.Command{
		Name: "lab", Usage: "a farm on this machine, to try things out", Category: "without contacting a host",
		Subcommands: []*cli.Command{
			sub("up", "bring up the inventory's hosts, until Ctrl-C or for one COMMAND", "[-- COMMAND...]", p.labUp,
				append(sourceFlags(), text("ruleset", "", "", "`FILE` in nft's language that every Linux host loads at boot"),
					text("at-boot", "", "", "script in `FILE` that every Linux host runs at boot, for rules of iptables or other tools"),
					text("engine", "", string(windows.Model), "what runs scripts on Windows hosts: `model`, or powershell for the real engine"),
					&cli.IntFlag{Name: "rules", Value: 60, Usage: "`N` rules on every Windows host from the start", EnvVars: env("rules")})...),
			sub("exec", "run COMMAND where it reaches the lab's hosts", "-- COMMAND...", p.labExec),
			sub("host", "run COMMAND as root or administrator on HOST, past line and firewall", "HOST -- COMMAND...", p.labHost),
			sub("shell", "a shell on HOST, or without HOST where the hosts can be reached", "[HOST]", p.labShell),
			sub("list", "how each host is", "", p.labList),
			press("reboot", "cut the power of HOST and boot again", (*lab.Host).Reboot),
			press("off", "cut the power of HOST", (*lab.Host).Off),
			press("on", "boot HOST again", (*lab.Host).On),
			press("cut", "pull the network cable of HOST", (*lab.Host).Cut),
			press("plug", "put the network cable of HOST back", (*lab.Host).Plug),
			press("pause", "freeze every process of HOST", (*lab.Host).Pause),
			press("resume", "let the processes of HOST go on", (*lab.Host).Resume),
			sub("down", "end the lab", "", p.labDown),
		},
	}
}

func labDirFlag() cli.Flag {
	return &cli.StringFlag{Name: "lab", Usage: "`DIR` of the lab (default: " + labDir() + ")", EnvVars: []string{lab.EnvDir}}
}

// labDir is where the user's lab is unless told otherwise.
func labDir() string {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "farmwall-lab")
	}
	return filepath.Join(os.TempDir(), fmt.Sprintf("farmwall-lab-%d", os.Getuid()))
}

func labDirOf(c *cli.Context) string {
	if dir := c.String("lab"); dir != "" {
		return dir
	}
	return labDir()
}

func (p *program) labUp(c *cli.Context) (int, error) {
	inv, hosts, err := p.farms(c)
	if err != nil {
		return exitOK, err
	}
	engine := windows.Engine(c.String("engine"))
	if engine != windows.Model && engine != windows.PowerShell {
		return exitOK, usagef("--engine %s: it must be %s or %s", engine, windows.Model, windows.PowerShell)
	}
	chosen := *inv
	chosen.Hosts = hosts
	specs, others, err := lab.Specs(&chosen)
	if err != nil {
		return exitOK, err
	}
	for flag, field := range map[string]func(*lab.HostSpec) *string{
		"ruleset": func(s *lab.HostSpec) *string { return &s.Ruleset },
		"at-boot": func(s *lab.HostSpec) *string { return &s.AtBoot },
	} {
		if c.String(flag) == "" {
			continue
		}
		text, err := os.ReadFile(c.String(flag))
		if err != nil {
			return exitOK, err
		}
		for i := range specs {
			*field(&specs[i]) = string(text)
		}
	}
	g, err := newGuests(inv, others, engine, c.Int("rules"))
	if err != nil {
		return exitOK, err
	}
	begin := time.Now()
	at, err := bringUp(c.Context, labDirOf(c), specs, others, g)
	if err != nil {
		return exitOK, err
	}
	defer at.close()
	if c.Args().Present() {
		return p.inLab(at.run, at.command(c.Args().Slice()))
	}
	signals, stop := labSignals()
	defer stop()
	p.labGreeting(c, at, len(specs), g, time.Since(begin))
	select {
	case <-signals:
	case <-at.ended():
	}
	fmt.Fprintln(p.stderr, "The lab is down.")
	return exitOK, at.close()
}

// labGreeting says how to use the lab.
func (p *program) labGreeting(c *cli.Context, at *place, linux int, g *guests, took time.Duration) {
	first, look := "", "nft list ruleset"
	if linux > 0 {
		first = at.farm.Hosts()[0].Name
	} else {
		first, look = g.Hosts[0].Name, "rules"
	}
	where := ""
	if dir := labDirOf(c); dir != labDir() {
		where = " --lab " + dir
	}
	sources := ""
	for _, source := range c.StringSlice("inventory") {
		sources += " -i " + source
	}
	from := "this machine"
	if at.farm != nil {
		var own []string
		for _, a := range at.farm.Controller() {
			own = append(own, a.String())
		}
		from = strings.Join(own, " and ")
	}
	fmt.Fprintf(p.stdout, "%s up in %.1f s. In another terminal, as the same user:\n\n", count(linux+len(g.Hosts), "host"), took.Seconds())
	line := func(command, what string) {
		fmt.Fprintf(p.stdout, "  farmwall %-60s # %s\n", command, what)
	}
	line("lab exec"+where+" -- farmwall plan"+sources, "farmwall, or any command, from "+from)
	if linux > 0 {
		line("lab shell"+where+" "+first, "a shell on a host")
	}
	line("lab host"+where+" "+first+" -- "+look, "one command on a host")
	if len(g.Hosts) > 0 && linux > 0 {
		line("lab host"+where+" "+g.Hosts[0].Name+" -- rules", "the rules of a Windows host; \"lab host NAME -- help\" says what else")
	}
	line("lab reboot|cut|plug|off|on|pause|resume"+where+" "+first, "what can happen to a host")
	if len(g.Hosts) > 0 {
		fmt.Fprintf(p.stdout, "\nEvery Windows host knows the administrator %s, password %s, and who the inventory names.\n", labAccount, g.password)
		fmt.Fprintf(p.stdout, "What lab exec sets by itself, for other programs and machines: -e @%s --known-tls %s\n", extraIn(at.dir), knownTLSIn(at.dir))
	}
	fmt.Fprintf(p.stdout, "\nCtrl-C here ends it and leaves nothing behind.\n")
}

// labSignals takes Ctrl-C and its kin away from what other verbs do with them: a
// lab's command gets them itself.
func labSignals() (<-chan os.Signal, func()) {
	signal.Reset(os.Interrupt, syscall.SIGTERM)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	return signals, func() { signal.Stop(signals) }
}

// command is a command for the lab, on this program's own streams.
func (l *place) command(argv []string) lab.Command {
	if argv[0] == "farmwall" { // the one that is running, also where it is not installed
		if self, err := os.Executable(); err == nil {
			argv = append([]string{self}, argv[1:]...)
		}
	}
	return lab.Command{Argv: argv, Env: l.env()}
}

// inLab runs a command of the lab and returns its exit code.
func (p *program) inLab(run func(context.Context, lab.Command) (int, error), cmd lab.Command) (int, error) {
	signals, stop := labSignals()
	defer stop()
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Signals = p.stdin, p.stdout, p.stderr, signals
	code, err := run(context.Background(), cmd)
	if errors.Is(err, lab.ErrEnded) {
		err = fmt.Errorf("%w while the command ran", lab.ErrEnded)
	}
	return code, err
}
