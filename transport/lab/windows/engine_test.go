package windows_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"farmwall/transport/lab/windows"
)

func TestFindEngine(t *testing.T) {
	dir := t.TempDir()
	program := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		return p
	}
	t.Setenv("PATH", dir)
	t.Setenv("FARMWALL_PWSH", "")
	refused := func(says string) {
		t.Helper()
		if p, err := windows.FindEngine(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("found %q, %v; want an error about %s", p, err, says)
		}
	}
	refused("neither FARMWALL_PWSH nor")
	program("pwsh", "echo False")
	refused("without the classes PsEngine.ComObject")
	t.Setenv("FARMWALL_PWSH", filepath.Join(dir, "none"))
	refused("FARMWALL_PWSH")
	t.Setenv("FARMWALL_PWSH", program("broken", "exit 4"))
	refused("does not run")
	good := program("mine", "echo True")
	t.Setenv("FARMWALL_PWSH", good)
	if p, err := windows.FindEngine(); err != nil || p != good {
		t.Errorf("found %q, %v", p, err)
	}
}

// The engine's process ends with its command, and so does what it started.
func TestThePowerShellEngine(t *testing.T) {
	m := boot(t, windows.PowerShell, windows.Options{})
	run := func(c windows.Command) (int64, string, string, error) {
		var out, errs bytes.Buffer
		c.Stdout, c.Stderr, c.User, c.Admin = &out, &errs, "adm", true
		exit, err := m.Run(t.Context(), c)
		return exit, out.String(), errs.String(), err
	}
	exit, out, errs, err := run(windows.Command{
		Line: `powershell.exe -NoProfile -Command "Get-FwUser; [Console]::In.ReadLine(); $env:EXTRA; $PSVersionTable.PSVersion.ToString(); [Console]::Error.Write('bad'); exit 5"`,
		Env:  map[string]string{"EXTRA": "more"}, Stdin: strings.NewReader("input\n"),
	})
	if err != nil || exit != 5 || strings.Join(strings.Fields(out), " ") != `LAB\adm input more 5.1.17763.4131` || errs != "bad" {
		t.Errorf("exit %d, %v, out %q, errs %q", exit, err, out, errs)
	}
	start := time.Now()
	go func() {
		time.Sleep(3 * time.Second)
		m.Off()
	}()
	if _, _, _, err := run(windows.Command{Line: `powershell -NoProfile -Command "Start-Process sleep 3600; Start-Sleep 3600"`}); err != windows.ErrOff {
		t.Errorf("the power went after %v and the command ended with %v", time.Since(start), err)
	}
}
