package windows

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// On gives the host power: services start, then the tasks with a boot trigger run. It
// does nothing to a host that is on.
func (h *Host) On() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.on {
		return
	}
	for len(h.processes) > 0 { // those of the last boot are being buried
		h.mu.Unlock()
		time.Sleep(time.Millisecond)
		h.mu.Lock()
	}
	if h.on {
		return
	}
	h.on = true
	h.boots++
	h.boot = strconv.Itoa(40 + h.boots)
	h.booted = time.Now()
	h.power, h.cut = context.WithCancelCause(context.Background())
	h.startServices()
	if late := h.faults.LateFirewall; late > 0 && h.boots > 1 && h.services["MpsSvc"] == "Running" {
		h.services["MpsSvc"] = "Stopped"
		h.later(late, func() { h.SetService("MpsSvc", "Running") })
	}
	if h.model != nil {
		h.model.boot(h)
	}
	if h.services["Schedule"] == "Running" {
		for _, t := range h.tasks {
			if t.Boot && t.Enabled {
				h.startTask(t)
			}
		}
	}
}

// later runs do after some time, unless the power goes first; h.mu is held.
func (h *Host) later(after time.Duration, do func()) {
	power := h.power
	h.background.Go(func() {
		select {
		case <-time.After(after):
			do()
		case <-power.Done():
		}
	})
}

// Off takes the power away: from now on no process changes anything any more. It may be
// called from a fault's hook.
func (h *Host) Off() {
	h.mu.Lock()
	if !h.on {
		h.mu.Unlock()
		return
	}
	h.on = false
	cut := h.cut
	if h.resumed != nil {
		close(h.resumed)
		h.resumed = nil
	}
	cut(ErrOff)
	for p := range h.processes {
		p.kill()
	}
	h.mu.Unlock()
}

// Reboot is Off and On.
func (h *Host) Reboot() {
	h.Off()
	h.On()
}

// Pause stops all that runs on the host, as a hypervisor pauses a machine, and Resume
// lets it go on. The clocks go on meanwhile.
func (h *Host) Pause() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.on || h.resumed != nil {
		return
	}
	h.resumed = make(chan struct{})
	for p := range h.processes {
		p.pause(true)
	}
}

// Resume ends a pause.
func (h *Host) Resume() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.resumed == nil {
		return
	}
	close(h.resumed)
	h.resumed = nil
	for p := range h.processes {
		p.pause(false)
	}
}

// Power says "on", "paused" or "off".
func (h *Host) Power() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.on:
		return "off"
	case h.resumed != nil:
		return "paused"
	}
	return "on"
}

// Boots counts how often the host was switched on.
func (h *Host) Boots() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.boots
}

// living ends when the power goes, at that very moment, or when ctx does.
func living(ctx, power context.Context) (both context.Context, stop func()) {
	both, cancel := context.WithCancelCause(power)
	release := context.AfterFunc(ctx, func() { cancel(context.Cause(ctx)) })
	return both, func() {
		release()
		cancel(nil)
	}
}

// uptime is what the host's monotonic clock says; h.mu is held.
func (h *Host) uptime() time.Duration { return time.Since(h.booted) + time.Minute }

func (h *Host) account(c Command) string {
	if strings.Contains(c.User, `\`) || strings.Contains(c.User, "@") {
		return c.User
	}
	if c.User == "" {
		return h.options.Domain + `\Administrator`
	}
	return h.options.Domain + `\` + c.User
}
