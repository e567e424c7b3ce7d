package windows

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a running engine and all that it started.
type process struct {
	cmd *exec.Cmd
}

// outputLag is how long the output of an ended process may still arrive while a child
// of it keeps the pipe open.
const outputLag = 250 * time.Millisecond

// execute runs a program until it ends or ctx does.
func (h *Host) execute(ctx context.Context, argv, env []string, dir string, stdin io.Reader, stdout, stderr io.Writer) (int64, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env, cmd.Dir = env, dir
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = outputLag
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	p := &process{cmd}
	if err := h.begin(p); err != nil {
		return 0, err
	}
	// A reader that never ends must not keep the host from going on.
	go func() {
		io.Copy(in, stdin)
		in.Close()
	}()
	stop := context.AfterFunc(ctx, p.kill)
	err = cmd.Wait()
	stop()
	p.kill() // what it started ends with it, as with a shell's job
	h.mu.Lock()
	delete(h.processes, p)
	h.mu.Unlock()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return 0, nil
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 0xC000013A, nil // STATUS_CONTROL_C_EXIT
		}
		return int64(exit.ExitCode()), nil
	}
	return 0, err
}

// begin starts the process while the host is on.
func (h *Host) begin(p *process) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on {
		return ErrOff
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	h.processes[p] = struct{}{}
	return nil
}

// kill ends the whole group at once.
func (p *process) kill() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

func (p *process) pause(on bool) {
	s := syscall.SIGCONT
	if on {
		s = syscall.SIGSTOP
	}
	syscall.Kill(-p.cmd.Process.Pid, s)
}

// killTree ends the process of the host that has this number, with its tree; another
// program's process is left alone.
func (h *Host) killTree(pid int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.processes {
		if p.cmd.Process.Pid == pid || sameGroup(pid, p.cmd.Process.Pid) {
			p.kill()
			return true
		}
	}
	return false
}

func sameGroup(pid, group int) bool {
	g, err := syscall.Getpgid(pid)
	return err == nil && g == group
}

// withoutDisk is the program's command line on a disk where no file can grow.
func withoutDisk(argv []string) []string {
	return append([]string{"/bin/sh", "-c", `trap '' XFSZ; ulimit -f 0; exec "$@"`, "sh"}, argv...)
}

// engineEnvironment is what an engine needs beside the host's own variables.
func engineEnvironment(full bool) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LANG=C.UTF-8", "DOTNET_CLI_TELEMETRY_OPTOUT=1", "POWERSHELL_TELEMETRY_OPTOUT=1"}
	if full { // its code pages are files in memory, which must grow
		env = append(env, "DOTNET_EnableWriteXorExecute=0")
	}
	return env
}
