package schedule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoSystemd says that systemd does not run this machine.
var ErrNoSystemd = errors.New("systemd does not run this machine; print a crontab line with --format cron, or run farmwall watch")

// Home of our units, and the program that makes systemd read them.
type UnitFolder struct {
	Dir    string
	System bool
	// Run starts a program and returns what it printed.
	Run func(ctx context.Context, argv ...string) (string, error)
}

// Units returns the place of units: the machine's for root, else the user's own.
func UnitsOf(root bool, home, config string) UnitFolder {
	if root {
		return UnitFolder{Dir: "/etc/systemd/system", System: true, Run: Run}
	}
	if config == "" {
		config = filepath.Join(home, ".config")
	}
	return UnitFolder{Dir: filepath.Join(config, "systemd", "user"), Run: Run}
}

// SystemdRuns says whether systemd is the machine's first process: sd_booted(3).
func SystemdRuns() bool {
	info, err := os.Stat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// Run starts a program, without a shell, and returns what it printed. Its error holds
// what it complained about.
func Run(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.WaitDelay = time.Second
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		text := strings.Join(strings.Fields(errs.String()), " ")
		if text == "" {
			text = strings.Join(strings.Fields(out.String()), " ")
		}
		if len(text) > 400 {
			text = text[:400]
		}
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(argv[:min(len(argv), 3)], " "), err, text)
	}
	return out.String(), nil
}

func (f *UnitFolder) systemctl(ctx context.Context, args ...string) (string, error) {
	argv := []string{"systemctl"}
	if !f.System {
		argv = append(argv, "--user")
	}
	return f.Run(ctx, append(argv, args...)...)
}

// Install writes the units, and has systemd start the timer now and at each boot.
// Installing again replaces them. Where systemd refuses, nothing is left behind.
func (f *UnitFolder) Install(ctx context.Context, s *Schedule) error {
	if err := s.Check(); err != nil {
		return err
	}
	service, timer := s.Units(f.Can(ctx))
	if err := os.MkdirAll(f.Dir, 0o755); err != nil {
		return fmt.Errorf("the unit directory %s cannot be written: %w", f.Dir, err)
	}
	for _, u := range []Unit{service, timer} {
		if err := put(filepath.Join(f.Dir, u.Name), u.Text); err != nil {
			return fmt.Errorf("the unit directory %s cannot be written: %w", f.Dir, err)
		}
	}
	for _, args := range [][]string{{"daemon-reload"}, {"enable", timer.Name}, {"restart", timer.Name}} {
		if _, err := f.systemctl(ctx, args...); err != nil {
			return errors.Join(fmt.Errorf("systemd does not take the timer, and it is taken away again: %w", err), f.Remove(context.WithoutCancel(ctx), s.Name))
		}
	}
	return nil
}

// Can says what this systemd lets a unit use.
func (f *UnitFolder) Can(ctx context.Context) Systemd {
	how := Systemd{System: f.System}
	if out, err := f.Run(ctx, "systemctl", "--version"); err == nil {
		var version int
		if _, err := fmt.Sscanf(out, "systemd %d", &version); err == nil {
			how.Credentials = version >= 247
		}
	}
	return how
}

// put writes a file beside the old one and moves it into its place.
func put(path, text string) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".farmwall-*")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // gone already where all went well
	_, err = temp.WriteString(text)
	err = errors.Join(err, temp.Chmod(0o644), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// Remove stops the timer and takes the units away. A cycle that is running ends by
// itself. What is not there is no error.
func (f *UnitFolder) Remove(ctx context.Context, name string) error {
	if err := ValidName(name); err != nil {
		return err
	}
	timer, service := prefix+name+".timer", prefix+name+".service"
	there := false
	for _, unit := range []string{timer, service} {
		if _, err := os.Lstat(filepath.Join(f.Dir, unit)); err == nil {
			there = true
		}
	}
	if !there {
		return nil
	}
	_, failed := f.systemctl(ctx, "disable", "--now", timer)
	for _, unit := range []string{timer, service} {
		if err := os.Remove(filepath.Join(f.Dir, unit)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("the unit directory %s cannot be written: %w", f.Dir, err)
		}
	}
	if _, err := f.systemctl(ctx, "daemon-reload"); err != nil {
		return errors.Join(failed, err)
	}
	return failed
}
