package firewalld

import (
	"slices"

	"farmwall/rules"
	"farmwall/rules/linux"
)

func loadedPlace(zone string) string { return name + " zone " + zone }
func keptPlace(zone string) string   { return name + " permanent zone " + zone }

// Places reads what is ours from the host: in the zones as they are loaded, and in those
// that firewalld will load.
func (Manager) Places(r *linux.Reading) []rules.Place {
	s := read(r)
	if s == nil {
		return nil
	}
	var out []rules.Place
	for _, zone := range sorted(s.loaded.ours) {
		out = append(out, rules.Place{Name: loadedPlace(zone), Owned: s.loaded.held(zone, nil)})
	}
	for _, zone := range sorted(s.kept.ours) {
		out = append(out, rules.Place{Name: keptPlace(zone), Owned: s.kept.held(zone, nil)})
	}
	return out
}

// Diff compares every zone with what it should hold, loaded and permanent. While a change
// is armed nothing is said of the permanent rules: they are written by the confirm.
func (Manager) Diff(st *rules.State, want rules.Set) []rules.Change {
	s := read(reading(st))
	if s == nil {
		return nil
	}
	want = inbound(want)
	needed := s.needed(want)
	var all [][]rules.Change
	compare := func(h *hall, place func(string) string) {
		zones := slices.Clone(needed)
		for _, zone := range sorted(h.ours) {
			if !slices.Contains(zones, zone) {
				zones = append(zones, zone)
			}
		}
		for _, zone := range zones {
			var part rules.Set
			if slices.Contains(needed, zone) {
				part = want
			}
			list := rules.Diff(h.held(zone, part), part)
			for i := range list {
				list[i].Places = []string{place(zone)}
			}
			all = append(all, list)
		}
	}
	compare(&s.loaded, loadedPlace)
	if st.Token.State != "armed" && st.Token.State != "confirming" {
		compare(&s.kept, keptPlace)
	}
	return rules.MergeChanges(all...)
}
