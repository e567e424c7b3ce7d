package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"farmwall/transport/lab"
	"farmwall/transport/lab/windows/farm"
	"farmwall/transport/lab/windows/sshd"
)

// place is a lab that is up: network namespaces, Windows hosts, or both in one
// folder. Windows hosts alone, on loopback addresses, need no namespaces and so no
// Linux.
type place struct {
	dir     string
	farm    *lab.Farm    // nil: no namespaces
	windows *farm.Remote // nil: no Windows hosts

	// Of who brought it up.
	own  *farm.Farm // the Windows hosts, where they are in this process
	stop func()     // ends the program that plays them
	gone chan struct{}
}

// joinPlace finds the lab that another farmwall holds.
func (p *program) joinPlace(c *cli.Context) (*place, error) {
	at := &place{dir: labDirOf(c)}
	var err, none error
	if at.farm, none = lab.Join(c.Context, at.dir); none != nil {
		at.farm = nil
	}
	if at.windows, err = farm.Join(c.Context, windowsControl(at.dir)); err != nil {
		at.windows = nil
	}
	if at.farm == nil && at.windows == nil {
		if !errors.Is(none, lab.ErrNoLab) && !errors.Is(none, lab.ErrUnsupported) {
			return nil, none
		}
		return nil, fmt.Errorf("%w in %s; \"farmwall lab up -i INVENTORY\" brings one up", lab.ErrNoLab, at.dir)
	}
	return at, nil
}

// bringUp makes a lab of Linux hosts and Windows hosts, either of which may be none.
func bringUp(ctx context.Context, dir string, hosts, specs []lab.HostSpec, g *guests) (*place, error) {
	at := &place{dir: dir, stop: func() {}}
	if len(hosts) == 0 && g.loopback() {
		return at, at.alone(ctx, g)
	}
	var err error
	if at.farm, err = lab.Up(ctx, lab.Options{Hosts: hosts, Guests: specs, Dir: dir}); err != nil {
		return nil, err
	}
	at.dir = at.farm.Dir()
	if len(g.Hosts) > 0 {
		if err := at.play(ctx, g); err != nil {
			at.close()
			return nil, err
		}
	}
	return at, nil
}

// alone keeps Windows hosts up in this process, on addresses that the machine has.
func (l *place) alone(ctx context.Context, g *guests) error {
	if r, err := farm.Join(ctx, windowsControl(l.dir)); err == nil && r != nil {
		return fmt.Errorf("a lab is up in %s already; \"farmwall lab down\" ends it", l.dir)
	}
	if err := os.RemoveAll(filepath.Join(l.dir, "guests")); err != nil {
		return err
	}
	for _, sub := range []string{"guests", "state"} {
		if err := os.MkdirAll(filepath.Join(l.dir, sub), 0o700); err != nil {
			return err
		}
	}
	if err := os.Chmod(l.dir, 0o700); err != nil {
		return err
	}
	key, _, err := sshd.NewKey("farmwall lab")
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(l.keyFile(), key, 0o600), os.WriteFile(l.knownHosts(), nil, 0o600), g.letIn(key), g.write(l.dir, l.keyFile(), l.knownHosts())); err != nil {
		return err
	}
	g.Dir = l.dir
	if l.own, err = g.up(); err != nil {
		return err
	}
	l.windows, err = farm.Join(ctx, windowsControl(l.dir))
	return err
}

// play starts the program that plays the Windows hosts, where the lab's hosts can
// reach them.
func (l *place) play(ctx context.Context, g *guests) error {
	key, err := os.ReadFile(l.farm.KeyFile())
	if err != nil {
		return err
	}
	if err := errors.Join(g.letIn(key), g.write(l.dir, l.farm.KeyFile(), l.farm.KnownHosts())); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	g.Dir = l.dir
	stop, gone, err := startWindows(ctx, l.farm, self, &g.windowsLab)
	if err != nil {
		return err
	}
	l.stop, l.gone = stop, gone
	l.windows, err = farm.Join(ctx, windowsControl(l.dir))
	return err
}

