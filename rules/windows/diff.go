package windows

import "farmwall/rules"

// The notes of what a person did to a rule of ours.
const (
	noteDisabled = "disabled by hand"
	noteEdited   = "edited by hand"
)

// Diff compares what is ours with what is wanted. While a change is under way, what it
// has disabled waits for the confirm and is left out.
func (s *System) Diff(st *rules.State, want rules.Set) []rules.Change {
	r := reading(st)
	if r == nil {
		return nil
	}
	have, _ := r.owned()
	list := rulesOf(have)
	state := map[*rules.Rule]*owned{}
	for i := range list {
		state[&list[i]] = &have[i]
	}
	changes := rules.Diff(list, writable(want))
	for i := range changes {
		c := &changes[i]
		c.Places = []string{place}
		if o := state[c.Have]; o != nil && c.Have.ID != "" && c.Have.Opaque != "" {
			c.Note = noteEdited
			if o.disabled {
				c.Note = noteDisabled
			}
		}
	}
	return paired(changes)
}

// paired makes one change of a rule that goes because somebody edited or disabled it
// and the same rule that comes.
func paired(changes []rules.Change) []rules.Change {
	var out []rules.Change
	for _, c := range changes {
		if n := len(out); n > 0 && c.Verb == rules.Add && out[n-1].Verb == rules.Remove && out[n-1].Have.ID == c.Want.ID &&
			(out[n-1].Note == noteEdited || out[n-1].Note == noteDisabled) {
			out[n-1].Verb, out[n-1].Want = rules.Replace, c.Want
			continue
		}
		out = append(out, c)
	}
	return out
}
