package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"farmwall/inventory"
)

// maxSecretFile is the largest file that is encrypted or decrypted, in bytes.
const maxSecretFile = 64 << 20

// eachFile puts what change makes of each file in the place of that file; "-" is
// standard input and output. It changes none before all were read and worked out.
func (p *program) eachFile(c *cli.Context, change func([]byte) ([]byte, error)) error {
	if !c.Args().Present() {
		return usagef("secrets %s needs a FILE", c.Command.Name)
	}
	names := c.Args().Slice()
	changed := make([][]byte, len(names))
	for i, name := range names {
		text, err := p.readInput(name)
		if err == nil {
			changed[i], err = change(text)
		}
		if err != nil {
			return inFile(name, err)
		}
	}
	for i, name := range names {
		if name == "-" {
			if _, err := p.stdout.Write(changed[i]); err != nil {
				return err
			}
			continue
		}
		if err := replaceFile(name, changed[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func inFile(name string, err error) error {
	var problem inventory.Problem
	if errors.As(err, &problem) {
		problem.At.File = name
		return inventory.Problems{problem}
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (p *program) readInput(name string) ([]byte, error) {
	in := p.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecretFile+1))
	if len(text) > maxSecretFile {
		return nil, errors.New("it is larger than 64 MiB")
	}
	return text, err
}

// replaceFile writes a file beside the old one, with its rights, and moves it into
// its place.
func replaceFile(name string, text []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(target), ".farmwall-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}