func (l *place) keyFile() string    { return filepath.Join(l.dir, "id_ed25519") }
func (l *place) knownHosts() string { return filepath.Join(l.dir, "known_hosts") }

// close ends the lab for who brought it up.
func (l *place) close() error {
	l.stop()
	var err error
	if l.own != nil {
		err = l.own.Close()
		for _, name := range []string{"guests", "state", "id_ed25519", "known_hosts"} {
			os.RemoveAll(filepath.Join(l.dir, name))
		}
		os.Remove(l.dir) // where nothing else is in it
	}
	if l.farm != nil {
		err = errors.Join(err, l.farm.Close())
	}
	return err
}

// ended is closed when the lab has gone.
func (l *place) ended() <-chan struct{} {
	if l.own != nil {
		return l.own.Ended()
	}
	return l.farm.Ended()
}

// env is what commands need to use the hosts. The hosts know no other key, whatever
// the inventory says.
func (l *place) env() []string {
	var env []string
	if l.farm == nil {
		env = []string{"FARMWALL_KNOWN_HOSTS=" + l.knownHosts(), "FARMWALL_PRIVATE_KEY=" + l.keyFile(), "FARMWALL_STATE=" + filepath.Join(l.dir, "state"), lab.EnvDir + "=" + l.dir}
	}
	if l.windows != nil {
		env = append(env, "FARMWALL_KNOWN_TLS="+knownTLSIn(l.dir))
	}
	if os.Getenv("FARMWALL_EXTRA_VARS") != "" {
		return env
	}
	if l.windows != nil {
		return append(env, "FARMWALL_EXTRA_VARS=@"+extraIn(l.dir))
	}
	return append(env, "FARMWALL_EXTRA_VARS=ansible_ssh_private_key_file="+l.farm.KeyFile())
}

// run runs a command where the hosts can be reached.
func (l *place) run(ctx context.Context, c lab.Command) (int, error) {
	if l.farm != nil {
		return l.farm.Run(ctx, c)
	}
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.Stdin, c.Stdout, c.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s, ok := <-c.Signals:
				if !ok {
					return
				}
				cmd.Process.Signal(s)
			case <-done:
				return
			}
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return cmd.ProcessState.ExitCode(), err
}

// isWindows says whether a host is one of the Windows hosts.
func (l *place) isWindows(ctx context.Context, name string) (bool, error) {
	if l.windows == nil {
		return false, nil
	}
	hosts, err := l.windows.List(ctx)
	for _, h := range hosts {
		if h.Name == name {
			return true, nil
		}
	}
	return false, err
}

// startWindows has the program self play Windows hosts in the controller's place of a
// farm, and returns when they answer.
func startWindows(ctx context.Context, f *lab.Farm, self string, w *windowsLab) (stop func(), gone chan struct{}, err error) {
	text, err := w.text()
	if err != nil {
		return nil, nil, err
	}
	in, feed, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	said := &firstLine{line: make(chan string, 1)}
	var errs bytes.Buffer
	gone = make(chan struct{})
	go func() {
		f.Run(context.Background(), lab.Command{Argv: []string{self, argWindows}, Stdin: in, Stdout: said, Stderr: &errs, Dir: "/"})
		in.Close()
		close(gone)
	}()
	stop = func() { feed.Close() }
	if _, err := feed.Write(text); err != nil {
		return stop, gone, err
	}
	select {
	case line := <-said.line:
		if line == windowsReady {
			return stop, gone, nil
		}
		err = errors.New(line)
	case <-gone:
		err = fmt.Errorf("the Windows hosts ended: %s", strings.TrimSpace(said.text()+errs.String()))
	case <-ctx.Done():
		err = ctx.Err()
	}
	stop()
	return stop, gone, err
}
