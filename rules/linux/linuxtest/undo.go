//go:build linux

package linuxtest

import (
	"strings"

	"farmwall/rules"
)

// Undoes changes the host to the wanted set and has the change undone, which must bring
// back every byte. The rules of others are never touched.
func (h *Host) Undoes(want rules.Set) {
	h.T.Helper()
	before, state := h.Ruleset(), h.State()
	r := h.Apply(want)
	h.NothingToDo(want)
	h.ForeignUntouched(before)
	if r := h.Revert(r.Lease); r.Result != rules.Undone {
		h.T.Fatalf("revert: %+v", r)
	}
	if after := h.Ruleset(); after != before {
		h.T.Fatalf("after the undo:\n%s\nbefore:\n%s", after, before)
	}
	if s := h.State(); s.Ours != state.Ours || s.Rest != state.Rest {
		h.T.Error("the fingerprints differ after the undo")
	}
}

// ForeignUntouched compares all but what is ours with what it was.
func (h *Host) ForeignUntouched(before string) {
	h.T.Helper()
	if a, b := h.Foreign(before), h.Foreign(h.Ruleset()); a != b {
		h.T.Errorf("foreign rules were\n%s\nand are\n%s", a, b)
	}
}

// NoFiles fails if there is a file of ours that is loaded at boot.
func (h *Host) NoFiles() {
	h.T.Helper()
	out, _ := h.Try("ls -d /etc/farmwall /etc/init.d/farmwall /etc/rc?.d/*farmwall /etc/systemd/system/*farmwall*")
	for _, l := range strings.Split(out, "\n") {
		if strings.HasPrefix(l, "/") {
			h.T.Errorf("%s is still there", l)
		}
	}
}
