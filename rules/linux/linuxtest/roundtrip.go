//go:build linux

package linuxtest

import (
	"farmwall/rules"
)

// RoundTrip loads the wanted set over whatever the host holds, without the frame, and
// reads it back: there must be nothing to do. Undone, every byte must be back; else it is
// loaded in full.
func (h *Host) RoundTrip(want rules.Set, undone bool, load func(c rules.Copy, mode string)) {
	h.T.Helper()
	target, undo := h.copies(h.State(), want)
	before := h.Ruleset()
	load(target, "keep")
	h.Same(want, target)
	if undone {
		load(undo, "full")
		if after := h.Ruleset(); after != before {
			h.T.Fatalf("the undo left\n%s\ninstead of\n%s\nundo\n%s\ntarget\n%s", after, before, undo, target)
		}
		return
	}
	load(target, "full")
	h.Same(want, target)
}

// Same compares the rules alone: what is loaded without the frame is not persistent.
func (h *Host) Same(want rules.Set, target rules.Copy) {
	h.T.Helper()
	var left []rules.Change
	for _, c := range h.System.Diff(h.State(), want) {
		if len(c.Places) != 1 || c.Places[0] != "persistent copy" {
			left = append(left, c)
		}
	}
	if len(left) > 0 {
		h.T.Errorf("differences after loading: %s\n%s\n%s", Show(left), target, h.Ruleset())
	}
}
