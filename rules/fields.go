package rules

import "fmt"

// FieldDiff is one field of a change for people: what it was and what it will
// be. Old is empty where a rule is added, New where one goes.
type FieldDiff struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Fields says what a change changes: of a replaced rule the fields that differ,
// of an added or removed one all that it has.
func Fields(c Change) []FieldDiff {
	var out []FieldDiff
	old, now := fieldTexts(c.Have, c.Want), fieldTexts(c.Want, c.Have)
	for i, name := range fieldNames(c.rule()) {
		if old[i] != now[i] {
			out = append(out, FieldDiff{Name: name, Old: old[i], New: now[i]})
		}
	}
	return out
}

func fieldNames(r *Rule) []string {
	remotes := "from"
	if r != nil && r.Direction == Out {
		remotes = "to"
	}
	return []string{"farm", "direction", "protocol", "ports", remotes, "interface", "rule", "mark", "action"}
}

// fieldTexts is the rule's fields in the order of fieldNames; other is what it is
// compared with.
func fieldTexts(r, other *Rule) []string {
	out := make([]string, len(fieldNames(r)))
	if r == nil {
		return out
	}
	if r.Opaque != "" {
		out[6] = r.Opaque
		return out
	}
	out[0], out[1], out[2], out[3] = r.Farm, string(r.Direction), r.Protocol.String(), PortsText(r.Ports, ", ")
	out[4] = r.Remotes.String()
	if r.Block {
		out[4], out[8] = "everybody else", "block"
	}
	if other != nil && other.Opaque == "" && !r.Block && !other.Block && !r.Remotes.Equal(other.Remotes) {
		out[4] = differing(r.Remotes, other.Remotes)
	}
	if r.Loopback {
		out[5] = "loopback"
	}
	if r.Hash != "" && r.Hash != r.hash8() {
		out[7] = r.Hash
	} else if other != nil && other.Hash != "" && other.Hash != other.hash8() {
		out[7] = r.hash8()
	}
	return out
}

// differing shows of a long list what the other has not.
func differing(list, other *Addresses) string {
	const long = 8
	if list == nil || other == nil || len(list.prefixes) <= long {
		return list.String()
	}
	mine := list.Minus(other)
	if mine.Empty() {
		return prefixes(list)
	}
	return fmt.Sprintf("%s, among them %s", prefixes(list), mine)
}

func prefixes(a *Addresses) string { return fmt.Sprintf("%d prefixes", len(a.prefixes)) }
