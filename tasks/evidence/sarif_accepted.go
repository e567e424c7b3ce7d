package evidence

import (
	"strconv"
	"strings"

	"farmwall/inventory"
	"farmwall/tasks"
)

// sarifSuppression says that a result is known and somebody answers for it. It is
// external: the entry stands in the file that farmwall_accept names, not beside what
// the result is about.
type sarifSuppression struct {
	Kind          string         `json:"kind"`
	Status        string         `json:"status"`
	Justification string         `json:"justification"`
	Location      *sarifLocation `json:"location,omitempty"`
}

func suppressed(a *tasks.Accepted) []sarifSuppression {
	out := sarifSuppression{Kind: "external", Status: "accepted", Justification: printable(a.Reason + " (until " + a.Until + ")")}
	if p := physical(position(a.At)); p != nil {
		out.Location = &sarifLocation{Physical: p}
	}
	return []sarifSuppression{out}
}

// position reads what inventory.Position prints: FILE:LINE.
func position(text string) inventory.Position {
	at := inventory.Position{File: text}
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		if line, err := strconv.Atoi(text[i+1:]); err == nil {
			at.File, at.Line = text[:i], line
		}
	}
	return at
}

// acceptedFlow is the accepted difference about what an opening meets, or nil. Of several
// ports not all may be accepted, so it is nil for those.
func (h *Host) acceptedFlow(o *Opening, outsider bool) *tasks.Accepted {
	for i := range h.Accepted {
		if f := h.Accepted[i].Flow; f != nil && f.Rule == o.Rule && f.Outsider() == outsider && !strings.ContainsAny(o.Ports, ",-") {
			return &h.Accepted[i]
		}
	}
	return nil
}

// accepted are the results of changes that somebody answers for.
func (h *Host) accepted() []sarifResult {
	var out []sarifResult
	for i := range h.Accepted {
		a := &h.Accepted[i]
		if a.Change == nil {
			continue
		}
		sign, name, words := changeWords(a.Change)
		one := h.result("drift", "", sign+name, h.Host+": "+sign+" "+name+" "+words, nil)
		one.Suppressions = suppressed(a)
		out = append(out, one)
	}
	return out
}
