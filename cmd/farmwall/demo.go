package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/transport/lab"
	"farmwall/transport/lab/windows"
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
	place   *place
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
	at, err := demoFarm(ctx, dir)
	if err != nil {
		return exitOK, fmt.Errorf("%w (on Debian and Ubuntu: apt-get install nftables iproute2, and run as root)", err)
	}
	defer at.close()
	s := &demoStage{place: at, dir: dir, self: self, out: p.stdout, colours: c}
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

// demoFarm brings the hosts of the demo's inventory up.
func demoFarm(ctx context.Context, dir string) (*place, error) {
	file := filepath.Join(dir, "farm.yml")
	if err := os.WriteFile(file, []byte(demoInventory(demoSSH)), 0o600); err != nil {
		return nil, err
	}
	inv, err := inventory.Load(ctx, []string{file}, inventory.Options{})
	if err != nil {
		return nil, err
	}
	hosts, others, err := lab.Specs(inv)
	if err != nil {
		return nil, err
	}
	for i := range hosts {
		hosts[i].Ruleset = demoRuleset
	}
	g, err := newGuests(inv, others, windows.Model, demoRules)
	if err != nil {
		return nil, err
	}
	return bringUp(ctx, "", hosts, others, g)
}

// demoRules is how many rules a Windows host has before farmwall comes.
const demoRules = 400

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
		if word == "RULE" {
			argv[i] = s.ruleNamed(ctx, a.host, a.rule)
			shown = strings.Replace(shown, "RULE", argv[i], 1)
		}
	}
	switch known, err := s.place.isWindows(ctx, a.host); {
	case err != nil:
		return err
	case known:
		shown = a.host + "> " + strings.TrimPrefix(shown, "$ ")
	case a.host != "":
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
	cmd := lab.Command{Argv: argv, Dir: s.dir, Env: s.place.env(), Stdout: out, Stderr: out}
	if host == "" {
		if argv[0] == "farmwall" {
			cmd.Argv = append([]string{s.self}, argv[1:]...)
		}
		return s.place.run(ctx, cmd)
	}
	if known, err := s.place.isWindows(ctx, host); known || err != nil {
		said, errs, code, err := s.place.windows.Run(ctx, host, argv, nil)
		out.Write(append(said, errs...))
		return code, err
	}
	h, err := s.place.linuxHost(host)
	if err != nil {
		return 0, err
	}
	cmd.Dir, cmd.Env = "", nil
	return h.Run(ctx, cmd)
}

// ruleNamed is the name of a host's rule, as a person would find it on the host.
func (s *demoStage) ruleNamed(ctx context.Context, host, part string) string {
	list, _, _, err := s.place.windows.Run(ctx, host, []string{"rules", part}, nil)
	_, after, found := strings.Cut(string(list), "|Name=")
	name, _, _ := strings.Cut(after, "|")
	if err != nil || !found {
		return "RULE"
	}
	return name
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
