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
)

func (p *program) labVerb() *cli.Command {
	sub := func(name, usage, args string, do func(*cli.Context) (int, error), flags ...cli.Flag) *cli.Command {
		return &cli.Command{Name: name, Usage: usage, ArgsUsage: args, Action: p.action(do), Flags: append([]cli.Flag{labDirFlag()}, flags...)}
	}
	press := func(name, usage string, button func(*lab.Host, context.Context) error) *cli.Command {
		return sub(name, usage, "HOST...", func(c *cli.Context) (int, error) { return p.labPress(c, button) })
	}
	return &cli.Command{
		Name: "lab", Usage: "a farm on this machine, to try things out (Linux)", Category: "without contacting a host",
		Subcommands: []*cli.Command{
			sub("up", "bring up the inventory's hosts, until Ctrl-C or for one COMMAND", "[-- COMMAND...]", p.labUp,
				append(sourceFlags(), text("ruleset", "", "", "`FILE` in nft's language that every host loads at boot"))...),
			sub("exec", "run COMMAND where it reaches the lab's hosts", "-- COMMAND...", p.labExec),
			sub("host", "run COMMAND as root on HOST, past SSH and firewall", "HOST -- COMMAND...", p.labHost),
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
	chosen := *inv
	chosen.Hosts = hosts
	specs, guests, err := lab.Specs(&chosen)
	if err != nil {
		return exitOK, err
	}
	if len(guests) > 0 {
		return exitOK, usagef("%s is a Windows host, and this lab has Linux hosts only", guests[0].Name)
	}
	if file := c.String("ruleset"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return exitOK, err
		}
		for i := range specs {
			specs[i].Ruleset = string(text)
		}
	}
	begin := time.Now()
	farm, err := lab.Up(c.Context, lab.Options{Hosts: specs, Dir: labDirOf(c)})
	if err != nil {
		return exitOK, err
	}
	defer farm.Close()
	if c.Args().Present() {
		return p.inLab(farm.Run, labCommand(farm, c.Args().Slice()))
	}
	signals, stop := labSignals()
	defer stop()
	p.labGreeting(c, farm, time.Since(begin))
	select {
	case <-signals:
	case <-farm.Ended():
	}
	fmt.Fprintln(p.stderr, "The lab is down.")
	return exitOK, farm.Close()
}

// labGreeting says how to use the lab.
func (p *program) labGreeting(c *cli.Context, farm *lab.Farm, took time.Duration) {
	first := farm.Hosts()[0].Name
	where := ""
	if dir := labDirOf(c); dir != labDir() {
		where = " --lab " + dir
	}
	sources := ""
	for _, source := range c.StringSlice("inventory") {
		sources += " -i " + source
	}
	var own []string
	for _, a := range farm.Controller() {
		own = append(own, a.String())
	}
	fmt.Fprintf(p.stdout, "%s up in %.1f s. In another terminal, as the same user:\n\n", count(len(farm.Hosts()), "host"), took.Seconds())
	for _, line := range [][2]string{
		{"lab exec" + where + " -- farmwall plan" + sources, "farmwall, or any command, from " + strings.Join(own, " and ")},
		{"lab shell" + where + " " + first, "a shell on a host"},
		{"lab host" + where + " " + first + " -- nft list ruleset", "one command on a host"},
		{"lab reboot|cut|plug|off|on" + where + " " + first, "what can happen to a host"},
	} {
		fmt.Fprintf(p.stdout, "  farmwall %-60s # %s\n", line[0], line[1])
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

// labCommand is a command for the lab on this program's own streams.
func labCommand(farm *lab.Farm, argv []string) lab.Command {
	if argv[0] == "farmwall" { // the one that is running, also where it is not installed
		if self, err := os.Executable(); err == nil {
			argv = append([]string{self}, argv[1:]...)
		}
	}
	cmd := lab.Command{Argv: argv}
	if os.Getenv("FARMWALL_EXTRA_VARS") == "" { // the hosts know no other key, whatever the inventory says
		cmd.Env = []string{"FARMWALL_EXTRA_VARS=ansible_ssh_private_key_file=" + farm.KeyFile()}
	}
	return cmd
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
