//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"farmwall/inventory"
	"farmwall/transport/lab"
	"farmwall/transport/lab/windows"
)

// Every example is applied to hosts that drop by default; afterwards there is
// nothing to do, nothing to put right, and every wanted flow is open.
func TestExamplesCanBeApplied(t *testing.T) {
	if err := lab.Check(); err != nil {
		unable(t, err.Error())
	}
	entries, err := os.ReadDir(filepath.Join(top, "examples"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, e := range entries {
		if e.Name() == "README.md" || strings.HasSuffix(e.Name(), "_vars") {
			continue
		}
		ran++
		t.Run(e.Name(), func(t *testing.T) {
			source, err := filepath.Abs(filepath.Join(top, "examples", e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			inv, err := inventory.Load(t.Context(), []string{source}, inventory.Options{})
			if err != nil {
				t.Fatal(err)
			}
			specs, guests, err := lab.Specs(inv)
			if err != nil {
				t.Fatal(err)
			}
			for i := range specs {
				specs[i].Ruleset = closedFarm
			}
			farm, err := lab.Up(context.Background(), lab.Options{Hosts: specs, Guests: guests, Self: []string{binary(t)}})
			if err != nil {
				t.Fatal(err)
			}
			defer farm.Close()
			flags := []string{"-i", source, "-e", "ansible_ssh_private_key_file=" + farm.KeyFile(), "--state", filepath.Join(t.TempDir(), "state")}
			if len(guests) > 0 {
				flags = append(flags, playGuests(t, farm, inv, guests)...)
			}
			for _, c := range []struct {
				code int
				args []string
			}{
				{exitDiffers, []string{"plan", "--detailed-exitcode"}},
				{exitOK, []string{"apply", "-y"}},
				{exitOK, []string{"plan", "--detailed-exitcode"}},
				{exitOK, []string{"drift"}},
				{exitOK, []string{"verify"}},
			} {
				if out, code := inFarm(t, farm, append(c.args, flags...)...); code != c.code {
					t.Fatalf("%v: exit %d, want %d\n%s", c.args, code, c.code, out)
				}
			}
		})
	}
	if ran == 0 {
		t.Error("there is no example")
	}
}

// playGuests has the real program play an inventory's Windows hosts, and returns the
// flags that reach them.
func playGuests(t *testing.T, farm *lab.Farm, inv *inventory.Inventory, specs []lab.HostSpec) []string {
	t.Helper()
	g, err := newGuests(inv, specs, windows.Model, 100)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(farm.KeyFile())
	if err == nil {
		err = g.letIn(key)
	}
	if err == nil {
		err = g.write(farm.Dir(), farm.KeyFile(), farm.KnownHosts())
	}
	if err != nil {
		t.Fatal(err)
	}
	g.Dir = farm.Dir()
	stop, gone, err := startWindows(t.Context(), farm, binary(t), &g.windowsLab)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		<-gone
	})
	return []string{"-e", "@" + extraIn(farm.Dir()), "--known-tls", knownTLSIn(farm.Dir())}
}
