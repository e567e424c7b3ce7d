package rules

import "strings"

// Refusal is one reason why a host's plan cannot be carried out.
type Refusal struct {
	Rule string `json:"rule,omitempty"` // the rule's ID, where one is to blame
	Text string `json:"text"`
	Hint string `json:"hint,omitempty"`
}

// Refusals is all reasons together; Check returns it.
type Refusals []Refusal

func (rs Refusals) Error() string {
	lines := make([]string, len(rs))
	for i, r := range rs {
		lines[i] = r.Text
		if r.Rule != "" {
			lines[i] = r.Rule + ": " + r.Text
		}
		if r.Hint != "" {
			lines[i] += " (" + r.Hint + ")"
		}
	}
	return strings.Join(lines, "; ")
}
