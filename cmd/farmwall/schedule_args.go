package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
	"farmwall/tasks/notify"
	"farmwall/tasks/schedule"
)

// scheduleOf makes a schedule of the flags of drift, as they are given here or in
// variables. All that cannot be done at night without a person is told at once.
func (p *program) scheduleOf(c *cli.Context) (*schedule.Schedule, error) {
	s := &schedule.Schedule{Name: c.String("name"), Home: homeDir(), Stop: max(5*time.Minute, 2*c.Duration("confirm-timeout"))}
	var bad mistakes
	bad.add(schedule.ValidName(s.Name))
	var err error
	if s.Every, err = schedule.ParseEvery(c.String("every")); err != nil {
		bad.add(fmt.Errorf("--every %w", err))
	}
	_, err = p.driftOptions(c)
	bad.add(err)
	bad.add(nobodyConfirms(c))
	_, err = p.receivers(c)
	bad.add(err)
	if s.Program, err = os.Executable(); err == nil {
		s.Program, err = filepath.EvalSymlinks(s.Program)
	}
	bad.add(err)
	if s.State, err = stateDir(c); err == nil {
		s.State, err = filepath.Abs(s.State)
	}
	bad.add(err)
	if len(c.StringSlice("inventory")) == 0 {
		bad.add(usagef("which inventory? give one with -i FILE, or set FARMWALL_INVENTORY"))
	}
	s.Args = schedule.Words("drift")
	for _, f := range driftFlags() {
		name := f.Names()[0]
		if !c.IsSet(name) || name == "state" {
			continue
		}
		args, err := scheduleFlag(c, f, name)
		bad.add(err)
		s.Args = append(s.Args, args...)
	}
	if !c.IsSet("keep") {
		s.Args = append(s.Args, schedule.Words("--keep="+journalKept)...)
	}
	s.Args = append(s.Args, schedule.Words("--state="+s.State)...)
	return s, bad.err()
}

// nobodyConfirms refuses what waits for a person.
func nobodyConfirms(c *cli.Context) error {
	if c.String("confirm") == "manual" {
		return usagef("--confirm manual waits for a person, and nobody is there at night")
	}
	return nil
}

// mistakes are all that is wrong in a command line.
type mistakes []string

func (m *mistakes) add(err error) {
	if err != nil {
		*m = append(*m, strings.TrimSuffix(err.Error(), " (see farmwall help)"))
	}
}

func (m mistakes) err() error {
	if len(m) == 0 {
		return nil
	}
	return usagef("%s", strings.Join(m, "\n"))
}

// scheduleFlag writes a flag for a command line that runs in another directory, with
// nobody to ask, and that everybody on the machine can read.
func scheduleFlag(c *cli.Context, f cli.Flag, name string) ([]schedule.Arg, error) {
	word := "--" + name
	switch f.(type) {
	case *cli.BoolFlag:
		switch {
		case !c.Bool(name):
			return nil, nil
		case strings.HasPrefix(name, "ask-"):
			return nil, fmt.Errorf("%s asks a person, and nobody is there at night; give a file, a vault or the inventory instead", word)
		}
		return schedule.Words(word), nil
	case *cli.StringSliceFlag:
		var out []schedule.Arg
		values := c.StringSlice(name)
		if name == "notify" { // a variable may hold several
			values = strings.Fields(strings.Join(values, " "))
		}
		for _, value := range values {
			arg, err := scheduleValue(name, value)
			if err != nil {
				return nil, err
			}
			out = append(out, arg)
		}
		return out, nil
	}
	arg, err := scheduleValue(name, fmt.Sprint(c.Value(name)))
	return []schedule.Arg{arg}, err
}

func scheduleValue(name, value string) (schedule.Arg, error) {
	word := "--" + name + "="
	plainWord := schedule.Arg{Text: word + value}
	switch name {
	case "inventory":
		if strings.Contains(value, ",") {
			return plainWord, nil
		}
		return pathArg(word, value, false)
	case "known-hosts", "known-tls":
		return pathArg(word, value, false)
	case "private-key", "vault-password-file", "notify-file":
		return pathArg(word, value, true)
	case "notify":
		if notify.HoldsSecret(value) {
			return plainWord, fmt.Errorf("--notify %s holds a secret, and would stand in a file that everybody can read; write the URL into a file for --notify-file", notify.Redacted(value))
		}
		if strings.Contains(value, "${env:") {
			return plainWord, fmt.Errorf("--notify %s refers to a variable, which is not there at night; refer to a file", notify.Redacted(value))
		}
	case "limit":
		if file, ok := strings.CutPrefix(value, "@"); ok {
			return pathArg(word+"@", file, false)
		}
	case "vault-id":
		label, source, ok := strings.Cut(value, "@")
		if !ok {
			label, source = "", value
		}
		if source == "prompt" {
			return plainWord, fmt.Errorf("--vault-id %s asks a person, and nobody is there at night; give a file or a program", value)
		}
		return pathArg(word+label+"@", source, true)
	case "extra-vars":
		if file, ok := strings.CutPrefix(value, "@"); ok {
			return pathArg(word+"@", file, true)
		}
		if variable, ok := secretVariable(value); ok {
			return plainWord, fmt.Errorf("--extra-vars with %s would stand in a file that everybody can read; write it into one that only you can read, and give -e @FILE", variable)
		}
	}
	return plainWord, nil
}

// secretVariable names what looks like a secret in the text of -e.
func secretVariable(text string) (string, bool) {
	vars, err := inventory.ParseExtra([]string{text}, nil)
	if err != nil {
		return "what cannot be read", true
	}
	for name := range vars {
		low := strings.ToLower(name)
		if slices.ContainsFunc([]string{"pass", "secret", "token", "key", "credential"}, func(part string) bool { return strings.Contains(low, part) }) {
			return name, true
		}
	}
	return "", false
}

// pathArg names a file for another working directory. A secret that may be handed
// over as a credential is no program: a copy of it could not be run.
func pathArg(before, path string, secret bool) (schedule.Arg, error) {
	full, err := filepath.Abs(atHome(path))
	if err != nil {
		return schedule.Arg{}, err
	}
	info, err := os.Stat(full)
	if err != nil {
		return schedule.Arg{}, fmt.Errorf("%s%s: %w", before, path, err)
	}
	if !secret || info.IsDir() || runtime.GOOS != "windows" && info.Mode()&0o111 != 0 {
		return schedule.Arg{Text: before + full}, nil
	}
	return schedule.Arg{Text: before, File: full}, nil
}
