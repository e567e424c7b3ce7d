//go:build !linux

package windows

import (
	"context"
	"errors"
	"io"
)

// process would be a running engine; the engine PowerShell needs Linux.
type process struct{}

func (p *process) kill()      {}
func (p *process) pause(bool) {}

func (h *Host) execute(context.Context, []string, []string, string, io.Reader, io.Writer, io.Writer) (int64, error) {
	return 0, errors.New("the lab's engine powershell runs on Linux only; use the engine model")
}

func (h *Host) killTree(int) bool { return false }

func withoutDisk(argv []string) []string { return argv }

func engineEnvironment(bool) []string { return nil }
