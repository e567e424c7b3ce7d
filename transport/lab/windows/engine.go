package windows

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed prelude.ps1
var prelude string

// Variables that tell a prelude where its host is.
const (
	envSocket = "FARMWALL_LAB_SOCKET"
	envTicket = "FARMWALL_LAB_TICKET"
)

// FindEngine finds a PowerShell that the engine PowerShell can use: the one that
// FARMWALL_PWSH names, else powershell or pwsh on the PATH. It must have the classes
// that stand in for COM objects; a plain PowerShell 7 has not.
func FindEngine() (string, error) {
	name := os.Getenv("FARMWALL_PWSH")
	found := ""
	for _, n := range []string{name, "powershell", "pwsh"} {
		if n == "" {
			continue
		}
		if p, err := exec.LookPath(n); err == nil {
			found = p
			break
		} else if n == name {
			return "", fmt.Errorf("FARMWALL_PWSH: %w", err)
		}
	}
	if found == "" {
		return "", errors.New("no PowerShell engine: neither FARMWALL_PWSH nor powershell or pwsh on the PATH; use the engine model")
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, found, "-NoProfile", "-NonInteractive", "-Command", "'PsEngine.ComObject' -as [type] -ne $null; exit 0")
	said, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s does not run: %w", found, err)
	}
	if !strings.Contains(string(said), "True") {
		return "", fmt.Errorf("%s is a PowerShell without the classes PsEngine.ComObject and PsEngine.ComCollection, which stand in for Windows' COM objects; name one that has them in FARMWALL_PWSH, or use the engine model", found)
	}
	return found, nil
}

// powershell runs powershell.exe with its command line.
func (p *prompt) powershell(ctx context.Context, line string, out, errs io.Writer) (int64, error) {
	h := p.host
	argv := arguments(line)
	if h.options.Engine == Model {
		return h.runModel(ctx, p, argv, out, errs)
	}
	h.mu.Lock()
	f := h.faults
	f.FullDisk = f.FullDisk || h.readOnly(p.who(ctx))
	version := h.release.powershell
	h.mu.Unlock()
	env := engineEnvironment(f.FullDisk)
	for k, v := range p.env {
		if k != "PATH" {
			env = append(env, k+"="+v)
		}
	}
	ticket := h.server.admit(p.who(ctx))
	defer h.server.dismiss(ticket)
	if f.PSVersion != "" {
		version = f.PSVersion
	}
	env = append(env, "PSENGINE_PRELUDE="+h.server.prelude, "PSENGINE_PSVERSION="+version, envSocket+"="+h.server.path, envTicket+"="+ticket)
	if f.ConstrainedLanguage {
		env = append(env, "PSENGINE_LANGUAGE_MODE=ConstrainedLanguage")
	}
	argv[0] = h.options.Program
	if f.FullDisk {
		argv = withoutDisk(argv)
	}
	return h.execute(ctx, argv, env, h.dir, p.command.Stdin, out, errs)
}

// who is the caller that a command is.
func (p *prompt) who(ctx context.Context) caller {
	return caller{account: p.host.account(p.command), admin: p.command.Admin, system: p.system, life: ctx}
}

// rights are what a caller's token holds now.
func (h *Host) rights(c caller) caller {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.admin = c.system || c.admin && !h.faults.NotAdmin
	return c
}

// writePrelude puts the prelude where engines find it.
func writePrelude(dir string) (string, error) {
	p := filepath.Join(dir, "prelude.ps1")
	return p, os.WriteFile(p, []byte(prelude), 0o644)
}
