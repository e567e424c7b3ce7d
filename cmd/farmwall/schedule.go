package main

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"

	_ "time/tzdata" // Windows knows no zones of the IANA database

	"github.com/urfave/cli/v2"

	"farmwall/tasks/schedule"
)

func (p *program) scheduleVerb() *cli.Command {
	name := text("name", "", "drift", "the schedule's `NAME`")
	return &cli.Command{
		Name: "schedule", Usage: "look for drift again and again: a timer of systemd, a task of Windows, a crontab line", Category: "changing hosts",
		Subcommands: []*cli.Command{
			{Name: "install", Usage: "write and start the schedule; it takes the flags of drift", Action: p.action(p.scheduleInstall),
				Flags: together([]cli.Flag{name, everyFlag(), formatFlag(),
					toggle("print", "", "print what would be installed, and install nothing")}, driftFlags())},
			{Name: "show", Usage: "the schedules of this machine, and when they start next", Action: p.action(p.scheduleShow),
				Flags: together([]cli.Flag{formatFlag()}, showFlags("text", "json"))},
			{Name: "remove", Usage: "take a schedule away; the journal stays", Action: p.action(p.scheduleRemove),
				Flags: []cli.Flag{name, formatFlag()}},
		},
	}
}

func everyFlag() cli.Flag {
	return text("every", "", "15m", "`TIME` between two starts, 1m to 7d, as in 15m, 6h, 1d")
}

func formatFlag() cli.Flag {
	return text("format", "", "", "`FORMAT`: systemd, windows or cron (default: what this machine has)")
}

// errNoScheduler says that a machine has nothing to install a schedule in.
var errNoScheduler = errors.New("there is no scheduler to install into on this machine: take --format cron, or run farmwall watch")

// scheduler is the format of this machine; asked is what --format says.
func scheduler(asked string) (format string, native bool, err error) {
	own := "cron"
	switch {
	case runtime.GOOS == "windows":
		own = "windows"
	case schedule.SystemdRuns():
		own = "systemd"
	}
	switch asked {
	case "":
		return own, true, nil
	case "systemd", "windows", "cron":
		return asked, asked == own, nil
	}
	return "", false, usagef("--format %s: it must be systemd, windows or cron", asked)
}

func (p *program) scheduleInstall(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	format, native, err := scheduler(c.String("format"))
	if err != nil {
		return exitOK, err
	}
	s, err := p.scheduleOf(c)
	if err != nil {
		return exitOK, err
	}
	// Mistakes in the inventory show now, not at night.
	if _, _, err := p.farms(c); err != nil {
		return exitOK, err
	}
	if c.Bool("print") || format == "cron" {
		return exitOK, p.schedulePrint(c, s, format)
	}
	if !native {
		if format == "systemd" {
			return exitOK, fmt.Errorf("%w; --print shows the units", schedule.ErrNoSystemd)
		}
		return exitOK, usagef("--format windows installs only on Windows; --print shows the task")
	}
	// The directory must be there before systemd makes it writable.
	if err := os.MkdirAll(s.State, 0o700); err != nil {
		return exitOK, fmt.Errorf("state directory: %w", err)
	}
	if format == "windows" {
		folder := schedule.TaskFolder{Run: schedule.Run}
		if err := folder.Install(c.Context, s, accountName(), time.Now().Add(s.Every)); err != nil {
			return exitOK, err
		}
	} else {
		folder := unitFolder()
		if err := folder.Install(c.Context, s); err != nil {
			return exitOK, err
		}
		if !folder.System {
			p.say("note", "the timer is your own: it runs while you are logged in, or always after: loginctl enable-linger "+accountName())
		}
	}
	_, err = fmt.Fprintf(p.stdout, "Schedule %s is installed; farmwall schedule show says when it starts.\n", s.Name)
	return exitOK, err
}

func (p *program) schedulePrint(c *cli.Context, s *schedule.Schedule, format string) error {
	if err := s.Check(); err != nil {
		return err
	}
	switch format {
	case "cron":
		line, err := s.Crontab()
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.stdout, line)
		return err
	case "windows":
		_, err := fmt.Fprint(p.stdout, s.Task(accountName(), time.Now().Add(s.Every)))
		return err
	}
	folder := unitFolder()
	service, timer := s.Units(folder.Can(c.Context))
	_, err := fmt.Fprintf(p.stdout, "# %s\n%s\n# %s\n%s", service.Name, service.Text, timer.Name, timer.Text)
	return err
}

func unitFolder() schedule.UnitFolder {
	return schedule.UnitsOf(os.Geteuid() == 0, homeDir(), os.Getenv("XDG_CONFIG_HOME"))
}

func homeDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "/"
	}
	return home
}

func accountName() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "root"
}

func (p *program) scheduleRemove(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	name := c.String("name")
	if err := schedule.ValidName(name); err != nil {
		return exitOK, usagef("%v", err)
	}
	format, native, err := scheduler(c.String("format"))
	if err != nil {
		return exitOK, err
	}
	switch {
	case format == "cron":
		_, err := fmt.Fprintf(p.stdout, "Take the line below %q out with crontab -e.\n", "# farmwall schedule "+name)
		return exitOK, err
	case !native:
		return exitOK, errNoScheduler
	case format == "windows":
		folder := schedule.TaskFolder{Run: schedule.Run}
		err = folder.Remove(c.Context, name)
	default:
		folder := unitFolder()
		err = folder.Remove(c.Context, name)
	}
	if err != nil {
		return exitOK, err
	}
	_, err = fmt.Fprintf(p.stdout, "Schedule %s is not installed any more.\n", name)
	return exitOK, err
}

func (p *program) scheduleShow(c *cli.Context) (int, error) {
	if err := noArgument(c); err != nil {
		return exitOK, err
	}
	format, native, err := scheduler(c.String("format"))
	if err != nil {
		return exitOK, err
	}
	var all []schedule.Entry
	switch {
	case format == "cron":
		return exitOK, fmt.Errorf("cron does not say what it starts: look into crontab -l for \"# farmwall schedule\"")
	case !native:
		return exitOK, errNoScheduler
	case format == "windows":
		folder := schedule.TaskFolder{Run: schedule.Run}
		all, err = folder.List(c.Context)
	default:
		folder := unitFolder()
		all, err = folder.List(c.Context)
	}
	if err != nil {
		return exitOK, err
	}
	if c.String("output") == "json" {
		return exitOK, writeJSON(p.stdout, all)
	}
	if len(all) == 0 {
		_, err := fmt.Fprintln(p.stdout, "No schedule is installed.")
		return exitOK, err
	}
	rows := [][]string{{"SCHEDULE", "EVERY", "NEXT START", "LAST START", "STATE", "COMMAND"}}
	for _, e := range all {
		state := "not enabled"
		if e.Enabled {
			state = "enabled"
		}
		for _, more := range []string{e.Told, e.Problem} {
			if more != "" {
				state += ", " + more
			}
		}
		rows = append(rows, []string{e.Name, orDash(e.Every), clockTime(e.Next), clockTime(e.Last), plain(state), plain(strings.ReplaceAll(e.Command, `"`, ""))})
	}
	writeTable(p.stdout, rows)
	return exitOK, nil
}

func clockTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}
