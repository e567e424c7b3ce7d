package rulestest

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"farmwall/rules"
)

// mostShell is how long a script for sh may be as base64: it travels in one
// argument, and Linux takes 131,072 bytes in one.
const mostShell = 120_000

// hostile is text that would be syntax wherever it was not data.
const hostile = "\"'; $(reboot) `id` \\\n# } flush ruleset"

// Scripts checks that scripts are fixed: values travel as data only.
func Scripts(d rules.Dialect) []error {
	var errs []error
	change := func(word string, n uint64) rules.Script {
		return d.Change(rules.ChangeRequest{Run: word, Controller: word, Lease: n, Ours: word, Rest: word,
			Window: time.Duration(n) * time.Minute, Target: rules.Copy(word), Undo: rules.Copy(word), Digest: word})
	}
	confirm := func(word string, n uint64) rules.Script {
		return d.Confirm(rules.ConfirmRequest{Run: word, Controller: word, Lease: n, Time: time.Unix(int64(n)*1e6, 0)})
	}
	revert := func(word string, n uint64) rules.Script {
		return d.Revert(rules.RevertRequest{Run: word, Lease: n})
	}
	observe := func(string, uint64) rules.Script { return d.Observe() }
	finish := func(string, uint64) rules.Script { return d.Recover() }
	for name, script := range map[string]func(string, uint64) rules.Script{
		"observe": observe, "change": change, "confirm": confirm, "revert": revert, "recover": finish,
	} {
		tame, wild := script("tame", 1), script(hostile, 99)
		switch {
		case tame.Body == "" || tame.Name == "":
			errs = append(errs, fmt.Errorf("%s: no body or no name", name))
		case tame.Body != wild.Body || tame.Name != wild.Name:
			errs = append(errs, fmt.Errorf("%s: the script changes with its values", name))
		}
		switch tame.Shell {
		case rules.Sh:
			if n := base64.StdEncoding.EncodedLen(len(tame.Body)); n > mostShell {
				errs = append(errs, fmt.Errorf("%s: %d bytes as base64, more than %d", name, n, mostShell))
			}
		case rules.PowerShell:
		default:
			errs = append(errs, fmt.Errorf("%s: no shell is called %q", name, tame.Shell))
		}
		if name == "change" && string(tame.Input) == string(wild.Input) {
			errs = append(errs, fmt.Errorf("%s: its values do not reach it", name))
		}
		if strings.Contains(tame.Body, hostile) {
			errs = append(errs, fmt.Errorf("%s: a value is script text", name))
		}
	}
	return errs
}

// Answers checks that noise is never taken for an answer.
func Answers(d rules.Dialect) []error {
	var errs []error
	for _, noise := range []string{"", "\n", "sh: 1: not found\n", "Last login: today\n", hostile, strings.Repeat("\x00", 4096)} {
		errs = append(errs, quietly("Answer", func() error {
			if r, err := d.Answer([]byte(noise)); err == nil {
				return fmt.Errorf("Answer takes %.40q for %+v", noise, r)
			}
			return nil
		})...)
		errs = append(errs, quietly("Decode", func() error {
			if _, err := d.Decode([]byte(noise)); err == nil {
				return fmt.Errorf("Decode takes %.40q for a host", noise)
			}
			return nil
		})...)
	}
	return errs
}

// quietly turns a panic into an error.
func quietly(what string, f func() error) (errs []error) {
	defer func() {
		if p := recover(); p != nil {
			errs = append(errs, fmt.Errorf("%s panics: %v", what, p))
		}
	}()
	if err := f(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// spoiled returns copies of what a host printed with some bytes changed.
func spoiled(out []byte, n int) [][]byte {
	r := rand.New(rand.NewPCG(1, uint64(len(out))))
	var all [][]byte
	for range n {
		b := append([]byte(nil), out...)
		for range 1 + r.IntN(4) {
			b[r.IntN(len(b))] = byte(r.IntN(256))
		}
		all = append(all, b)
	}
	return all
}
