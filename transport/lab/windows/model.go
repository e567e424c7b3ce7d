package windows

import (
	"context"
	"errors"
	"io"
)

// modelState is what the engine Model keeps for a host.
type modelState struct{}

func (m *modelState) boot(*Host) {}

func (h *Host) runModel(context.Context, Command, []string, io.Writer, io.Writer) (int64, error) {
	return 0, errors.New("the engine model runs only farmwall's own scripts")
}
