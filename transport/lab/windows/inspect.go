package windows

import (
	"slices"
	"strings"
	"time"
)

// Local is the local rule store: what the registry holds.
func (h *Host) Local() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.local.entries)
}

// GPO is the rule store of group policy.
func (h *Host) GPO() []Entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.gpo.entries)
}

// Named are the registry strings of the local rules whose names begin with prefix, in
// the store's order.
func (h *Host) Named(prefix string) []string {
	var out []string
	for _, e := range h.Local() {
		if strings.HasPrefix(nameOf(e.Text), prefix) {
			out = append(out, e.Text)
		}
	}
	return out
}

// Others are the local rules whose names do not begin with prefix: a change of ours
// leaves them as they are, byte for byte and in their order.
func (h *Host) Others(prefix string) []Entry {
	return slices.DeleteFunc(h.Local(), func(e Entry) bool { return strings.HasPrefix(nameOf(e.Text), prefix) })
}

// Writes counts the writes to the firewall since the host was made.
func (h *Host) Writes() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writes
}

// Uptime is the host's monotonic clock.
func (h *Host) Uptime() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.uptime()
}

// SetFaults changes the host's faults.
func (h *Host) SetFaults(change func(*Faults)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.faults)
}

// Faults are the faults as they are now.
func (h *Host) Faults() Faults {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.faults
}

// EditRules changes the local store as somebody with an editor of the registry would.
func (h *Host) EditRules(change func([]Entry) []Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.local = store{entries: change(slices.Clone(h.local.entries))}
}

// EditGPO changes the rules of group policy, as its next refresh does.
func (h *Host) EditGPO(change func([]Entry) []Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gpo = store{entries: change(slices.Clone(h.gpo.entries))}
}

// EditPolicy sets a number of a profile key: DomainProfile, StandardProfile or
// PublicProfile.
func (h *Host) EditPolicy(profile, value string, number uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.policy[profile][value] = number
}

// EditGroupPolicy sets a number of a profile key of group policy: DomainProfile,
// PrivateProfile or PublicProfile.
func (h *Host) EditGroupPolicy(profile, value string, number uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.group[profile] == nil {
		h.group[profile] = map[string]uint32{}
	}
	h.group[profile][value] = number
}

// SetActive changes the active profiles (bits 1, 2 and 4), as a network change does.
func (h *Host) SetActive(profiles int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.active = profiles
}
