package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

// A busy session host: 600 rules of others, and 20,000 that log-ons have left.
func busyStore() []windows.Entry {
	return windows.AppX("", windows.Foreign("", windows.BuiltIn(""), 600), 20000)
}

// The same story with the very bytes that are sent running in a real PowerShell.
func TestWindowsStoryInPowerShell(t *testing.T) {
	t.Parallel()
	winStory(t, winFarmOf(t, 1, winOptions{engine: windows.PowerShell, rules: busyStore()}))
}

// What can happen inside the window, in a real PowerShell: the line is cut and the
// switch fires; the host boots; the change is held up until after its time.
func TestWindowsWindowInPowerShell(t *testing.T) {
	const window = 40 * time.Second // a busy machine needs a while to start a switch
	for name, strike := range map[string]func(h *winHost){
		"cut": func(h *winHost) {
			h.Cut()
			time.Sleep(window + 5*time.Second)
			h.Plug()
		},
		"boot": func(h *winHost) { h.Reboot() },
		"late": func(h *winHost) {
			h.Pause()
			time.Sleep(window + 5*time.Second)
			h.Resume()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := winFarmOf(t, 1, winOptions{engine: windows.PowerShell, rules: windows.Foreign("", windows.BuiltIn(""), 600)})
			h := f.hosts[0]
			f.must(exitOK, []string{"apply", "-y"})
			had := marksOnly(h.ours())
			f.add("farmwall_rules=[{'id': 'more', 'protocol': 'tcp', 'port': 8443}, {'id': 'yet-more', 'protocol': 'tcp', 'port': 8444}]\n")
			struck := false
			h.SetFaults(func(f *windows.Faults) {
				f.AfterWrite = func(what, _ string) {
					if what == "add" && !struck {
						struck = true
						go strike(h)
						time.Sleep(100 * time.Millisecond)
					}
				}
			})
			f.must(exitFailed, []string{"apply", "-y", "--confirm-timeout", window.String()}, "back in its old state")
			h.SetFaults(func(f *windows.Faults) { *f = windows.Faults{} })
			if now := marksOnly(h.ours()); strings.Join(now, " ") != strings.Join(had, " ") {
				t.Errorf("there are\n%s\nnot\n%s", now, had)
			}
			f.untouched()
			f.must(exitOK, []string{"apply", "-y"})
			f.settled()
			if got := h.Tasks(); len(got) > 0 {
				t.Errorf("tasks are left: %s", got)
			}
		})
	}
}

// What export writes does on the host what apply would: afterwards there is nothing
// to do.
func TestWindowsExportInPowerShell(t *testing.T) {
	t.Parallel()
	f := winFarmOf(t, 1, winOptions{engine: windows.PowerShell})
	h := f.hosts[0]
	if code, out := f.run2("export", "-i", f.inv, "-o", f.dir); code != exitOK {
		t.Fatalf("exit %d\n%s", code, out)
	}
	var said bytes.Buffer
	code, err := h.Run(t.Context(), windows.Command{Line: "powershell -NoProfile -ExecutionPolicy Bypass -File " + filepath.Join(f.dir, "w1.ps1"),
		User: `LAB\adm`, Admin: true, Stdout: &said, Stderr: &said})
	if err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s", code, err, &said)
	}
	if len(h.ours()) == 0 {
		t.Fatalf("it wrote no rule\n%s", &said)
	}
	f.settled()
}
