package windows

import "strings"

// Keys of the registry that a host has, below HKEY_LOCAL_MACHINE.
const (
	firewallKey = `SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy`
	groupKey    = `SOFTWARE\Policies\Microsoft\WindowsFirewall`
	versionKey  = `SOFTWARE\Microsoft\Windows NT\CurrentVersion`
)

// Value is one value of a registry key: Data is a string (REG_SZ) or a uint32
// (REG_DWORD).
type Value struct {
	Name string
	Data any
}

// Key reads a key of the registry; false where there is none.
func (h *Host) Key(path string) ([]Value, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	lower := strings.ToLower(path)
	if rest, ok := strings.CutPrefix(lower, strings.ToLower(firewallKey)); ok {
		return h.firewallKey(strings.TrimPrefix(rest, `\`))
	}
	if rest, ok := strings.CutPrefix(lower, strings.ToLower(groupKey)); ok {
		return h.groupKey(strings.TrimPrefix(rest, `\`))
	}
	if lower == strings.ToLower(versionKey) {
		return h.versionKey(), true
	}
	return nil, false
}

func (h *Host) firewallKey(rest string) ([]Value, bool) {
	switch rest {
	case "":
		if h.options.CleanAppX {
			return []Value{{"DeleteUserAppContainersOnLogoff", uint32(1)}}, true
		}
		return nil, true
	case "firewallrules":
		return asValues(h.local.entries), true
	case `restrictedservices\configurable\system`, `restrictedservices\appiso\firewallrules`:
		half := h.options.Restricted / 2
		if rest[len("restrictedservices\\")] == 'a' {
			half = h.options.Restricted - half
		}
		return restricted(half), true
	}
	for _, k := range localKeys {
		if strings.EqualFold(k, rest) {
			return numbers(h.policy[k]), true
		}
	}
	return nil, false
}

func (h *Host) groupKey(rest string) ([]Value, bool) {
	there := len(h.group) > 0 || len(h.gpo.entries) > 0
	switch rest {
	case "":
		if !there {
			return nil, false
		}
		return []Value{{"PolicyVersion", uint32(2<<8 | 31)}}, true
	case "firewallrules":
		return asValues(h.gpo.entries), len(h.gpo.entries) > 0
	}
	for k, v := range h.group {
		if strings.EqualFold(k, rest) {
			return numbers(v), true
		}
	}
	return nil, false
}

func (h *Host) versionKey() []Value {
	part := strings.Split(h.release.version, ".")
	out := []Value{
		{"ProductName", h.release.product}, {"CurrentBuildNumber", part[2]}, {"CurrentVersion", "6.3"},
		{"UBR", uint32(h.release.revision)}, {"InstallationType", "Server"},
	}
	if part[0] == "10" {
		out = append(out, Value{"CurrentMajorVersionNumber", uint32(10)}, Value{"CurrentMinorVersionNumber", uint32(0)})
	}
	return out
}

func asValues(of []Entry) []Value {
	out := make([]Value, len(of))
	for i, e := range of {
		out[i] = Value{e.ID, e.Text}
	}
	return out
}

func numbers(of map[string]uint32) []Value {
	var out []Value
	for k, v := range of {
		out = append(out, Value{k, v})
	}
	return out
}

func restricted(n int) []Value {
	out := make([]Value, n)
	for i := range out {
		out[i] = Value{appxID(i), appxText("v2.29", i)}
	}
	return out
}
