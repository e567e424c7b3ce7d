package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/urfave/cli/v2"
)

// stateDir is where the journal is kept: --state, else the place that the
// system has for what a program remembers.
func stateDir(c *cli.Context) (string, error) {
	if dir := c.String("state"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" && runtime.GOOS != "windows" {
		return filepath.Join(dir, "farmwall"), nil
	}
	if dir := os.Getenv("LocalAppData"); dir != "" && runtime.GOOS == "windows" {
		return filepath.Join(dir, "farmwall"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the journal: %w; name one with --state DIR", err)
	}
	return filepath.Join(home, homeState(), "farmwall"), nil
}

func homeState() string {
	switch runtime.GOOS {
	case "windows":
		return filepath.Join("AppData", "Local")
	case "darwin":
		return filepath.Join("Library", "Application Support")
	}
	return filepath.Join(".local", "state")
}

func stateDirWords() string { return filepath.Join("~", homeState(), "farmwall") }
