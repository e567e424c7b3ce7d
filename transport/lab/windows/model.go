package windows

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// modelState is what the engine Model keeps for a host where the engine powershell has
// files and processes: lease, token, record and the staged undo outlive its boots.
type modelState struct {
	slot sync.Once
	lock chan struct{} // the lock file: one element while it is free

	mu     sync.Mutex
	holder context.CancelCauseFunc // ends the change that holds the lock; nil: no change does
	lease  modelLease
	token  modelToken
	staged *modelStage
	record modelRecord
	wait   chan struct{} // closed to have the switch undo now

	waits waits
}

type modelLease struct {
	number          uint64
	run, controller string
	boot            string
	taken           int64 // ms of the host's monotonic clock
}

func (l modelLease) holder() string {
	if l.run == "" {
		return ""
	}
	return l.controller + " run " + l.run
}

type modelToken struct {
	state    string // "", armed, confirming, undoing, done
	lease    uint64
	run      string
	boot     string
	deadline int64  // ms of the host's monotonic clock
	end      string // of a done one: confirmed or undone
}

type modelRecord struct {
	Run        string `json:"run"`
	Controller string `json:"controller"`
	Digest     string `json:"digest"`
	Time       string `json:"time"`
}

// modelRun is one script at work.
type modelRun struct {
	h    *Host
	m    *modelState
	who  caller
	call call
	out  []byte
}

func (m *modelState) start() {
	m.slot.Do(func() {
		m.lock = make(chan struct{}, 1)
		m.lock <- struct{}{}
	})
}

// runModel is powershell.exe as far as the engine Model goes: farmwall's bootstrap with
// one of its own scripts.
func (h *Host) runModel(ctx context.Context, p *prompt, argv []string, out, errs io.Writer) (int64, error) {
	encoded := false
	for _, a := range argv {
		encoded = encoded || strings.EqualFold(a, "-EncodedCommand")
	}
	if !encoded {
		fmt.Fprintf(errs, "%v\r\n", errForeign)
		return 1, nil
	}
	var lines []string
	if err := p.lines(ctx, func(l string) { lines = append(lines, l) }); err != nil {
		return 0, err
	}
	c, err := readCall(lines)
	faults := h.Faults()
	switch {
	case faults.PSVersion != "" && strings.HasPrefix(faults.PSVersion, "2"):
		fmt.Fprintf(out, "%s refused version %s\r\n", c.marker, faults.PSVersion)
		return 3, nil
	case faults.ConstrainedLanguage:
		fmt.Fprintf(out, "%s refused language ConstrainedLanguage\r\n", c.marker)
		return 3, nil
	case errors.Is(err, errForeign):
		fmt.Fprintf(errs, "%v\r\n", err)
		return 1, nil
	case err != nil:
		fmt.Fprintf(out, "%s refused input %d\r\n", c.marker, len(lines))
		return 3, nil
	}
	if c.connection == "ssh" {
		c.connection = p.env["SSH_CONNECTION"]
	}
	h.model.start()
	r := &modelRun{h: h, m: h.model, call: c}
	r.who = h.rights(p.who(ctx))
	if _, err := fmt.Fprintf(out, "%s begin\r\n", c.marker); err != nil {
		return 0, err
	}
	err = r.do(ctx)
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	status := 0
	if err != nil {
		status = 1
		fmt.Fprintf(out, "%s error %s\r\n", c.marker, base64.StdEncoding.EncodeToString([]byte(err.Error())))
	} else {
		fmt.Fprintf(out, "%s out %s\r\n", c.marker, packText(r.out))
	}
	_, err = fmt.Fprintf(out, "%s end %d\r\n", c.marker, status)
	return 0, err
}

func (r *modelRun) do(ctx context.Context) error {
	switch r.call.script {
	case "observe":
		return r.observe()
	case "change":
		return r.change(ctx)
	case "confirm":
		return r.confirm(ctx)
	case "revert":
		return r.revert(ctx)
	case "recover":
		return r.recover(ctx)
	case "probe":
		return r.probe(ctx)
	case "listen":
		return r.listen()
	}
	return fmt.Errorf("%w: it has no %s", errForeign, r.call.script)
}
