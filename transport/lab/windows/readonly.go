package windows

import (
	"slices"
	"strings"
)

// readOnly says whether every write of the caller is denied; h.mu is held.
func (h *Host) readOnly(by caller) bool {
	return !by.system && slices.ContainsFunc(h.faults.ReadOnly, func(account string) bool { return strings.EqualFold(account, by.account) })
}

// denies is readOnly for one write, of which it makes a note; h.mu is held.
func (h *Host) denies(by caller, what string) bool {
	denied := h.readOnly(by)
	if denied {
		h.denied = append(h.denied, what)
	}
	return denied
}

// Denied is what accounts of Faults.ReadOnly have tried to write, in order. Files that a
// real PowerShell writes are not among it.
func (h *Host) Denied() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.denied)
}
