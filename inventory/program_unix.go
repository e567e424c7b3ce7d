//go:build !windows

package inventory

import (
	"io/fs"
	"os/exec"
	"syscall"
)

// ownGroup lets the end of a program end what it started too.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// mayRun says whether a file is marked as a program.
func mayRun(_ string, info fs.FileInfo) bool { return info.Mode()&0o111 != 0 }
