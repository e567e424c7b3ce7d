package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/transport/lab"
)

func (p *program) demoVerb() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "tell the whole story on a farm inside this machine, in under a minute (Linux)", Category: "this program",
		Flags: []cli.Flag{toggle("no-color", "", "no colours (also NO_COLOR)")},
		Action: p.action(func(c *cli.Context) (int, error) {
			if err := noArgument(c); err != nil {
				return exitOK, err
			}
			return p.demo(c.Context, coloursFor(p.stdout, c.Bool("no-color")))
		}),
	}
}

// demoStage is where the demo plays: a farm that is up, and a folder with its
// inventory, in which every command runs.
type demoStage struct {
	farm    *lab.Farm
	dir     string
	self    string
	out     io.Writer
	colours colours
	wrong   int // steps that did not end as the story has it
}

func (p *program) demo(ctx context.Context, c colours) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return exitOK, err
	}
	dir, err := os.MkdirTemp("", "farmwall-demo-")
	if err != nil {
		return exitOK, err
	}
	defer os.RemoveAll(dir)
	started := time.Now()
	var hosts []lab.HostSpec
	for _, h := range demoHosts() {
		hosts = append(hosts, lab.HostSpec{Name: h.name, Addresses: []netip.Addr{netip.MustParseAddr(h.address)}, Ruleset: demoRuleset})
	}
	farm, err := lab.Up(ctx, lab.Options{Hosts: hosts})
	if err != nil {
		return exitOK, fmt.Errorf("%w (on Debian and Ubuntu: apt-get install nftables iproute2, and run as root)", err)
	}
	defer farm.Close()
	s := &demoStage{farm: farm, dir: dir, self: self, out: p.stdout, colours: c}
	for _, act := range demoStory() {
		if err := ctx.Err(); err != nil {
			return exitOK, err
		}
		if err := s.play(ctx, act); err != nil {
			return exitOK, err
		}
	}
	fmt.Fprintf(s.out, "\n%s\n", c.bold(fmt.Sprintf("The end, after %s. The farm is gone again; nothing outside it was touched.", short(time.Since(started)))))
	if s.wrong > 0 {
		return exitFailed, nil
	}
	return exitOK, nil
}

// play does one act: says what happens, writes the inventory where it changes,
// runs the command as a user would type it, and shows its exit code.
func (s *demoStage) play(ctx context.Context, a act) error {
	if a.title != "" {
		fmt.Fprintf(s.out, "\n%s\n%s\n", s.colours.bold("== "+a.title), a.text)
	}
	if a.inventory != "" {
		if err := os.WriteFile(filepath.Join(s.dir, "farm.yml"), []byte(a.inventory), 0o600); err != nil {
			return err
		}
	}
	argv := strings.Fields(a.command)
	shown := "$ " + a.command
	for i, word := range argv {
		if word == "RUN" {
			argv[i] = s.lastRun(ctx)
			shown = strings.Replace(shown, "RUN", argv[i], 1)
		}
	}
	if a.host != "" {
		shown = a.host + "# " + a.command
	}
	fmt.Fprintf(s.out, "\n%s\n", s.colours.bold(shown))
	code, err := s.run(ctx, a.host, argv, s.out)
	if err != nil {
		return err
	}
	verdict := s.colours.green(fmt.Sprintf("exit %d", code))
	if code != a.exit {
		s.wrong++
		verdict = s.colours.red(fmt.Sprintf("exit %d, but the story has exit %d here", code, a.exit))
	}
	_, err = fmt.Fprintln(s.out, verdict)
	return err
}

// run runs a command on a host, or where the controller stands.
func (s *demoStage) run(ctx context.Context, host string, argv []string, out io.Writer) (int, error) {
	cmd := lab.Command{Argv: argv, Dir: s.dir, Stdout: out, Stderr: out}
	if host == "" {
		if argv[0] == "farmwall" {
			cmd.Argv = append([]string{s.self}, argv[1:]...)
		}
		return s.farm.Run(ctx, cmd)
	}
	h, err := s.farm.Host(host)
	if err != nil {
		return 0, err
	}
	cmd.Dir = ""
	return h.Run(ctx, cmd)
}

// lastRun asks the journal for the newest run, as a user would read it off.
func (s *demoStage) lastRun(ctx context.Context) string {
	var list strings.Builder
	if _, err := s.run(ctx, "", []string{"farmwall", "history", "list"}, &list); err != nil {
		return "RUN"
	}
	lines := strings.Split(list.String(), "\n")
	if len(lines) < 2 {
		return "RUN"
	}
	return strings.Fields(lines[1] + " RUN")[0]
}
